#include "weights/loader.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "ops/elementwise.h"

namespace dq::weights {

using files::TensorEntry;
using files::WeightSource;

Loader::Loader(const TensorTable& table, Device& device, std::string what)
    : state_(std::make_shared<State>(State{table, device, std::move(what), {}})) {}

Loader Loader::at(std::string_view name) const {
  return {state_, full(name) + "."};
}

bool Loader::has(std::string_view name) const {
  return state_->table.has(full(name));
}

const TensorEntry* Loader::expect(std::string_view name, const Shape& shape, bool allow_1x1) const {
  const TensorEntry* entry = state_->table.find(full(name));
  if (!entry) {
    state_->problems.push_back(fmt::format("{} is missing", printable(full(name))));
    return nullptr;
  }
  Shape with_1x1 = shape;
  if (allow_1x1) with_1x1.insert(with_1x1.end(), {1, 1});
  if (entry->shape != shape && entry->shape != with_1x1) {
    state_->problems.push_back(fmt::format("{} has shape {} instead of {}", printable(full(name)),
                                           to_string(entry->shape), to_string(shape)));
    return nullptr;
  }
  if (!is_floating(entry->dtype)) {
    state_->problems.push_back(fmt::format("{} holds {}, not floating-point numbers", printable(full(name)),
                                           to_string(entry->dtype)));
    return nullptr;
  }
  return entry;
}

Tensor Loader::vector(std::string_view name, Shape shape) const {
  const TensorEntry* entry = expect(name, shape);
  if (!entry) return Tensor::zeros(device(), DType::kF32, std::move(shape));
  const Tensor stored = WeightSource::view(*entry, device());
  // A copy even of f32: parameters this small must not pin pages of the file.
  if (stored.dtype() != DType::kF32) return ops::convert(stored, DType::kF32);
  return ops::concat({ops::contiguous(stored)}, 0);
}

Tensor Loader::table_view(std::string_view name, Shape shape) const {
  const TensorEntry* entry = expect(name, shape);
  if (!entry) return Tensor::zeros(device(), DType::kF32, std::move(shape));
  const Tensor stored = WeightSource::view(*entry, device());
  const bool readable =
      stored.dtype() == DType::kF32 || stored.dtype() == DType::kF16 || stored.dtype() == DType::kBF16;
  return readable ? ops::contiguous(stored) : ops::convert(stored, DType::kF32);
}

ops::Affine Loader::affine(std::string_view name, std::int64_t channels) const {
  const std::string base(name);
  return {vector(base + ".weight", {channels}), vector(base + ".bias", {channels})};
}

Weight Loader::linear(std::string_view name, std::int64_t out, std::int64_t in) const {
  const TensorEntry* entry = expect(name, {out, in}, true);
  if (!entry) return {};
  TensorEntry flat = *entry;
  if (flat.shape.size() == 4) {
    flat.shape.resize(2);
    flat.strides.resize(2);
  }
  Weight weight(ops::pack_linear(device(), WeightSource::view(flat, device()), device().precision()), {flat});
  entry->file->drop(entry->offset, entry->bytes);
  return weight;
}

Weight Loader::stacked(std::span<const std::string> names, std::int64_t out_each, std::int64_t in) const {
  std::vector<Tensor> parts;
  std::vector<TensorEntry> sources;
  for (const std::string& name : names) {
    const TensorEntry* entry = expect(name, {out_each, in}, true);
    if (!entry) continue;
    TensorEntry flat = *entry;
    flat.shape.resize(2);
    flat.strides.resize(2);
    parts.push_back(ops::contiguous(WeightSource::view(flat, device())));
    sources.push_back(std::move(flat));
  }
  if (parts.size() != names.size()) return {};
  // Matrices of one layer share their dtype in every known file; a mixed file is brought to f32.
  for (const Tensor& part : parts) {
    if (part.dtype() == parts[0].dtype()) continue;
    for (Tensor& mixed : parts) mixed = ops::convert(mixed, DType::kF32);
    break;
  }
  Weight weight(ops::pack_linear(device(), ops::concat(parts, 0), device().precision()), sources);
  for (const TensorEntry& source : sources) source.file->drop(source.offset, source.bytes);
  return weight;
}

Weight Loader::conv2d(std::string_view name, std::int64_t out, std::int64_t in, int kernel) const {
  const TensorEntry* entry = expect(name, {out, in, kernel, kernel});
  if (!entry) return {};
  Weight weight(ops::pack_conv2d(device(), WeightSource::view(*entry, device()), device().precision()),
                {*entry});
  entry->file->drop(entry->offset, entry->bytes);
  return weight;
}

void Loader::finish() const {
  const std::vector<std::string>& problems = state_->problems;
  if (problems.empty()) return;
  const std::size_t shown = std::min<std::size_t>(problems.size(), 5);
  std::string list = fmt::format(
      "{}", fmt::join(problems.begin(), problems.begin() + static_cast<std::ptrdiff_t>(shown), "; "));
  if (problems.size() > shown) list += fmt::format("; and {} more", problems.size() - shown);
  throw Error(ErrorCode::kBadFile, fmt::format("{} does not fit: {}", state_->what, list))
      .in(state_->table.origin())
      .hint("The file is of another kind than it looks, or incomplete; `danqing inspect` says what it holds");
}

}  // namespace dq::weights
