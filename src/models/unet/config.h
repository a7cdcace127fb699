#pragma once
// The shape of a latent-diffusion U-Net, read from the names and shapes of its tensors.
#include <optional>
#include <vector>

#include "weights/tensor_table.h"

namespace dq::models::unet {

// One level of the U-Net, from full resolution (0) down.
struct Level {
  std::int64_t channels = 0;
  std::vector<int> input_depths;   // transformer blocks after each residual block on the way down
  std::vector<int> output_depths;  // the same on the way up, in the order in which they run
};

struct Config {
  std::int64_t in_channels = 4, out_channels = 4;
  std::int64_t model_channels = 320;  // of the first convolution
  std::int64_t context_dim = 768;     // of the text encoding; 0 without cross-attention
  std::int64_t vector_dim = 0;        // of the extra conditioning vector; 0 when there is none
  std::vector<Level> levels;
  int middle_depth = 1;  // transformer blocks in the middle; −1: one residual block; −2: no middle
  bool linear_projection = false;  // proj_in/proj_out stored as matrices instead of 1×1 convolutions

  // Which cannot be read from shapes: a fixed number of heads, or (when 0) a fixed head width.
  int heads = 8;
  int head_dim = 64;

  int heads_for(std::int64_t channels) const {
    return heads > 0 ? heads : static_cast<int>(channels / head_dim);
  }
};

// From a table in canonical names (names.h); nothing when this is no such U-Net.
std::optional<Config> read_config(const weights::TensorTable& table);
// The same of what has only the way down and the middle, such as a control net; the rest stays empty.
std::optional<Config> read_way_down(const weights::TensorTable& table);

}  // namespace dq::models::unet
