#include "mini/catalogue_reduce.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>

#include "base/error.h"
#include "files/safetensors_write.h"
#include "files/weight_source.h"
#include "ops/devices.h"

namespace dq::mini {
namespace {

void copy_cell(const media::Image& from, int id, media::Image& to, int at) {
  for (int y = 0; y < kCell; ++y) {
    const std::uint8_t* in = from.row(id / kAtlasColumns * kCell + y) + 4 * kCell * (id % kAtlasColumns);
    std::uint8_t* out = to.row(at / kAtlasColumns * kCell + y) + 4 * kCell * (at % kAtlasColumns);
    std::memcpy(out, in, std::size_t{4} * kCell);
  }
}

// The rows `from` of [concepts, …].
Tensor rows_of(const Tensor& whole, const std::vector<int>& from, Device& device) {
  Shape shape = whole.shape();
  shape[0] = static_cast<std::int64_t>(from.size());
  Tensor out = Tensor::empty(device, whole.dtype(), shape);
  const auto bytes = static_cast<std::size_t>(whole.bytes() / whole.dim(0));
  for (std::size_t i = 0; i < from.size(); ++i) {
    if (from[i] >= whole.dim(0)) {
      throw Error(ErrorCode::kBadFile, fmt::format("the judge knows no concept {}", from[i]));
    }
    std::memcpy(out.raw() + i * bytes, whole.raw() + static_cast<std::size_t>(from[i]) * bytes, bytes);
  }
  return out;
}

}  // namespace

ReducedCatalogue reduce_catalogue(const Catalogue& whole, const media::Image& atlas, int trained) {
  ReducedCatalogue out;
  out.from = choose_concepts(whole, trained);
  if (static_cast<int>(out.from.size()) < trained) {
    throw Error(ErrorCode::kInvalidArgument,
                fmt::format("the catalogue has only {} concepts to train", out.from.size()));
  }
  for (const Concept& c : whole.concepts) {
    if (c.held_out) out.from.push_back(c.id);
  }
  out.catalogue.is_ordered = true;
  const int count = static_cast<int>(out.from.size());
  out.atlas =
      media::make_image(kAtlasColumns * kCell, (count + kAtlasColumns - 1) / kAtlasColumns * kCell, 4);
  for (int i = 0; i < count; ++i) {
    const int id = out.from[static_cast<std::size_t>(i)];
    out.catalogue.concepts.push_back(whole.concepts[static_cast<std::size_t>(id)]);
    out.catalogue.concepts.back().id = i;
    copy_cell(atlas, id, out.atlas, i);
  }
  return out;
}

void reduce_judge(const std::filesystem::path& judge, const std::vector<int>& from,
                  const std::filesystem::path& output) {
  const auto device = ops::make_cpu_device();
  const auto source = files::open_weights(judge);
  std::vector<files::TensorToWrite> tensors;
  for (const files::TensorEntry& entry : source->tensors()) {
    Tensor numbers = files::WeightSource::view(entry, *device);
    if (entry.name.starts_with("last.")) numbers = rows_of(numbers, from, *device);
    tensors.push_back(files::to_write(entry.name, std::move(numbers)));
  }
  files::write_safetensors(output, std::move(tensors));
}

}  // namespace dq::mini
