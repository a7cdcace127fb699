// Autoencoders. Original names ("decoder.conv_in.weight") and diffusers' ("decoder.up_blocks…").
#include "models/recognised/ecosystem.h"

namespace dq::models::recognised {
namespace {

// The narrow rows come first; the last two take any width of the same graph.
constexpr SharedKind kVaes[] = {
    {Role::kPreviewVae, "TAESD (preview VAE, 4 channels)", "sd1 sd2 sdxl",
     "taesd_decoder.1.weight[1]=4|decoder.layers.0.weight[1]=4|1.weight[0]=64[1]=4[2]=3 "
     "taesd_decoder.3.conv.0.weight|decoder.layers.2.conv.0.weight|3.conv.0.weight",
     "TAESD and TAESDXL have the same tensors"},
    {Role::kPreviewVae, "TAESD (preview VAE, 16 channels)", "sd3 flux1 chroma z-image",
     "taesd_decoder.1.weight[1]=16|decoder.layers.0.weight[1]=16|1.weight[0]=64[1]=16[2]=3 "
     "taesd_decoder.3.conv.0.weight|decoder.layers.2.conv.0.weight|3.conv.0.weight",
     "TAESD3 and TAEF1 have the same tensors"},
    {Role::kPreviewVae, "TAEF2 (preview VAE, 32 channels)", "flux2",
     "taesd_decoder.1.weight[1]=32|decoder.layers.0.weight[1]=32|1.weight[0]=64[1]=32[2]=3"},
    {Role::kPreviewVae, "TAESD encoder (preview VAE)", "sd1 sd2 sdxl sd3 flux1",
     "0.weight[0]=64[1]=3[2]=3 1.conv.0.weight 14.weight"},
    {Role::kPreviewVae, "TAEHV (preview VAE for video)", "wan hunyuan-video qwen-image",
     "decoder.1.weight decoder.3.conv.0.weight decoder.22.bias|decoder.23.bias|encoder.0.weight "
     "!decoder.conv_in.*"},
    {Role::kVae, "Wan 2.2 VAE (48 channels)", "wan", "decoder.upsamples.0.upsamples.0.residual.2.weight"},
    {Role::kVae, "Wan 2.2 VAE (48 channels)", "wan",
     "decoder.conv_in.weight[]=5[1]=48 encoder.conv_in.weight decoder.mid_block.resnets.0.norm1.gamma"},
    {Role::kVae, "Qwen-Image layered VAE (RGBA)", "qwen-image",
     "decoder.middle.0.residual.0.gamma encoder.conv1.weight[1]=4"},
    {Role::kVae, "Wan 2.1 / Qwen-Image VAE (16 channels)", "wan qwen-image cosmos anima",
     "decoder.middle.0.residual.0.gamma", "Wan 2.1 and Qwen-Image share their layout"},
    {Role::kVae, "Qwen-Image layered VAE (RGBA)", "qwen-image",
     "decoder.mid_block.resnets.0.norm1.gamma encoder.conv_in.weight[]=5[1]=4"},
    {Role::kVae, "Wan 2.1 / Qwen-Image VAE (16 channels)", "wan qwen-image cosmos anima",
     "decoder.conv_in.weight[]=5[1]=16 decoder.mid_block.resnets.0.norm1.gamma",
     "Wan 2.1 and Qwen-Image share their layout"},
    {Role::kVae, "LTX-Video VAE (128 channels)", "ltx", "decoder.conv_in.conv.weight[1]=128"},
    {Role::kVae, "Mochi VAE (12 channels)", "mochi",
     "decoder.conv_in.weight[]=5[1]=12|blocks.0.0.weight[1]=12|decoder.blocks.0.0.weight[1]=12"},
    {Role::kVae, "CogVideoX VAE (16 channels)", "cogvideox",
     "decoder.conv_in.conv.weight[]=5[1]=16 "
     "*norm_layer.weight|*spatial_norm*|*conv_y.conv.weight|*norm1.conv_y.*"},
    {Role::kVae, "HunyuanVideo 1.0 VAE (16 channels)", "hunyuan-video",
     "decoder.conv_in.conv.weight[]=5[1]=16"},
    {Role::kVae, "HunyuanVideo 1.5 VAE (32 channels)", "hunyuan-video",
     "decoder.conv_in.conv.weight[]=5[1]=32", "the HunyuanImage refiner's VAE looks alike"},
    {Role::kVae, "HunyuanImage VAE (64 channels, 32x)", "hunyuan-image", "decoder.conv_in.weight[]=4[1]=64"},
    {Role::kVae, "DC-AE (32 channels, 32x)", "sana",
     "decoder.conv_in.weight[1]=32 *attn.to_qkv_multiscale.*|*context_module.*|*to_qkv_multiscale*"},
    {Role::kVae, "DC-AE (32 channels, 32x)", "sana",
     "decoder.project_in.main.conv.weight|decoder.stages.0.*"},
    {Role::kVae, "SVD VAE (with time)", "svd",
     "*time_mix_conv.*|*time_mixer.mix_factor|*time_stack.* decoder.conv_in.weight"},
    {Role::kVae, "FLUX.2 VAE (32 channels)", "flux2", "decoder.conv_in.weight[]=4[1]=32 bn.running_mean"},
    {Role::kVae, "consistency decoder", "sd1", "embed_time.*|embed_t.* up.0.*|up_blocks.0.*"},
    {Role::kVae, "SD3 / FLUX VAE (16 channels)", "sd3 flux1 chroma z-image lumina2 hidream omnigen2",
     "decoder.conv_in.weight[]=4[1]=16 !quant_conv.weight",
     "SD3's and FLUX's VAEs have the same tensors but another scale"},
    {Role::kVae, "VAE with 16 channels", "", "decoder.conv_in.weight[]=4[1]=16"},
    {Role::kVae, "SD VAE (4 channels)", "sd1 sd2 sdxl pixart auraflow kolors",
     "decoder.conv_in.weight[]=4[1]=4 "
     "decoder.up.0.block.0.norm1.weight|decoder.up_blocks.0.resnets.0.norm1.weight",
     "1.x, 2.x and XL VAEs have the same tensors but another scale: take the one made for the model"},
};

}  // namespace

std::span<const SharedKind> shared_vaes() {
  return kVaes;
}

}  // namespace dq::models::recognised
