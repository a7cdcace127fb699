// Networks that work on pictures, whatever made them: upscalers (names after spandrel, which documents them),
// control-image preprocessors, face restorers, inpainters.
#include "models/recognised/ecosystem.h"

namespace dq::models::recognised {
namespace {

constexpr SharedKind kTools[] = {
    {Role::kUpscaler, "ESRGAN upscaler (old names)", "", "model.0.weight model.1.sub.0.RDB1.conv1.0.weight"},
    {Role::kUpscaler, "Real-ESRGAN upscaler", "",
     "conv_first.weight body.0.rdb1.conv1.weight conv_last.weight"},
    {Role::kUpscaler, "BSRGAN / RealSR upscaler", "", "conv_first.weight RRDB_trunk.0.RDB1.conv1.weight"},
    {Role::kUpscaler, "compact upscaler (SRVGGNet)", "",
     "body.0.weight[]=4 body.1.weight[]=1 body.2.weight[]=4 !body.0.block1.*"},
    {Role::kUpscaler, "HAT upscaler", "",
     "conv_first.weight layers.0.residual_group.overlap_attn.qkv.weight"},
    {Role::kUpscaler, "SwinIR upscaler", "",
     "conv_first.weight|conv_first.1.weight layers.0.residual_group.blocks.0.attn.qkv.weight "
     "!*overlap_attn.* !*cpb_mlp*"},
    {Role::kUpscaler, "Swin2SR upscaler", "",
     "conv_first.weight *attn.cpb_mlp.0.weight patch_embed.proj.weight"},
    {Role::kUpscaler, "DAT upscaler", "",
     "conv_first.weight layers.0.blocks.0.attn.* *rpe_biases|*spatial_interaction.0.weight"},
    {Role::kUpscaler, "DRCT upscaler", "", "conv_first.weight layers.0.swin1.*|layers.0.adjust1.weight"},
    {Role::kUpscaler, "SPAN upscaler", "", "conv_1.sk.weight block_1.c1_r.sk.weight"},
    {Role::kUpscaler, "OmniSR upscaler", "", "residual_layer.0.residual_layer.0.layer.0.fn.0.weight"},
    {Role::kUpscaler, "face restorer (GFPGAN)", "", "stylegan_decoder.style_mlp.1.weight"},
    {Role::kUpscaler, "face restorer (CodeFormer)", "",
     "position_emb quantize.embedding.weight ft_layers.0.self_attn.in_proj_weight"},
    {Role::kUpscaler, "SCUNet restorer", "", "m_head.0.weight m_tail.0.weight m_down1.0.conv1_1.weight"},
    {Role::kPreprocessor, "soft edges (HED)", "", "block1.convs.0.weight block5.projection.weight norm[1]=3"},
    {Role::kPreprocessor, "soft edges (PiDiNet)", "",
     "*init_block.weight *conv_reduces.0.conv.weight|*conv_reduces.0.*"},
    {Role::kPreprocessor, "line art", "",
     "model0.1.weight model1.0.weight model2.0.conv_block.1.weight model4.1.weight"},
    {Role::kPreprocessor, "anime line art", "",
     "*model.model.0.weight *model.model.1.model.1.weight *model.model.3.weight"},
    {Role::kPreprocessor, "depth (Depth Anything)", "", "*pretrained.cls_token depth_head.scratch.*"},
    {Role::kPreprocessor, "depth (ZoeDepth)", "",
     "*core.core.pretrained.* *conditional_log_binomial.*|*attractors.*"},
    {Role::kPreprocessor, "depth (MiDaS)", "", "*scratch.refinenet1.* *pretrained.*"},
    {Role::kPreprocessor, "body pose (OpenPose)", "",
     "*conv1_1.weight *Mconv7_stage6_L1.weight|*Mconv7_stage6.weight|*Mconv7_stage6_L2.weight"},
    {Role::kPreprocessor, "line segments (M-LSD)", "",
     "backbone.features.0.0.weight[1]=4 block15.conv1.0.weight|block23.conv3.weight"},
    {Role::kPreprocessor, "segmentation (SAM)", "", "mask_decoder.iou_token.weight image_encoder.*"},
    {Role::kPreprocessor, "inpainting (LaMa)", "",
     "*generator.model.1.ffc.convl2l.weight|*model.1.ffc.convl2l.weight"},
    {Role::kPreprocessor, "inpainting (MAT)", "", "synthesis.first_stage.conv_first.conv.weight"},
};

}  // namespace

std::span<const SharedKind> picture_tools() {
  return kTools;
}

}  // namespace dq::models::recognised
