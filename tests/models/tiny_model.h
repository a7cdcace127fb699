#pragma once
// The small model of tests/golden/models/tiny in every layout that people's files have.
#include <functional>

#include "models/family.h"
#include "support/temp_dir.h"

namespace dq::test {

// Tables over the golden diffusers folder; no file is written: the same stored tensors under other names.
weights::TensorTable tiny_folder();      // "unet.…", "vae.…", "text_encoder.…"
weights::TensorTable tiny_old_folder();  // the same with the attention names of older diffusers
weights::TensorTable tiny_original();    // "model.diffusion_model.…", as single-file checkpoints have it
weights::TensorTable tiny_old_text_prefix();  // as tiny_original, text encoder without "text_model."
weights::TensorTable
tiny_with_ema();  // as tiny_original, with EMA copies, optimizer junk and schedule buffers
weights::TensorTable tiny_inpaint();  // as tiny_original, first convolution with 9 input channels

// The merges of its tokenizer: the first 486 of CLIP's, which make a vocabulary of 1000.
std::string tiny_merges();

}  // namespace dq::test
