#include "models/recognised/adapters.h"

#include <algorithm>
#include <map>

#include "models/recognised/adapter_names.h"
#include "models/recognised/numbers.h"

namespace dq::models::recognised {
namespace {

using files::TensorEntry;

// What is known of one module while its tensors come by.
struct Draft {
  std::int64_t out = 0, in = 0, rank = 0;
  std::int64_t left_out = 0, left_in = 0, right_out = 0, right_in = 0;  // LoKr's two factors
  bool tucker = false, convolution = false, spatial = false;
  Shape full;
};

const Ending* ending_of(std::string_view name) {
  const auto it = std::ranges::find_if(kEndings, [&](const Ending& e) { return name.ends_with(e.text); });
  return it == std::end(kEndings) ? nullptr : &*it;
}

std::int64_t at(const Shape& shape, std::size_t axis) {
  return axis < shape.size() ? shape[axis] : 0;
}

std::int64_t times(std::int64_t a, std::int64_t b) {
  std::int64_t product = 0;
  return __builtin_mul_overflow(a, b, &product) ? 0 : product;
}

// One place of a low-rank pair whose other side is the full matrix or another pair.
void take_left_a(Draft& d, const Shape& s, bool lokr) {
  (lokr ? d.left_out : d.out) = at(s, 0);
}

void take(Draft& d, const Ending& ending, const Shape& s) {
  const bool lokr = ending.algorithm == "LoKr";
  switch (ending.slot) {
    case Slot::kDown:
      d.rank = at(s, 0);
      d.in = at(s, 1);
      d.convolution = s.size() == 4;
      d.spatial = at(s, 2) > 1;
      break;
    case Slot::kUp:
      d.out = at(s, 0);
      break;
    case Slot::kMid:
      d.convolution = d.spatial = true;
      break;
    case Slot::kLeftA:
      take_left_a(d, s, lokr);
      if (!lokr) d.rank = at(s, 1);
      break;
    case Slot::kLeftB:
      (lokr ? d.left_in : d.in) = at(s, 1);
      break;
    case Slot::kTucker:
      d.tucker = d.convolution = d.spatial = true;
      break;
    case Slot::kLeft:
      d.left_out = at(s, 0);
      d.left_in = at(s, 1);
      break;
    case Slot::kRight:
      d.right_out = at(s, 0);
      d.right_in = at(s, 1);
      d.convolution = s.size() == 4;
      break;
    case Slot::kRightA:
      d.right_out = at(s, 0);
      d.rank = at(s, 1);
      break;
    case Slot::kRightB:
      d.right_in = at(s, 1);
      break;
    case Slot::kBlocks:
      d.out = s.size() < 2 ? 0 : times(s[s.size() - 2], s.size() > 2 ? s[s.size() - 3] : 1);
      break;
    case Slot::kFull:
      d.full = s;
      break;
    case Slot::kAlpha:
    case Slot::kDora:
    case Slot::kOther:
      break;
  }
}

Shape shape_of(const Draft& d) {
  if (!d.full.empty()) return d.full;
  std::int64_t out = d.out, in = d.in;
  if (d.left_out > 0) {
    out = times(d.left_out, d.right_out);
    in = times(d.left_in, d.right_in);
  }
  Shape shape{out};
  if (in > 0) shape.push_back(in);
  if (d.convolution) shape.insert(shape.end(), 2, d.spatial ? 3 : 1);
  return shape;
}

// "lora_te1_text_model_encoder…" → "te1:text_model_encoder…", and who writes such names.
std::string module_name(std::string_view name, std::string_view& naming) {
  std::string part;
  naming = "original names";
  for (bool again = true; again;) {
    again = false;
    for (const Beginning& beginning : kBeginnings) {
      if (!name.starts_with(beginning.text)) continue;
      name.remove_prefix(beginning.text.size());
      if (!beginning.part.empty()) part = beginning.part;
      naming = beginning.naming;
      again = part.empty();  // inside a text encoder nothing more is taken off
      break;
    }
  }
  std::string out = part;
  for (const char c : name) out += c == '.' ? '_' : c;
  // The attention processors of older diffusers.
  if (const std::size_t at = out.find("_processor_to_"); at != std::string::npos) out.erase(at, 10);
  return out;
}

// "te:" beside a "te2:" is the first of two.
void number_text_encoders(std::vector<AdapterModule>& modules) {
  const bool several =
      std::ranges::any_of(modules, [](const AdapterModule& m) { return m.name.starts_with("te2:"); });
  if (!several) return;
  for (AdapterModule& module : modules) {
    if (module.name.starts_with("te:")) module.name.replace(0, 3, "te1:");
  }
}

// The kind that most tensors belong to; a LoRA that also changes convolutions is called LoCon.
std::string algorithm_of(const std::map<std::string_view, std::size_t>& votes, bool spatial, bool butterfly) {
  std::string_view best;
  std::size_t most = 0;
  for (const auto& [algorithm, count] : votes) {
    if (!algorithm.empty() && count > most) {
      best = algorithm;
      most = count;
    }
  }
  if (best == "LoRA" && spatial) return "LoCon";
  if (best == "OFT" && butterfly) return "BOFT";
  return std::string(best);
}

}  // namespace

Names Adapter::names() const {
  std::vector<NamedShape> entries;
  entries.reserve(modules.size());
  for (const AdapterModule& module : modules) entries.push_back({module.name, module.shape});
  return Names(std::move(entries));
}

std::optional<Adapter> read_adapter(const weights::TensorTable& table) {
  std::map<std::string_view, Draft> drafts;
  std::map<std::string_view, std::size_t> votes;
  Adapter adapter;
  std::size_t hits = 0, substance = 0;
  bool butterfly = false;
  for (const auto& [name, entry] : table.entries()) {
    const Ending* ending = ending_of(name);
    if (!ending) continue;
    ++hits;
    ++votes[ending->algorithm];
    const std::string_view module = std::string_view(name).substr(0, name.size() - ending->text.size());
    if (ending->slot != Slot::kAlpha) ++substance;
    take(drafts[module], *ending, entry.shape);
    adapter.facts.dora |= ending->slot == Slot::kDora;
    butterfly |= ending->slot == Slot::kBlocks && entry.shape.size() == 4;
    if (ending->slot == Slot::kAlpha && !adapter.facts.alpha) {
      const std::vector<float> alpha = read_numbers(entry, 1);
      if (!alpha.empty()) adapter.facts.alpha = static_cast<double>(alpha[0]);
    }
  }
  if (substance == 0 || hits * 2 < table.size()) return std::nullopt;
  bool spatial = false;
  std::map<std::string_view, std::size_t> namings;
  for (auto& [name, draft] : drafts) {
    if (draft.tucker) {  // hada_w1_a is [r, out] then
      std::swap(draft.out, draft.rank);
    }
    spatial |= draft.spatial;
    std::string_view naming;
    adapter.modules.push_back({module_name(name, naming), shape_of(draft)});
    ++namings[naming];
    if (draft.rank > 0) {
      std::int64_t& low = adapter.facts.rank_min;
      low = low == 0 ? draft.rank : std::min(low, draft.rank);
      adapter.facts.rank_max = std::max(adapter.facts.rank_max, draft.rank);
    }
    const bool text = adapter.modules.back().name.starts_with("te");
    ++(text ? adapter.facts.text_modules : adapter.facts.denoiser_modules);
  }
  number_text_encoders(adapter.modules);
  adapter.facts.algorithm = algorithm_of(votes, spatial, butterfly);
  adapter.facts.naming = std::ranges::max_element(namings, {}, [](const auto& n) { return n.second; })->first;
  return adapter;
}

}  // namespace dq::models::recognised
