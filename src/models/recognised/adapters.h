#pragma once
// LoRA and its relatives, in every naming that programs write, as a list of the modules they change.
#include <optional>
#include <string>

#include "models/recognise.h"
#include "models/recognised/names.h"

namespace dq::models::recognised {

// A module's name with "." as "_", without the program's prefix; text encoders' begin with "te:" (the only
// one) or "te1:", "te2:", "te3:". Its shape is that of the weight it changes: [out, in] or [out, in, kh, kw];
// [out] where the inner width is not stored (OFT).
struct AdapterModule {
  std::string name;
  Shape shape;
};

struct Adapter {
  AdapterFacts facts;
  std::vector<AdapterModule> modules;

  Names names() const;  // views into `modules`
};

// Nothing when the table is no adapter: less than half of its tensors belong to one.
std::optional<Adapter> read_adapter(const weights::TensorTable& table);

}  // namespace dq::models::recognised
