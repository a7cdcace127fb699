// Wan 2.1 and 2.2 (Wan team 2025) and the models trained from them.
#include "models/recognised/ecosystem.h"

namespace dq::models::recognised {
namespace {

constexpr std::string_view kRelatives[] = {"hunyuan-video", "cosmos", "ltx"};

constexpr Signature kDenoisers[] = {
    {Role::kDenoiser, "VACE module only", "vace_patch_embedding.weight !patch_embedding.weight"},
    {Role::kDenoiser, "2.1 VACE 14B", "vace_patch_embedding.weight patch_embedding.weight[0]=5120",
     "2.2 VACE Fun has the same tensors"},
    {Role::kDenoiser, "2.1 VACE 1.3B", "vace_patch_embedding.weight patch_embedding.weight[0]=1536"},
    {Role::kDenoiser, "2.2 S2V 14B", "head.modulation casual_audio_encoder.*"},
    {Role::kDenoiser, "HuMo", "head.modulation audio_proj.audio_proj_glob_1.layer.bias"},
    {Role::kDenoiser, "2.2 Animate 14B", "face_adapter.* patch_embedding.weight"},
    {Role::kDenoiser, "2.1 Fun Camera", "head.modulation control_adapter.* img_emb.*"},
    {Role::kDenoiser, "2.2 Fun Camera", "head.modulation control_adapter.* !img_emb.*"},
    {Role::kDenoiser, "2.1 FLF2V 14B", "head.modulation img_emb.emb_pos"},
    {Role::kDenoiser, "2.1 Fun Control", "head.modulation img_emb.* patch_embedding.weight[1]=48"},
    {Role::kDenoiser, "2.1 I2V 14B", "head.modulation img_emb.* patch_embedding.weight[0]=5120[1]=36",
     "480P, 720P and Fun InP have the same tensors; AniSora too"},
    {Role::kDenoiser, "2.1 Fun InP 1.3B", "head.modulation img_emb.* patch_embedding.weight[0]=1536[1]=36"},
    {Role::kDenoiser, "2.2 TI2V 5B", "head.modulation patch_embedding.weight[0]=3072[1]=48"},
    {Role::kDenoiser, "2.2 Fun 5B",
     "head.modulation patch_embedding.weight[0]=3072 !patch_embedding.weight[1]=48"},
    {Role::kDenoiser, "2.2 I2V A14B", "head.modulation patch_embedding.weight[0]=5120[1]=36 !img_emb.*",
     "one of two experts: nothing tells high noise from low noise"},
    {Role::kDenoiser, "2.2 Fun Control A14B", "head.modulation patch_embedding.weight[0]=5120[1]=52"},
    {Role::kDenoiser, "2.1 T2V 1.3B", "head.modulation patch_embedding.weight[0]=1536[1]=16"},
    {Role::kDenoiser, "T2V 14B", "head.modulation patch_embedding.weight[0]=5120[1]=16",
     "2.1 and either expert of 2.2 have the same tensors"},
    {Role::kDenoiser, "", "head.modulation patch_embedding.weight blocks.0.self_attn.q.weight"},
    {Role::kDenoiser, "2.1 FLF2V 14B",
     "condition_embedder.image_embedder.pos_embed blocks.0.attn1.to_q.weight"},
    {Role::kDenoiser, "2.1 I2V 14B",
     "condition_embedder.image_embedder.* patch_embedding.weight[0]=5120[1]=36 blocks.0.attn1.to_q.weight",
     "480P, 720P and Fun InP have the same tensors"},
    {Role::kDenoiser, "2.2 I2V A14B",
     "condition_embedder.* patch_embedding.weight[0]=5120[1]=36 blocks.0.attn1.to_q.weight",
     "one of two experts: nothing tells high noise from low noise"},
    {Role::kDenoiser, "2.2 TI2V 5B",
     "condition_embedder.* patch_embedding.weight[0]=3072 blocks.0.attn1.to_q.weight"},
    {Role::kDenoiser, "2.1 T2V 1.3B",
     "condition_embedder.* patch_embedding.weight[0]=1536 blocks.0.attn1.to_q.weight"},
    {Role::kDenoiser, "T2V 14B",
     "condition_embedder.* patch_embedding.weight[0]=5120[1]=16 blocks.0.attn1.to_q.weight",
     "2.1 and either expert of 2.2 have the same tensors"},
};

constexpr Signature kAdapters[] = {
    {Role::kAdapter, "VACE", "vace_blocks_*"},
    {Role::kAdapter, "2.1 I2V 14B", "*cross_attn_k_img|*attn2_add_k_proj"},
    {Role::kAdapter, "14B",
     "blocks_*[1]=5120|blocks_*[1]=13824 "
     "*self_attn_*|*cross_attn_*|*_ffn_0|*_ffn_2|*attn1_*|*attn2_*|*ffn_net_* !*self_attn_q_proj !*_q_proj",
     "2.1 and either expert of 2.2 have the same modules"},
    {Role::kAdapter, "1.3B",
     "blocks_*[1]=1536|blocks_*[1]=8960 "
     "*self_attn_*|*cross_attn_*|*_ffn_0|*_ffn_2|*attn1_*|*attn2_*|*ffn_net_* !*_q_proj"},
    {Role::kAdapter, "5B",
     "blocks_*[1]=3072|blocks_*[1]=14336 "
     "*self_attn_*|*cross_attn_*|*_ffn_0|*_ffn_2|*attn1_*|*attn2_*|*ffn_net_* !*_q_proj"},
};

}  // namespace

constinit const Ecosystem kWan{
    .id = "wan",
    .title = "Wan 2.1 / 2.2",
    .prediction = "flow",
    .prediction_certain = true,
    .shape_note =
        "video blocks 5120, 3072 or 1536 wide with text 4096 wide (UMT5-XXL), rows of self_attn and "
        "cross_attn",
    .companions = "the Wan 2.1 VAE (Wan 2.2 VAE for the 5B) and UMT5-XXL for text",
    .diffusers = "condition_embedder.*",
    .relatives = kRelatives,
    .denoisers = kDenoisers,
    .add_ons = {},
    .adapters = kAdapters,
};

}  // namespace dq::models::recognised
