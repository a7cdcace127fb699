#include "weights/loader.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "ops/elementwise.h"
#include "tensor/gradient.h"

namespace dq::weights {

using files::TensorEntry;
using files::WeightSource;

namespace {

// f32, in memory of their own.
Tensor numbers_of(const TensorEntry& entry, Device& device) {
  const Tensor stored = WeightSource::view(entry, device);
  return stored.dtype() == DType::kF32 ? ops::copied(stored) : ops::convert(stored, DType::kF32);
}

// In place when it is one; several are stacked on rows. Matrices of one layer share their dtype in every
// known file; a mixed file is brought to f32.
Tensor view_of(std::span<const TensorEntry> entries, Device& device) {
  std::vector<Tensor> values;
  for (const TensorEntry& entry : entries) values.push_back(WeightSource::view(entry, device));
  if (values.size() == 1) return values[0];
  const bool mixed =
      std::ranges::any_of(values, [&](const Tensor& v) { return v.dtype() != values[0].dtype(); });
  for (Tensor& value : values) value = ops::contiguous(mixed ? ops::convert(value, DType::kF32) : value);
  return ops::concat(values, 0);
}

void drop(std::span<const TensorEntry> entries) {
  for (const TensorEntry& entry : entries) entry.file->drop(entry.offset, entry.bytes);
}

}  // namespace

Loader::Loader(const TensorTable& table, Device& device, std::string what, LoadOptions options)
    : state_(std::make_shared<State>(State{table,
                                           device,
                                           std::move(what),
                                           options,
                                           Residency(table, device.precision(), options.resident),
                                           std::make_shared<Streamed>(),
                                           {},
                                           {}})) {}

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

std::shared_ptr<Parameter> Loader::enlist(std::string_view name, Shape shape, Shape stored,
                                          Tensor value) const {
  const std::string whole = full(name);
  auto parameter = std::make_shared<Parameter>(
      Parameter{whole, std::move(shape), std::move(stored), std::move(value), {}, {}});
  state_->parameters[whole] = parameter;
  return parameter;
}

Tensor Loader::own(const TensorEntry& entry) const {
  Tensor value = numbers_of(entry, device());
  if (trains()) ask_gradient(value);
  return value;
}

std::shared_ptr<Parameter> Loader::enlist_matrix(std::string_view name, const TensorEntry& entry,
                                                 Shape stored) const {
  auto parameter = enlist(name, entry.shape, std::move(stored), trains() ? own(entry) : Tensor());
  parameter->read = [entry, &device = device()] {
    Tensor numbers = numbers_of(entry, device);
    entry.file->drop(entry.offset, entry.bytes);
    return numbers;
  };
  return parameter;
}

Tensor Loader::vector(std::string_view name, Shape shape) const {
  const TensorEntry* entry = expect(name, shape);
  if (!entry) return Tensor::zeros(device(), DType::kF32, std::move(shape));
  // A copy even of f32: parameters this small must not pin pages of the file.
  return enlist(name, shape, shape, own(*entry))->value;
}

Tensor Loader::table_view(std::string_view name, Shape shape) const {
  const TensorEntry* entry = expect(name, shape);
  if (!entry) return Tensor::zeros(device(), DType::kF32, std::move(shape));
  if (trains()) return enlist(name, shape, shape, own(*entry))->value;
  const Tensor stored = WeightSource::view(*entry, device());
  const bool readable =
      stored.dtype() == DType::kF32 || stored.dtype() == DType::kF16 || stored.dtype() == DType::kBF16;
  return readable ? ops::contiguous(stored) : ops::convert(stored, DType::kF32);
}

ops::Affine Loader::affine(std::string_view name, std::int64_t channels) const {
  const std::string base(name);
  return {vector(base + ".weight", {channels}), vector(base + ".bias", {channels})};
}

Weight Loader::pack(std::vector<std::shared_ptr<Parameter>> parts, std::vector<TensorEntry> entries) const {
  if (trains()) return {device(), std::move(parts), ops::PackedWeight()};
  if (state_->options.purpose == Purpose::kPaint && !state_->residency.keeps(entries, device().precision()))
    return stream(std::move(parts), std::move(entries));
  const Tensor stored = view_of(entries, device());
  ops::PackedWeight packed = ops::pack_weight(device(), stored, device().precision());
  if (state_->options.purpose == Purpose::kAdapt) {
    packed.source = stored;
    packed.turned = std::make_shared<ops::PackedWeight>(ops::pack_turned(packed));
  }
  drop(entries);
  return {device(), std::move(parts), std::move(packed)};
}

Weight Loader::stream(std::vector<std::shared_ptr<Parameter>> parts, std::vector<TensorEntry> entries) const {
  const std::size_t place = state_->streamed->size();
  state_->streamed->push_back(std::move(entries));
  return {device(), std::move(parts), [place, all = state_->streamed, &device = device()] {
            for (const TensorEntry& next : (*all)[(place + 1) % all->size()])
              next.file->want(next.offset, next.bytes);
            const std::vector<TensorEntry>& these = (*all)[place];
            ops::PackedWeight packed = ops::pack_weight(device, view_of(these, device), device.precision());
            drop(these);
            return packed;
          }};
}

Weight Loader::linear(std::string_view name, std::int64_t out, std::int64_t in) const {
  const std::string names[]{std::string(name)};
  return stacked(names, out, in);
}

Weight Loader::stacked(std::span<const std::string> names, std::int64_t out_each, std::int64_t in) const {
  std::vector<TensorEntry> entries;
  std::vector<std::shared_ptr<Parameter>> parts;
  for (const std::string& name : names) {
    const TensorEntry* entry = expect(name, {out_each, in}, true);
    if (!entry) continue;
    TensorEntry flat = *entry;
    flat.shape.resize(2);
    flat.strides.resize(2);
    parts.push_back(enlist_matrix(name, flat, entry->shape));
    entries.push_back(std::move(flat));
  }
  if (parts.size() != names.size()) return {};
  return pack(std::move(parts), std::move(entries));
}

Weight Loader::conv2d(std::string_view name, std::int64_t out, std::int64_t in, int kernel) const {
  const TensorEntry* entry = expect(name, {out, in, kernel, kernel});
  if (!entry) return {};
  return pack({enlist_matrix(name, *entry, entry->shape)}, {*entry});
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
