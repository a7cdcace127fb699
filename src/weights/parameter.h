#pragma once
// The named parameters of a loaded network, so that adapters can be hung on them and a trainer can find them.
// Names are the family's canonical ones.
#include <cstdint>
#include <functional>
#include <limits>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "tensor/tensor.h"
#include "weights/adapter.h"

namespace dq::weights {

// What a network is loaded for.
enum class Purpose : std::uint8_t {
  kPaint,  // packed for the way forward only
  kAdapt,  // frozen, but gradients pass through it: adapters can be trained on it
  kTrain,  // every parameter is an f32 leaf (grad/tape.h) in memory of its own
};

// How a network is loaded. A Purpose alone will do.
struct LoadOptions {
  LoadOptions(Purpose purpose_ = Purpose::kPaint) : purpose(purpose_) {}

  Purpose purpose;
  // Bytes of packed matrices that may stay in memory, when the network only paints. The others are packed
  // from the file anew at each use.
  std::int64_t resident = std::numeric_limits<std::int64_t>::max();
};

struct Parameter {
  std::string name;  // "input_blocks.1.1.proj_in.weight"
  Shape shape;       // as layers use it: [out, in], [out, in, kh, kw], [C]
  Shape stored;      // as the file has it: a 1×1 convolution may serve as a matrix
  Tensor value;      // f32; undefined for a matrix that is only packed
  // What adapters make of a layer with this weight, in the order in which they were added.
  std::vector<std::shared_ptr<const Adapter>> adapters;
  // Of a matrix: its numbers from the file anew, f32, in `shape`. The file stays open for it.
  std::function<Tensor()> read;

  bool is_matrix() const { return shape.size() >= 2; }
  // The weight without adapters, f32, in `shape`.
  Tensor base() const { return value.defined() ? value : read(); }
};

using Parameters = std::map<std::string, std::shared_ptr<Parameter>, std::less<>>;

// Of a network that names none.
inline const Parameters& no_parameters() {
  static const Parameters none;
  return none;
}

}  // namespace dq::weights
