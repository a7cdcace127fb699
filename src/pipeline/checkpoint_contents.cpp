#include "pipeline/checkpoint_contents.h"

#include "base/error.h"
#include "files/weight_source.h"
#include "ops/elementwise.h"

namespace dq::pipeline {
namespace {

// One tensor, made when it is written.
template <class Make>
files::TensorToWrite lazily(std::string name, DType dtype, Shape shape, Make make) {
  return {std::move(name), dtype, std::move(shape), [make = std::move(make)](const files::ByteSink& sink) {
            const Tensor made = ops::contiguous(make());
            sink({made.raw(), static_cast<std::size_t>(made.bytes())});
          }};
}

}  // namespace

CheckpointContents checkpoint_contents(const OpenModel& model, Device& device, DType dtype,
                                       const NewValues& values) {
  CheckpointContents out;
  std::size_t used = 0;
  for (const models::StoredPart& part : model.family->stored_parts(model.files)) {
    out.texts.insert(part.texts.begin(), part.texts.end());
    for (const auto& [name, entry] : part.table.entries()) {
      const DType stored_as = is_floating(entry.dtype) ? dtype : entry.dtype;
      const auto fresh = values.find({part.part, name});
      if (fresh == values.end()) {
        out.tensors.push_back(lazily(part.prefix + name, stored_as, entry.shape, [&device, entry, stored_as] {
          const Tensor stored = files::WeightSource::view(entry, device);
          const bool same = entry.dtype == stored_as;
          return same ? stored : ops::convert(ops::convert(stored, DType::kF32), stored_as);
        }));
        continue;
      }
      ++used;
      const Tensor value = fresh->second.detached();
      if (value.count() != element_count(entry.shape))
        throw Error(ErrorCode::kInternal, "a new value has another size").key(name);
      out.tensors.push_back(lazily(part.prefix + name, stored_as, entry.shape,
                                   [value, stored_as] { return ops::convert(value, stored_as); }));
    }
  }
  if (used != values.size()) throw Error(ErrorCode::kInternal, "a new value belongs to no part of the model");
  return out;
}

}  // namespace dq::pipeline
