#pragma once
// Shared by the tests of samplers.
#include <cmath>
#include <cstring>
#include <fstream>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "base/error.h"
#include "ops/devices.h"
#include "sampling/sampler.h"
#include "support/golden.h"

namespace dq::test {

inline nlohmann::json golden_json(const std::string& name) {
  std::ifstream file(golden_path("sampling/" + name));
  return nlohmann::json::parse(file);
}

// FNV-1a, 64 bits, as make_sampling.py hashes arrays.
inline std::string fnv1a(const void* data, std::size_t bytes) {
  std::uint64_t value = 0xcbf29ce484222325U;
  for (std::size_t i = 0; i < bytes; ++i) {
    value = (value ^ static_cast<const unsigned char*>(data)[i]) * 0x100000001b3U;
  }
  std::string text(16, '0');
  for (std::size_t i = 16; i-- > 0; value >>= 4) text[i] = "0123456789abcdef"[value & 15];
  return text;
}

inline std::vector<float> values(const Tensor& t) {
  return {t.data<float>(), t.data<float>() + t.count()};
}

// Applies a function to every element, computed in double.
template <class Function>
Tensor map(const Tensor& x, Function function) {
  Tensor y = Tensor::empty(x.device(), DType::kF32, x.shape());
  for (std::int64_t i = 0; i < x.count(); ++i) {
    y.data<float>()[i] = static_cast<float>(function(static_cast<double>(x.data<float>()[i])));
  }
  return y;
}

// The nonlinear toy of make_sampling.py.
inline sampling::Denoised toy(const Tensor& x, double sigma) {
  return {map(x,
              [sigma](double v) {
                const double u = v / std::sqrt(1 + sigma * sigma);
                return 0.7 * std::tanh(u) + 0.2 * std::sin(0.5 * u + std::log1p(sigma));
              }),
          {}};
}

// Gives recorded tensors, in order, whatever is asked for.
class RecordedNoise : public sampling::NoiseSource {
 public:
  explicit RecordedNoise(const Tensor& recorded) : recorded_(recorded) {}  // [K, N, C, h, w]
  void begin(sampling::NoiseKind, const Shape& shape, std::span<const double>) override { shape_ = shape; }
  Tensor step(double, double) override { return next(); }
  Tensor churn() override { return next(); }
  int drawn() const { return drawn_; }

 private:
  Tensor next() {
    if (drawn_ >= recorded_.dim(0)) throw Error(ErrorCode::kInternal, "the recorded noise is used up");
    const Tensor one = recorded_.slice(0, drawn_, drawn_ + 1);
    ++drawn_;
    return one.reshape(shape_);
  }

  Tensor recorded_;
  Shape shape_;
  int drawn_ = 0;
};

}  // namespace dq::test
