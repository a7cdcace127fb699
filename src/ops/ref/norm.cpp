#include <cmath>
#include <vector>

#include "ops/ref/reference.h"

namespace dq::ops::ref {
namespace {

// The numbers that are normalised together: `rows` runs of `width`, `stride` apart, of channels from `first`.
struct Group {
  std::int64_t start, rows, width, stride, first;

  // body(place, channel) for each number.
  template <class Body>
  void each(const Body& body) const {
    for (std::int64_t r = 0; r < rows; ++r) {
      for (std::int64_t c = 0; c < width; ++c) body(start + r * stride + c, first + c);
    }
  }
  template <class Term>
  double mean(const Term& term) const {
    double sum = 0;
    each([&](std::int64_t i, std::int64_t c) { sum += term(i, c); });
    return sum / static_cast<double>(rows * width);
  }
};

std::vector<Group> image_groups(const Tensor& x, int groups) {
  const std::int64_t pixels = x.dim(1) * x.dim(2), channels = x.dim(3), width = channels / groups;
  std::vector<Group> out;
  for (std::int64_t i = 0; i < x.dim(0) * groups; ++i) {
    const std::int64_t first = i % groups * width;
    out.push_back({i / groups * pixels * channels + first, pixels, width, channels, first});
  }
  return out;
}

std::vector<Group> rows_of(const Tensor& x) {
  const std::int64_t channels = x.dim(-1);
  std::vector<Group> out;
  for (std::int64_t at = 0; at < x.count(); at += channels) out.push_back({at, 1, channels, channels, 0});
  return out;
}

double at_or(const Tensor& x, std::int64_t i, double other) {
  return x.defined() ? Numbers(x)[i] : other;
}

struct Norm {
  const Tensor& x;
  Affine affine;
  double eps;
  bool centred = true;  // RMS norm leaves the mean where it is
  Activation act = Activation::kNone;
};

// x̂ = (x − μ)/σ
struct Normal {
  Numbers x;
  double mean = 0, inverse = 0;
  Normal(const Norm& norm, const Group& group) : x(norm.x) {
    if (norm.centred) mean = group.mean([&](std::int64_t i, std::int64_t) { return x[i]; });
    const double squares =
        group.mean([&](std::int64_t i, std::int64_t) { return (x[i] - mean) * (x[i] - mean); });
    inverse = 1 / std::sqrt(squares + norm.eps);
  }
  double operator[](std::int64_t i) const { return (x[i] - mean) * inverse; }
};

void forward(const Norm& norm, const std::vector<Group>& groups, Tensor& y) {
  Results to(y);
  for (const Group& group : groups) {
    const Normal normal(norm, group);
    group.each([&](std::int64_t i, std::int64_t c) {
      const double z = normal[i] * at_or(norm.affine.weight, c, 1) + at_or(norm.affine.bias, c, 0);
      to.set(i, apply(norm.act, z));
    });
  }
}

// With z = w·x̂ + b and dz = dy·act'(z): dw = Σ dz·x̂, db = Σ dz, dx = (w·dz − ⟨w·dz⟩ − x̂·⟨w·dz·x̂⟩)/σ.
void backward(const Norm& norm, const std::vector<Group>& groups, const Tensor& dy,
              const NormGradients& out) {
  const Numbers slopes(dy);
  const auto channels = static_cast<std::size_t>(norm.x.dim(-1));
  std::vector<double> dweight(channels), dbias(channels);
  for (const Group& group : groups) {
    const Normal normal(norm, group);
    const auto weight = [&](std::int64_t c) { return at_or(norm.affine.weight, c, 1); };
    const auto dz = [&](std::int64_t i, std::int64_t c) {
      return slopes[i] * slope(norm.act, normal[i] * weight(c) + at_or(norm.affine.bias, c, 0));
    };
    group.each([&](std::int64_t i, std::int64_t c) {
      dweight[static_cast<std::size_t>(c)] += dz(i, c) * normal[i];
      dbias[static_cast<std::size_t>(c)] += dz(i, c);
    });
    if (!out.dx) continue;
    double mean = group.mean([&](std::int64_t i, std::int64_t c) { return weight(c) * dz(i, c); });
    if (!norm.centred) mean = 0;
    const double along =
        group.mean([&](std::int64_t i, std::int64_t c) { return weight(c) * dz(i, c) * normal[i]; });
    group.each([&](std::int64_t i, std::int64_t c) {
      Results(*out.dx).set(i, normal.inverse * (weight(c) * dz(i, c) - mean - normal[i] * along));
    });
  }
  for (std::size_t c = 0; c < channels; ++c) {
    if (out.dweight) Results(*out.dweight).set(static_cast<std::int64_t>(c), dweight[c]);
    if (out.dbias) Results(*out.dbias).set(static_cast<std::int64_t>(c), dbias[c]);
  }
}

}  // namespace

void group_norm(const Tensor& x, int groups, const Affine& affine, float eps, Activation act, Tensor& y) {
  forward({x, affine, eps, true, act}, image_groups(x, groups), y);
}

void group_norm_gradient(const Tensor& x, int groups, const Affine& affine, float eps, Activation act,
                         const Tensor& dy, const NormGradients& out) {
  backward({x, affine, eps, true, act}, image_groups(x, groups), dy, out);
}

void layer_norm(const Tensor& x, const Affine& affine, float eps, Tensor& y) {
  forward({x, affine, eps}, rows_of(x), y);
}

void layer_norm_gradient(const Tensor& x, const Affine& affine, float eps, const Tensor& dy,
                         const NormGradients& out) {
  backward({x, affine, eps}, rows_of(x), dy, out);
}

void rms_norm(const Tensor& x, const Tensor& weight, float eps, Tensor& y) {
  forward({x, {weight, {}}, eps, false}, rows_of(x), y);
}

void rms_norm_gradient(const Tensor& x, const Tensor& weight, float eps, const Tensor& dy,
                       const NormGradients& out) {
  backward({x, {weight, {}}, eps, false}, rows_of(x), dy, out);
}

}  // namespace dq::ops::ref
