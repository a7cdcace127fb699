#include "support/golden.h"

#include <cmath>
#include <limits>

namespace dq::test {
namespace {

// Reads one element of a view as float.
float element_at(const std::byte* p, DType dtype) {
  switch (dtype) {
    case DType::kF32:
      return *reinterpret_cast<const float*>(p);
    case DType::kF64:
      return static_cast<float>(*reinterpret_cast<const double*>(p));
    case DType::kF16:
      return to_float(*reinterpret_cast<const Half*>(p));
    case DType::kBF16:
      return to_float(*reinterpret_cast<const BFloat16*>(p));
    case DType::kI64:
      return static_cast<float>(*reinterpret_cast<const std::int64_t*>(p));
    case DType::kI32:
      return static_cast<float>(*reinterpret_cast<const std::int32_t*>(p));
    case DType::kU8:
      return static_cast<float>(*reinterpret_cast<const std::uint8_t*>(p));
    default:
      throw Error(ErrorCode::kInternal, "goldens hold f64, f32, f16, bf16, i64, i32 and u8 only");
  }
}

}  // namespace

std::string golden_path(const std::string& name) {
  return std::string(DQ_GOLDEN_DIR) + "/" + name;
}

Tensor golden(const files::WeightSource& source, const std::string& name, Device& device) {
  const files::TensorEntry* entry = source.find(name);
  if (!entry)
    throw Error(ErrorCode::kNotFound, "golden tensor is missing").in(source.path().string()).key(name);
  const std::byte* data = entry->file->bytes().data() + entry->offset;
  Tensor out = Tensor::empty(device, DType::kF32, entry->shape);
  for (std::int64_t i = 0; i < out.count(); ++i) {
    out.data<float>()[i] = element_at(data + i * size_of(entry->dtype), entry->dtype);
  }
  return out;
}

double relative_error(std::span<const float> a, std::span<const float> b) {
  if (a.size() != b.size()) return std::numeric_limits<double>::infinity();
  double difference = 0, norm = 0;
  for (std::size_t i = 0; i < a.size(); ++i) {
    if (!std::isfinite(a[i])) return std::numeric_limits<double>::infinity();
    const double d = static_cast<double>(a[i]) - b[i];
    difference += d * d;
    norm += static_cast<double>(b[i]) * b[i];
  }
  if (norm == 0) return difference == 0 ? 0 : std::numeric_limits<double>::infinity();
  return std::sqrt(difference / norm);
}

double relative_error(const Tensor& a, const Tensor& b) {
  if (a.shape() != b.shape()) return std::numeric_limits<double>::infinity();
  const auto n = static_cast<std::size_t>(a.count());
  return relative_error(std::span(a.data<float>(), n), std::span(b.data<float>(), n));
}

double psnr(std::span<const float> a, std::span<const float> b, double peak) {
  if (a.size() != b.size() || a.empty()) return -std::numeric_limits<double>::infinity();
  double sum = 0;
  for (std::size_t i = 0; i < a.size(); ++i) {
    const double d = static_cast<double>(a[i]) - b[i];
    sum += d * d;
  }
  if (!(sum >= 0)) return -std::numeric_limits<double>::infinity();
  if (sum == 0) return std::numeric_limits<double>::infinity();
  return 10 * std::log10(peak * peak * static_cast<double>(a.size()) / sum);
}

std::vector<float> random_values(std::size_t n, std::uint64_t seed, float lo, float hi) {
  std::vector<float> out(n);
  std::uint64_t state = seed;
  for (float& value : out) {
    state += 0x9e3779b97f4a7c15ull;
    std::uint64_t z = state;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ull;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebull;
    z ^= z >> 31;
    value = lo + (hi - lo) * static_cast<float>(z >> 40) * 0x1p-24f;
  }
  return out;
}

Tensor random_tensor(Device& device, Shape shape, std::uint64_t seed, float lo, float hi) {
  const auto values = random_values(static_cast<std::size_t>(element_count(shape)), seed, lo, hi);
  return Tensor::from(device, values, std::move(shape));
}

}  // namespace dq::test
