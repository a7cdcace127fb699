#pragma once
// Steps along the gradient. An optimiser holds the leaves it moves; what it remembers of them can be written
// down and taken up again, bit for bit. What it does depends on the numbers alone, not on how many threads
// do it.
#include <limits>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "tensor/tensor.h"

namespace dq::grad {

// A leaf (tensor/gradient.h) and how it is treated.
struct Trained {
  std::string name;  // of its state
  Tensor leaf;       // f32, contiguous
  double rate = 1;   // times the step's rate
  bool decays = true;
};

class Optimizer {
 public:
  virtual ~Optimizer() = default;
  // Moves every leaf that has a gradient, by it and the rate. Gradients are left as they are.
  virtual void step(double rate) = 0;
  // Everything it remembers, by name: f32, with u8 codes in AdamW in 8 bits and f64 numbers in Prodigy. The
  // tensors may be the optimiser's own. load_state throws kBadFile when something is missing or has another
  // shape or dtype.
  virtual std::map<std::string, Tensor> state() const = 0;
  virtual void load_state(const std::map<std::string, Tensor>& state) = 0;
};

struct AdamWOptions {
  double beta1 = 0.9, beta2 = 0.999, eps = 1e-8, weight_decay = 0.01;
};

// Loshchilov & Hutter 2019, as torch.optim.AdamW: bias-corrected, the decay apart from the gradient.
std::unique_ptr<Optimizer> make_adamw(std::vector<Trained> trained, const AdamWOptions& options = {});

// The same with both moments in 8 bits, in blocks of 256 (Dettmers et al. 2022; dynamic_code.h): 2 bytes a
// weight instead of 8. Leaves of fewer than 4096 numbers keep f32 moments, as in bitsandbytes.
std::unique_ptr<Optimizer> make_adamw_8bit(std::vector<Trained> trained, const AdamWOptions& options = {});

// Shazeer & Stern 2018, as transformers' Adafactor, but for the defaults: here the rate is the caller's
// (relative_step and scale_parameter off), as the documents of sd-scripts advise for fine-tuning.
struct AdafactorOptions {
  double eps_square = 1e-30;     // added to squared gradients
  double eps_scale = 1e-3;       // the least RMS that scale_parameter takes
  double clip_threshold = 1;     // of the RMS of a leaf's update, before the rate
  double decay_rate = 0.8;       // β2 = 1 − t^−decay_rate
  double beta1 = 0;              // of the updates' mean; 0: none is kept
  double weight_decay = 0;       // times the rate, apart from the gradient
  bool scale_parameter = false;  // the rate is relative to the RMS of the leaf
  bool relative_step = false;    // the rate is 1/√t, at most 0.01; step()'s is not used
  bool warmup_init = false;      // … at most 10⁻⁶·t; needs relative_step
};
// Leaves of rank 2 and more keep sums of the squares by row and by column of the last two dimensions only.
// t counts the steps in which the leaf had a gradient.
std::unique_ptr<Optimizer> make_adafactor(std::vector<Trained> trained, const AdafactorOptions& options = {});

// Chen et al. 2023: by the sign of a mean of gradients. Rates 3 to 10 times lower and decays as much higher
// than with AdamW do the same.
struct LionOptions {
  double beta1 = 0.9, beta2 = 0.99, weight_decay = 0;
};
std::unique_ptr<Optimizer> make_lion(std::vector<Trained> trained, const LionOptions& options = {});

// Mishchenko & Defazio 2023, as the package prodigyopt: Adam whose rate is d, the estimated distance to the
// solution. Steps are to be given rate 1, or 1 times a schedule. With rate 0 nothing happens.
struct ProdigyOptions {
  double beta1 = 0.9, beta2 = 0.999;
  double beta3 = -1;  // of the estimate's sums; negative: √β2
  double eps = 1e-8, weight_decay = 0;
  double d0 = 1e-6;                                              // the first d
  double d_coef = 1;                                             // times the estimate
  double growth_rate = std::numeric_limits<double>::infinity();  // of d in one step, at most
  bool decouple = true;                                          // the decay apart from the gradient
  bool use_bias_correction = false;
  bool safeguard_warmup = false;  // a low rate at the start does not raise the estimate
};
// The distance is counted from the leaves' values at this call (or those in a loaded state). Trained::rate
// multiplies a leaf's move; the estimate is made as if it were 1, without the leaves where it is 0.
std::unique_ptr<Optimizer> make_prodigy(std::vector<Trained> trained, const ProdigyOptions& options = {});

// By name, with options by the names of the structs' members; 0 and 1 stand for false and true. Throws
// kInvalidArgument for a name or an option that does not exist, saying which do, and for numbers out of
// range.
using OptimizerOptions = std::map<std::string, double>;
std::unique_ptr<Optimizer> make_optimizer(std::string_view name, std::vector<Trained> trained,
                                          const OptimizerOptions& options = {});
// What it remembers of every weight, in bytes, but for what is small beside large matrices. Throws as
// make_optimizer for a name that does not exist.
int bytes_a_weight(std::string_view name);
// "adafactor", "adamw", "adamw8bit", "lion", "prodigy".
std::vector<std::string> optimizer_names();

// ‖gradients‖ over all leaves, in f64, in an order that the shapes alone decide; NaN and infinity stay
// visible.
double gradient_norm(const std::vector<Trained>& trained);
// Multiplies every gradient.
void scale_gradients(const std::vector<Trained>& trained, double factor);
// Scales gradients whose norm is larger down to `most`; 0: none is too large. Returns the norm before; NaN
// and infinity stay as they are.
double clip_gradients(const std::vector<Trained>& trained, double most);
void clear_gradients(const std::vector<Trained>& trained);

}  // namespace dq::grad
