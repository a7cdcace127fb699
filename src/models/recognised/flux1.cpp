// FLUX.1 (Black Forest Labs 2024) and its tools.
#include "models/recognised/ecosystem.h"

namespace dq::models::recognised {
namespace {

constexpr std::string_view kRelatives[] = {"flux2", "chroma", "sd3", "sdxl"};

constexpr Signature kDenoisers[] = {
    {Role::kDenoiser, "Fill",
     "double_blocks.0.img_attn.qkv.weight img_in.weight[1]=384 !distilled_guidance_layer.*"},
    {Role::kDenoiser, "Canny or Depth",
     "double_blocks.0.img_attn.qkv.weight img_in.weight[1]=128 vector_in.*",
     "Canny and Depth have the same tensors"},
    {Role::kDenoiser, "ACE++ (full fine-tune)",
     "double_blocks.0.img_attn.qkv.weight img_in.weight[1]=448 vector_in.*"},
    {Role::kDenoiser, "Flex.2", "double_blocks.0.img_attn.qkv.weight img_in.weight[1]=196 vector_in.*"},
    {Role::kDenoiser, "dev",
     "double_blocks.0.img_attn.qkv.weight img_in.weight vector_in.* guidance_in.* "
     "!double_stream_modulation_img.* !img_in.weight[1]=384",
     "dev, Krea and Kontext have the same tensors"},
    {Role::kDenoiser, "schnell",
     "double_blocks.0.img_attn.qkv.weight img_in.weight vector_in.* !guidance_in.* "
     "!double_stream_modulation_img.*"},
    {Role::kDenoiser, "nunchaku (4-bit SVDQuant)",
     "transformer_blocks.0.mlp_context_fc1.wscales|transformer_blocks.0.mlp_context_fc1.wtscale|transformer_"
     "blocks.0.mlp_context_fc1.qweight"},
    {Role::kDenoiser, "Fill",
     "x_embedder.weight[1]=384 transformer_blocks.0.attn.add_q_proj.weight "
     "single_transformer_blocks.0.proj_mlp.weight"},
    {Role::kDenoiser, "Canny or Depth",
     "x_embedder.weight[1]=128 transformer_blocks.0.attn.add_q_proj.weight "
     "single_transformer_blocks.0.proj_mlp.weight",
     "Canny and Depth have the same tensors"},
    {Role::kDenoiser, "dev",
     "x_embedder.weight context_embedder.weight[1]=4096 time_text_embed.guidance_embedder.* "
     "transformer_blocks.0.attn.add_q_proj.weight single_transformer_blocks.0.proj_mlp.weight "
     "!controlnet_x_embedder.* !distilled_guidance_layer.*",
     "dev, Krea and Kontext have the same tensors"},
    {Role::kDenoiser, "schnell",
     "x_embedder.weight context_embedder.weight[1]=4096 time_text_embed.text_embedder.* "
     "transformer_blocks.0.attn.add_q_proj.weight single_transformer_blocks.0.proj_mlp.weight "
     "!time_text_embed.guidance_embedder.* !controlnet_x_embedder.* !distilled_guidance_layer.*"},
};

constexpr Signature kAddOns[] = {
    {Role::kControlNet, "union", "controlnet_mode_embedder.weight controlnet_x_embedder.weight"},
    {Role::kControlNet, "inpainting",
     "controlnet_x_embedder.weight[1]=68 transformer_blocks.0.ff.net.0.proj.weight"},
    {Role::kControlNet, "", "controlnet_x_embedder.weight transformer_blocks.0.ff.net.0.proj.weight"},
    {Role::kControlNet, "XLabs", "input_hint_block.0.weight double_blocks.0.* pos_embed_input.weight"},
    {Role::kControlNet, "Mistoline", "input_cond_block.* controlnet_blocks.0.linear.weight"},
    {Role::kIpAdapter, "XLabs", "ip_adapter_proj_model.proj.weight double_blocks.0.processor.*"},
    {Role::kIpAdapter, "",
     "image_proj.* ip_adapter.*to_k_ip.weight[0]=3072|ip_adapter.0.to_k_ip.weight[0]=3072"},
    {Role::kIpAdapter, "PuLID", "pulid_ca.0.*|pulid_encoder.*"},
    {Role::kStyleModel, "Redux", "redux_up.weight redux_down.weight"},
};

constexpr Signature kAdapters[] = {
    {Role::kAdapter, "control (Canny or Depth)", "double_blocks_0_* img_in[1]=128"},
    {Role::kAdapter, "XLabs", "double_blocks_0_processor_*"},
    {Role::kAdapter, "",
     "double_blocks_*[1]=3072|single_blocks_*[1]=3072|single_blocks_*[1]=15360|double_blocks_*[1]=12288 "
     "!*double_blocks_19_* !*single_blocks_38_*",
     "Chroma LoRAs may have the same modules"},
    {Role::kAdapter, "",
     "single_transformer_blocks_*[1]=3072|single_transformer_blocks_*[1]=15360 "
     "!single_transformer_blocks_38_*"},
    {Role::kAdapter, "",
     "transformer_blocks_*attn_add_q_proj[1]=3072|transformer_blocks_*ff_context_*|transformer_blocks_*attn_"
     "to_q[1]=3072 !*attn1_* !*img_mlp_* !*img_mod_* !transformer_blocks_19_* !transformer_blocks_20_*"},
    {Role::kAdapter, "text encoder only", "te1:*[1]=768 te3:*|te2:*[1]=4096"},
};

}  // namespace

constinit const Ecosystem kFlux1{
    .id = "flux1",
    .title = "FLUX.1",
    .prediction = "flow",
    .prediction_certain = true,
    .shape_note = "19 double and 38 single transformer blocks, 3072 wide",
    .companions = "the FLUX VAE (ae) and the CLIP-L and T5-XXL text encoders",
    .diffusers = "x_embedder.weight",
    .relatives = kRelatives,
    .denoisers = kDenoisers,
    .add_ons = kAddOns,
    .adapters = kAdapters,
};

}  // namespace dq::models::recognised
