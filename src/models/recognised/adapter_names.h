#pragma once
// The endings of adapter tensors and the beginnings of their modules' names, as data.
#include <string_view>

namespace dq::models::recognised {

// What a tensor is to its module. Shapes: r is the rank, k the kernel.
enum class Slot {
  kDown,    // [r, in(, k, k)]
  kUp,      // [out, r(, 1, 1)]
  kMid,     // [r, r, k, k]
  kAlpha,   // a number; the scale is alpha / r
  kDora,    // magnitudes a row or column
  kLeftA,   // hada_w1_a [out, r] (with Tucker: [r, out]); lokr_w1_a
  kLeftB,   // hada_w1_b [r, in·k²]; lokr_w1_b
  kTucker,  // hada_t1 [r, r, k, k]
  kLeft,    // lokr_w1 [a, b]
  kRight,   // lokr_w2 [c, d(, k, k)]: the weight is kron(w1, w2), [a·c, b·d]
  kRightA,  // lokr_w2_a [c, r]
  kRightB,  // lokr_w2_b [r, d]
  kBlocks,  // oft_blocks [n, b, b] or, in butterflies, [m, n, b, b]
  kFull,    // the whole difference
  kOther,
};

struct Ending {
  std::string_view text, algorithm;
  Slot slot;
};

// Longer endings stand before those they end with.
inline constexpr Ending kEndings[] = {
    {".lora_down.weight", "LoRA", Slot::kDown},
    {".lora_up.weight", "LoRA", Slot::kUp},
    {".lora_mid.weight", "LoRA", Slot::kMid},
    {".lora_A.weight", "LoRA", Slot::kDown},
    {".lora_B.weight", "LoRA", Slot::kUp},
    {".lora_A.default.weight", "LoRA", Slot::kDown},
    {".lora_B.default.weight", "LoRA", Slot::kUp},
    {".lora_A", "LoRA", Slot::kDown},
    {".lora_B", "LoRA", Slot::kUp},
    {".lora_B.bias", "LoRA", Slot::kOther},
    {".lora.down.weight", "LoRA", Slot::kDown},
    {".lora.up.weight", "LoRA", Slot::kUp},
    {".lora_linear_layer.down.weight", "LoRA", Slot::kDown},
    {".lora_linear_layer.up.weight", "LoRA", Slot::kUp},
    {".lora_layer.down.weight", "LoRA", Slot::kDown},
    {".lora_layer.up.weight", "LoRA", Slot::kUp},
    {"_lora.down.weight", "LoRA", Slot::kDown},
    {"_lora.up.weight", "LoRA", Slot::kUp},
    {"_lora1.down.weight", "LoRA", Slot::kDown},
    {"_lora1.up.weight", "LoRA", Slot::kUp},
    {"_lora2.down.weight", "LoRA", Slot::kDown},
    {"_lora2.up.weight", "LoRA", Slot::kUp},
    {".lora_magnitude_vector.weight", "LoRA", Slot::kDora},
    {".lora_magnitude_vector", "LoRA", Slot::kDora},
    {".dora_scale", "LoRA", Slot::kDora},
    {".alpha", "", Slot::kAlpha},
    {".hada_w1_a", "LoHa", Slot::kLeftA},
    {".hada_w1_b", "LoHa", Slot::kLeftB},
    {".hada_w2_a", "LoHa", Slot::kOther},
    {".hada_w2_b", "LoHa", Slot::kOther},
    {".hada_t1", "LoHa", Slot::kTucker},
    {".hada_t2", "LoHa", Slot::kOther},
    {".lokr_w1", "LoKr", Slot::kLeft},
    {".lokr_w1_a", "LoKr", Slot::kLeftA},
    {".lokr_w1_b", "LoKr", Slot::kLeftB},
    {".lokr_w2", "LoKr", Slot::kRight},
    {".lokr_w2_a", "LoKr", Slot::kRightA},
    {".lokr_w2_b", "LoKr", Slot::kRightB},
    {".lokr_t2", "LoKr", Slot::kOther},
    {".oft_blocks", "OFT", Slot::kBlocks},
    {".oft_diag", "OFT", Slot::kOther},
    {".oft_R.weight", "OFT", Slot::kOther},
    {".a1.weight", "GLoRA", Slot::kOther},
    {".a2.weight", "GLoRA", Slot::kOther},
    {".b1.weight", "GLoRA", Slot::kUp},
    {".b2.weight", "GLoRA", Slot::kDown},
    {".on_input", "IA3", Slot::kOther},
    {".ia3_l", "IA3", Slot::kOther},
    {".diff", "full difference", Slot::kFull},
    {".diff_b", "full difference", Slot::kOther},
    {".set_weight", "full difference", Slot::kFull},
    {".w_norm", "full difference", Slot::kOther},
    {".b_norm", "full difference", Slot::kOther},
    {".reshape_weight", "", Slot::kOther},
    {".rescale", "", Slot::kOther},
};

struct Beginning {
  std::string_view text;
  std::string_view part;    // "" the denoiser, else "te:", "te1:" …
  std::string_view naming;  // the program family that writes it
};

// Tried in this order, again and again, since they nest ("base_model.model.unet.").
inline constexpr Beginning kBeginnings[] = {
    {"base_model.model.", "", "diffusers"},
    {"model.diffusion_model.", "", "ComfyUI"},
    {"diffusion_model.", "", "ComfyUI"},
    {"lora_unet__", "", "VideoX-Fun"},
    {"lora_unet_", "", "kohya"},
    {"lora_te1_", "te1:", "kohya"},
    {"lora_te2_", "te2:", "kohya"},
    {"lora_te3_", "te3:", "kohya"},
    {"lora_te__", "te:", "VideoX-Fun"},
    {"lora_te_", "te:", "kohya"},
    {"lora_transformer_", "", "OneTrainer"},
    {"lora_prior_unet_", "", "OneTrainer"},
    {"lycoris_", "", "LyCORIS"},
    {"text_encoder_3.", "te3:", "diffusers"},
    {"text_encoder_2.", "te2:", "diffusers"},
    {"text_encoder.", "te:", "diffusers"},
    {"text_encoders.clip_l.transformer.", "te1:", "ComfyUI"},
    {"text_encoders.clip_g.transformer.", "te2:", "ComfyUI"},
    {"text_encoders.t5xxl.transformer.", "te3:", "ComfyUI"},
    {"text_encoders.", "te:", "ComfyUI"},
    {"transformer_2.", "", "diffusers"},
    {"transformer.", "", "diffusers"},
    {"unet.", "", "diffusers"},
    {"sformer_", "", "diffusers, cut"},
};

}  // namespace dq::models::recognised
