#include <algorithm>
#include <cmath>

#include "grad/optimizer.h"
#include "grad/optimizer_parts.h"
#include "grad/tape.h"

namespace dq::grad {
namespace {

// A leaf as `batch` matrices of rows × columns, its last two dimensions; a vector has none.
struct Extent {
  std::int64_t batch = 1, rows = 0, columns = 0;
};

Extent extent_of(const Shape& shape) {
  Extent e{1, shape[shape.size() - 2], shape.back()};
  for (std::size_t i = 0; i + 2 < shape.size(); ++i) e.batch *= shape[i];
  return e;
}

// Means of squared gradients: one for each number of a vector, else of each row and of each column.
struct Squares {
  Tensor all;            // [n], or:
  Tensor rows, columns;  // [batch, rows], [batch, columns]
  Tensor mean;           // of updates; only with beta1
  std::int64_t steps = 0;
};

Squares empty_squares(const Tensor& leaf, bool with_mean) {
  Device& device = leaf.device();
  Squares s;
  if (leaf.rank() < 2) {
    s.all = Tensor::zeros(device, DType::kF32, leaf.shape());
  } else {
    const Extent e = extent_of(leaf.shape());
    s.rows = Tensor::zeros(device, DType::kF32, {e.batch, e.rows});
    s.columns = Tensor::zeros(device, DType::kF32, {e.batch, e.columns});
  }
  if (with_mean) s.mean = Tensor::zeros(device, DType::kF32, leaf.shape());
  return s;
}

// Calls task(first, last) for groups of the `n` units, each of `size` numbers; at least `least` in a group.
template <class Task>
void in_groups(Device& device, std::int64_t n, std::int64_t size, std::int64_t least, const Task& task) {
  const std::int64_t group = std::max(least, kPiece / std::max<std::int64_t>(1, size));
  device.threads().parallel_for((n + group - 1) / group,
                                [&](std::int64_t i, int) { task(i * group, std::min(n, (i + 1) * group)); });
}

constexpr std::int64_t kColumns = 64;  // summed side by side at least: whole cache lines of a row

class Adafactor final : public Optimizer {
 public:
  Adafactor(std::vector<Trained> trained, const AdafactorOptions& options)
      : trained_(std::move(trained)), options_(options) {
    for (const Trained& t : trained_) squares_.push_back(empty_squares(t.leaf, options_.beta1 > 0));
  }

  void step(double rate) override {
    for (std::size_t i = 0; i < trained_.size(); ++i) {
      const Tensor gradient = grad::gradient(trained_[i].leaf);
      if (!gradient.defined() || gradient.count() == 0) continue;
      Squares& s = squares_[i];
      ++s.steps;
      const Tensor factors = s.all.defined() ? follow_vector(gradient, s) : follow_matrix(gradient, s);
      move(trained_[i], gradient, factors, rate, s);
    }
  }

  State state() const override {
    State out;
    for (std::size_t i = 0; i < trained_.size(); ++i) {
      const Squares& s = squares_[i];
      for_parts(s, [&](const char* part, const Tensor& tensor) { out[part + trained_[i].name] = tensor; });
      out["steps." + trained_[i].name] = count_tensor(trained_[i].leaf.device(), s.steps);
    }
    return out;
  }

  void load_state(const State& state) override {
    for (std::size_t i = 0; i < trained_.size(); ++i) {
      const std::string& name = trained_[i].name;
      for_parts(squares_[i],
                [&](const char* part, const Tensor& tensor) { take_state(state, part + name, tensor); });
      squares_[i].steps = take_count(state, "steps." + name, trained_[i].leaf.device());
    }
  }

 private:
  template <class Use>
  static void for_parts(const Squares& s, const Use& use) {
    if (s.all.defined()) use("second.", s.all);
    if (s.rows.defined()) use("rows.", s.rows);
    if (s.columns.defined()) use("columns.", s.columns);
    if (s.mean.defined()) use("first.", s.mean);
  }

  // 1 − β2 of the step; 1 in the first, so that the means start from what they first see.
  double share_of_new(const Squares& s) const {
    return std::pow(static_cast<double>(s.steps), -options_.decay_rate);
  }

  // Takes the gradient in; returns what it is multiplied with, number by number: 1/√mean.
  Tensor follow_vector(const Tensor& gradient, Squares& s) const {
    Tensor factors = Tensor::empty(gradient.device(), DType::kF32, gradient.shape());
    const auto share = static_cast<float>(share_of_new(s)), keep = static_cast<float>(1 - share_of_new(s)),
               eps = static_cast<float>(options_.eps_square);
    const float* g = gradient.data<float>();
    float *v = s.all.data<float>(), *f = factors.data<float>();
    in_pieces(gradient.device(), gradient.count(), [&](std::int64_t at, std::int64_t n) {
      for (std::int64_t k = at; k < at + n; ++k) {
        v[k] = v[k] * keep + (g[k] * g[k] + eps) * share;
        f[k] = 1 / std::sqrt(v[k]);
      }
    });
    return factors;
  }

  // The same for matrices: 1/√(row·column/mean of rows), the best estimate of rank one (eq. 4 of the paper).
  Tensor follow_matrix(const Tensor& gradient, Squares& s) const {
    Device& device = gradient.device();
    const Extent e = extent_of(gradient.shape());
    const auto share = static_cast<float>(share_of_new(s)), keep = static_cast<float>(1 - share_of_new(s));
    const float* g = gradient.data<float>();
    float *rows = s.rows.data<float>(), *columns = s.columns.data<float>();
    const auto square = [&](std::int64_t k) {
      return static_cast<double>(g[k]) * static_cast<double>(g[k]) + options_.eps_square;
    };
    const auto follow = [share, keep](float& mean, double sum, std::int64_t n) {
      mean = mean * keep + static_cast<float>(sum / static_cast<double>(n)) * share;
    };
    in_groups(device, e.batch * e.rows, e.columns, 1, [&](std::int64_t from, std::int64_t to) {
      for (std::int64_t r = from; r < to; ++r) {
        double sum = 0;
        for (std::int64_t c = 0; c < e.columns; ++c) sum += square(r * e.columns + c);
        follow(rows[r], sum, e.columns);
      }
    });
    in_groups(device, e.batch * e.columns, e.rows, kColumns, [&](std::int64_t from, std::int64_t to) {
      std::vector<double> sums(static_cast<std::size_t>(to - from));
      for (std::int64_t at = from; at < to;) {
        // Columns of one matrix, side by side.
        const std::int64_t b = at / e.columns, c = at % e.columns, n = std::min(to - at, e.columns - c);
        for (std::int64_t r = 0; r < e.rows; ++r) {
          const std::int64_t row = (b * e.rows + r) * e.columns + c;
          for (std::int64_t k = 0; k < n; ++k)
            sums[static_cast<std::size_t>(at - from + k)] += square(row + k);
        }
        at += n;
      }
      for (std::int64_t at = from; at < to; ++at)
        follow(columns[at], sums[static_cast<std::size_t>(at - from)], e.rows);
    });
    return product_of_factors(s, e);
  }

  static Tensor product_of_factors(const Squares& s, const Extent& e) {
    Device& device = s.rows.device();
    Tensor factors = Tensor::empty(device, DType::kF32, {e.batch, e.rows, e.columns});
    const float *rows = s.rows.data<float>(), *columns = s.columns.data<float>();
    float* f = factors.data<float>();
    std::vector<float> of_columns(static_cast<std::size_t>(e.batch * e.columns));
    for (std::size_t i = 0; i < of_columns.size(); ++i) of_columns[i] = 1 / std::sqrt(columns[i]);
    std::vector<float> means(static_cast<std::size_t>(e.batch));
    for (std::int64_t b = 0; b < e.batch; ++b) {
      double sum = 0;
      for (std::int64_t r = 0; r < e.rows; ++r) sum += static_cast<double>(rows[b * e.rows + r]);
      means[static_cast<std::size_t>(b)] = static_cast<float>(sum / static_cast<double>(e.rows));
    }
    in_groups(device, e.batch * e.rows, e.columns, 1, [&](std::int64_t from, std::int64_t to) {
      for (std::int64_t r = from; r < to; ++r) {
        const std::int64_t b = r / e.rows;
        const float of_row = 1 / std::sqrt(rows[r] / means[static_cast<std::size_t>(b)]);
        const float* of_column = of_columns.data() + b * e.columns;
        for (std::int64_t c = 0; c < e.columns; ++c) f[r * e.columns + c] = of_row * of_column[c];
      }
    });
    return factors;
  }

  double rate_of(const Trained& t, double rate, const Squares& s) const {
    if (options_.relative_step) {
      const auto steps = static_cast<double>(s.steps);
      rate = std::min(options_.warmup_init ? 1e-6 * steps : 1e-2, 1 / std::sqrt(steps));
    }
    if (options_.scale_parameter) {
      const double rms = std::sqrt(sum_of_squares(t.leaf) / static_cast<double>(t.leaf.count()));
      rate *= std::max(options_.eps_scale, rms);
    }
    return rate * t.rate;
  }

  void move(const Trained& t, const Tensor& gradient, const Tensor& factors, double rate, Squares& s) const {
    Tensor leaf = t.leaf.detached();
    const std::int64_t n = leaf.count();
    const float *g = gradient.data<float>(), *f = factors.data<float>();
    const double squares = sum_of_pieces(leaf.device(), n, [&](std::int64_t at, std::int64_t count) {
      double sum = 0;
      for (std::int64_t k = at; k < at + count; ++k) {
        const auto update = static_cast<double>(f[k] * g[k]);
        sum += update * update;
      }
      return sum;
    });
    const double own = rate_of(t, rate, s), rms = std::sqrt(squares / static_cast<double>(n));
    const auto scale = static_cast<float>(own / std::max(1.0, rms / options_.clip_threshold));
    const auto lost = static_cast<float>(own * (t.decays ? options_.weight_decay : 0));
    const auto beta1 = static_cast<float>(options_.beta1), share1 = static_cast<float>(1 - options_.beta1);
    float* w = leaf.data<float>();
    float* mean = s.mean.defined() ? s.mean.data<float>() : nullptr;
    in_pieces(leaf.device(), n, [&](std::int64_t at, std::int64_t count) {
      for (std::int64_t k = at; k < at + count; ++k) {
        float update = f[k] * g[k] * scale;
        if (mean != nullptr) update = mean[k] = mean[k] * beta1 + update * share1;
        w[k] = w[k] - lost * w[k] - update;
      }
    });
  }

  std::vector<Trained> trained_;
  AdafactorOptions options_;
  std::vector<Squares> squares_;
};

}  // namespace

std::unique_ptr<Optimizer> make_adafactor(std::vector<Trained> trained, const AdafactorOptions& options) {
  return std::make_unique<Adafactor>(std::move(trained), options);
}

}  // namespace dq::grad
