// Text encoders, in Hugging Face's names, open_clip's and T5's.
#include "models/recognised/ecosystem.h"

namespace dq::models::recognised {
namespace {

constexpr std::string_view kClipL = "sd1 sdxl sd3 flux1 hidream hunyuan-video";

constexpr SharedKind kTextEncoders[] = {
    {Role::kTextEncoder, "CLIP (text and image)", "",
     "text_model.encoder.layers.0.* vision_model.encoder.layers.0.*"},
    {Role::kTextEncoder, "CLIP bigG text encoder", "sdxl sd3 hidream",
     "*encoder.layers.30.mlp.fc1.weight[1]=1280 *embeddings.token_embedding.weight"},
    {Role::kTextEncoder, "OpenCLIP-H text encoder", "sd2",
     "*encoder.layers.22.mlp.fc1.weight[1]=1024 *embeddings.token_embedding.weight"},
    {Role::kTextEncoder, "Long-CLIP-L text encoder", "sd1 sdxl flux1 hidream",
     "*encoder.layers.0.mlp.fc1.weight[1]=768 *embeddings.position_embedding.weight[0]>77 "
     "*embeddings.token_embedding.weight"},
    {Role::kTextEncoder, "CLIP-L text encoder", kClipL,
     "*encoder.layers.0.mlp.fc1.weight[1]=768 *embeddings.token_embedding.weight"},
    {Role::kTextEncoder, "CLIP bigG text encoder", "sdxl sd3 hidream",
     "transformer.resblocks.30.mlp.c_fc.weight[1]=1280"},
    {Role::kTextEncoder, "OpenCLIP-H text encoder", "sd2",
     "transformer.resblocks.22.mlp.c_fc.weight[1]=1024"},
    {Role::kTextEncoder, "CLIP-L text encoder (open_clip names)", kClipL,
     "transformer.resblocks.0.mlp.c_fc.weight[1]=768 token_embedding.weight"},
    {Role::kTextEncoder, "CLIP text encoder", "",
     "*embeddings.token_embedding.weight *encoder.layers.0.mlp.fc1.weight !vision_model.*"},
    {Role::kTextEncoder, "UMT5-XXL text encoder", "wan",
     "encoder.block.1.layer.0.SelfAttention.relative_attention_bias.weight shared.weight[0]=256384"},
    {Role::kTextEncoder, "UMT5-XXL text encoder", "wan",
     "token_embedding.weight[0]=256384 blocks.0.attn.q.weight"},
    {Role::kTextEncoder, "Pile-T5-XL text encoder", "auraflow",
     "encoder.block.23.layer.1.DenseReluDense.wi_1.weight[1]=2048"},
    {Role::kTextEncoder, "T5-XXL text encoder", "sd3 flux1 chroma hidream pixart ltx cogvideox mochi",
     "encoder.block.23.layer.1.DenseReluDense.wi_1.weight[1]=4096|encoder.block.23.layer.0.SelfAttention.q."
     "weight[1]=4096"},
    {Role::kTextEncoder, "T5-11B text encoder (old)", "cosmos",
     "encoder.block.23.layer.1.DenseReluDense.wi.weight[1]=1024"},
    {Role::kTextEncoder, "ByT5 small text encoder", "hunyuan-image hunyuan-video",
     "encoder.block.11.layer.1.DenseReluDense.wi_0.weight[1]=1472"},
    {Role::kTextEncoder, "T5 text encoder", "", "encoder.block.0.layer.0.SelfAttention.q.weight"},
    {Role::kTextEncoder, "Qwen2.5-VL-7B", "qwen-image hunyuan-image hunyuan-video",
     "*layers.0.post_attention_layernorm.weight[0]=3584 *visual.*|*layers.0.self_attn.q_proj.bias"},
    {Role::kTextEncoder, "Qwen2.5-VL-3B", "omnigen2",
     "*layers.0.post_attention_layernorm.weight[0]=2048 *layers.0.self_attn.q_proj.bias"},
    {Role::kTextEncoder, "Qwen3 4B", "z-image flux2",
     "*layers.0.post_attention_layernorm.weight[0]=2560 *layers.0.self_attn.q_norm.weight"},
    {Role::kTextEncoder, "Qwen3 8B", "flux2",
     "*layers.0.post_attention_layernorm.weight[0]=4096 *layers.0.self_attn.q_norm.weight"},
    {Role::kTextEncoder, "Qwen3 0.6B", "anima",
     "*layers.0.post_attention_layernorm.weight[0]=1024 *layers.0.self_attn.q_norm.weight"},
    {Role::kTextEncoder, "Mistral Small 3", "flux2",
     "*layers.0.post_attention_layernorm.weight[0]=5120 *layers.39.* !*layers.0.self_attn.q_norm.weight"},
    {Role::kTextEncoder, "Mistral Small 3 (pruned to 30 layers)", "flux2",
     "*layers.0.post_attention_layernorm.weight[0]=5120 *layers.29.* !*layers.30.* "
     "!*layers.0.self_attn.q_norm.weight"},
    {Role::kTextEncoder, "Gemma 2 2B", "lumina2 sana",
     "*layers.0.post_attention_layernorm.weight[0]=2304 *layers.0.pre_feedforward_layernorm.weight"},
    {Role::kTextEncoder, "Gemma 3 12B", "ltx",
     "*layers.0.post_attention_layernorm.weight[0]=3840 *layers.0.pre_feedforward_layernorm.weight"},
    {Role::kTextEncoder, "Llama 3 8B", "hidream hunyuan-video",
     "*layers.0.post_attention_layernorm.weight[0]=4096 *layers.0.self_attn.k_proj.weight[0]=1024 "
     "!*layers.0.self_attn.q_norm.weight"},
    {Role::kTextEncoder, "ChatGLM3 6B", "kolors", "*encoder.layers.0.self_attention.query_key_value.weight"},
    {Role::kTextEncoder, "language model", "",
     "*layers.0.self_attn.q_proj.weight *layers.0.post_attention_layernorm.weight *embed_tokens.weight"},
};

constexpr SharedKind kImageEncoders[] = {
    {Role::kImageEncoder, "CLIP ViT-H image encoder", "",
     "vision_model.embeddings.patch_embedding.weight[0]=1280|visual.conv1.weight[0]=1280 "
     "vision_model.encoder.layers.31.*|visual.transformer.resblocks.31.*|vision_model.encoder.layers.0.*",
     "for IP-Adapters, unCLIP and image to video"},
    {Role::kImageEncoder, "CLIP bigG image encoder", "",
     "vision_model.embeddings.patch_embedding.weight[0]=1664|visual.conv1.weight[0]=1664", "for IP-Adapters"},
    {Role::kImageEncoder, "CLIP ViT-L image encoder", "",
     "vision_model.embeddings.patch_embedding.weight[0]=1024|visual.conv1.weight[0]=1024",
     "for style adapters and the safety checker"},
    {Role::kImageEncoder, "SigLIP so400m image encoder", "flux1",
     "vision_model.embeddings.patch_embedding.weight[0]=1152", "for Redux and IP-Adapters"},
    {Role::kImageEncoder, "image encoder", "",
     "vision_model.embeddings.patch_embedding.weight|visual.conv1.weight"},
};

}  // namespace

std::span<const SharedKind> shared_text_encoders() {
  return kTextEncoders;
}
std::span<const SharedKind> shared_image_encoders() {
  return kImageEncoders;
}

}  // namespace dq::models::recognised
