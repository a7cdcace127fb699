#include "models/recognise.h"

#include <fmt/format.h>

#include <algorithm>

#include "models/recognised/adapters.h"
#include "models/recognised/advice.h"
#include "models/recognised/parts.h"
#include "models/recognised/small_formats.h"
#include "models/recognised/training.h"

namespace dq::models {
namespace {

using namespace recognised;
using weights::TensorTable;

struct RoleName {
  Role role;
  std::string_view id, title;
};
constexpr RoleName kRoleNames[] = {
    {Role::kUnknown, "unknown", "unknown file"},
    {Role::kCheckpoint, "checkpoint", "checkpoint"},
    {Role::kDenoiser, "denoiser", "denoiser alone"},
    {Role::kVae, "vae", "VAE"},
    {Role::kPreviewVae, "preview-vae", "preview VAE"},
    {Role::kTextEncoder, "text-encoder", "text encoder"},
    {Role::kImageEncoder, "image-encoder", "image encoder"},
    {Role::kAdapter, "lora", "LoRA"},
    {Role::kEmbedding, "embedding", "embedding (textual inversion)"},
    {Role::kHypernetwork, "hypernetwork", "hypernetwork"},
    {Role::kControlNet, "controlnet", "ControlNet"},
    {Role::kT2iAdapter, "t2i-adapter", "T2I-Adapter"},
    {Role::kIpAdapter, "ip-adapter", "IP-Adapter"},
    {Role::kStyleModel, "style-model", "style model"},
    {Role::kMotionModule, "motion-module", "motion module"},
    {Role::kInpaintPatch, "inpaint-patch", "inpainting patch"},
    {Role::kUpscaler, "upscaler", "upscaler"},
    {Role::kPreprocessor, "preprocessor", "preprocessor"},
};

const RoleName& name_of(Role role) {
  return *std::ranges::find(kRoleNames, role, &RoleName::role);
}

// Quantised forms, by the helper tensors that they bring.
struct Storage {
  std::string_view needs, text;
};
constexpr Storage kStorages[] = {
    {"*.comfy_quant", "mixed quantisation (ComfyUI), a format a matrix"},
    {"*scaled_fp8|*.scale_weight", "8-bit floats with a scale a matrix"},
    {"*.quant_state.bitsandbytes__nf4", "4-bit NF4 (bitsandbytes); parameters are counted as stored"},
    {"*.quant_state.bitsandbytes__fp4", "4-bit FP4 (bitsandbytes); parameters are counted as stored"},
    {"*.wscales", "4-bit SVDQuant (nunchaku); parameters are counted as stored"},
    {"*.weight._data", "8-bit integers (quanto)"},
};

// Where a whole file's signature may stand.
constexpr std::string_view kAddOnPrefixes[] = {"", "control_model.", "controlnet.", "module.", "state_dict."};

void join_variant(std::string& variant, std::string_view more) {
  if (more.empty()) return;
  if (!variant.empty()) variant += ", ";
  variant += more;
}

void set_ecosystem(const Ecosystem& ecosystem, Recognition& found) {
  found.ecosystem = ecosystem.id;
  found.ecosystem_title = ecosystem.title;
}

// The prediction type of a denoiser: marks in the file, then a measurement, then what metadata says.
void settle_prediction(const FoundPart& part, const Names& names,
                       const std::map<std::string, std::string>& metadata, Recognition& found) {
  const Ecosystem& ecosystem = *part.ecosystem;
  found.prediction = ecosystem.prediction;
  found.prediction_certain = ecosystem.prediction_certain;
  found.prediction_why = ecosystem.prediction_certain ? "every model of this kind does"
                                                      : "most do; names and shapes cannot tell";
  if (ecosystem.measure) ecosystem.measure(part.denoiser, found);
  if (const std::string stated = stated_prediction(metadata);
      !stated.empty() && !ecosystem.prediction_certain) {
    found.prediction = stated;
    found.prediction_certain = true;
    found.prediction_why = "the metadata says so";
  }
  for (const Mark& mark : ecosystem.marks) {
    if (!holds(names, mark.needs)) continue;
    join_variant(found.variant, mark.variant);
    if (!mark.prediction.empty()) {
      found.prediction = mark.prediction;
      found.prediction_certain = true;
      found.prediction_why = fmt::format("the file has {}", fmt::join(evidence(names, mark.needs), ", "));
    }
    return;
  }
}

bool recognise_small(const Names& names, Recognition& found, const Ecosystem*& ecosystem) {
  std::optional<SmallFormat> small = match_small_format(names);
  if (!small) return false;
  ecosystem = find_ecosystem(small->ecosystem);
  found.role = small->role;
  found.variant = small->variant;
  found.note = small->note;
  found.evidence = std::move(small->evidence);
  return true;
}

bool recognise_add_on(const Names& names, Recognition& found, const Ecosystem*& ecosystem) {
  for (const std::string_view prefix : kAddOnPrefixes) {
    const Names inside = prefix.empty() ? names : names.under(prefix);
    if (inside.empty()) continue;
    for (const Ecosystem* candidate : ecosystems()) {
      for (const Signature& row : candidate->add_ons) {
        if (!holds(inside, row.needs)) continue;
        ecosystem = candidate;
        found.role = row.role;
        found.variant = row.variant;
        found.note = row.note;
        found.evidence = evidence(inside, row.needs);
        return true;
      }
    }
  }
  return false;
}

bool recognise_adapter(const TensorTable& table, Recognition& found, const Ecosystem*& ecosystem) {
  std::optional<Adapter> adapter = read_adapter(table);
  if (!adapter) return false;
  found.role = Role::kAdapter;
  found.adapter = adapter->facts;
  found.layout = adapter->facts.naming;
  const Names modules = adapter->names();
  for (const Ecosystem* candidate : ecosystems()) {
    for (const Signature& row : candidate->adapters) {
      if (!holds(modules, row.needs)) continue;
      ecosystem = candidate;
      found.variant = row.variant;
      found.note = row.note;
      found.evidence = evidence(modules, row.needs);
      return true;
    }
  }
  found.note = "an adapter, but of a model that Danqing does not know";
  for (std::size_t i = 0; i < std::min<std::size_t>(3, adapter->modules.size()); ++i) {
    found.evidence.push_back("changes " + printable(adapter->modules[i].name));
  }
  return true;
}

bool recognise_tool(const Names& names, Recognition& found) {
  for (const std::string_view prefix : {"", "params_ema.", "params.", "state_dict.", "module."}) {
    const Names inside = names.under(prefix);
    if (inside.empty()) continue;
    for (const SharedKind& kind : picture_tools()) {
      if (!holds(inside, kind.needs)) continue;
      found.role = kind.role;
      found.variant = kind.title;
      found.note = kind.note;
      found.ecosystem = "shared";
      found.evidence = evidence(inside, kind.needs);
      return true;
    }
  }
  return false;
}

// Checkpoints, and components on their own.
bool recognise_parts(const TensorTable& table, const Names& names,
                     const std::map<std::string, std::string>& metadata, Recognition& found,
                     const Ecosystem*& ecosystem, std::string& serves) {
  const std::vector<FoundPart> parts = find_parts(table, names);
  for (const FoundPart& part : parts) found.parts.push_back(part.part);
  if (parts.empty() || parts.front().role == Role::kUnknown) return false;
  const FoundPart& first = parts.front();
  found.role = first.role;
  found.evidence = first.evidence;
  found.layout = first.layout;
  if (first.shared) {
    const std::string_view served = first.shared->serves;
    found.variant = first.shared->title;
    found.note = first.shared->note;
    if (const Ecosystem* only = find_ecosystem(served)) {
      ecosystem = only;
    } else {
      found.ecosystem = "shared";
      serves = served;
    }
    return true;
  }
  ecosystem = first.ecosystem;
  found.variant = first.signature->variant;
  found.note = first.signature->note;
  const bool companions = std::ranges::any_of(
      parts, [](const FoundPart& p) { return p.role == Role::kVae || p.role == Role::kTextEncoder; });
  if (companions) found.role = Role::kCheckpoint;
  const Names inside = names.under(first.part.prefix);
  if (first.layout != "diffusers folder" && holds(inside, ecosystem->diffusers)) {
    found.layout = first.part.prefix.empty() ? "diffusers, bare" : "diffusers";
  } else if (!companions && first.layout == "original") {
    found.layout = "original, bare";
  }
  settle_prediction(first, names, metadata, found);
  return true;
}

// Nothing matched: say what is there, so that a person can search on.
void describe_unknown(const TensorTable& table, const std::map<std::string, std::string>& metadata,
                      Recognition& found) {
  std::map<std::string_view, std::size_t> heads;
  for (const auto& [name, entry] : table.entries()) ++heads[std::string_view(name).substr(0, name.find('.'))];
  std::vector<std::pair<std::string_view, std::size_t>> top(heads.begin(), heads.end());
  std::ranges::stable_sort(top, [](const auto& a, const auto& b) { return a.second > b.second; });
  if (top.size() > 4) top.resize(4);
  std::vector<std::string> shown;
  for (const auto& [head, count] : top) shown.push_back(fmt::format("{} ({})", printable(head, 40), count));
  found.note = table.empty()
                   ? "The file holds no tensors"
                   : fmt::format("Danqing does not know files of this shape. Its tensors begin with {}",
                                 fmt::join(shown, ", "));
  const std::string stated = value_of(metadata, "modelspec.architecture");
  if (!stated.empty()) found.note += fmt::format(". Its metadata says: {}", printable(stated, 80));
}

}  // namespace

std::string_view to_string(Role role) {
  return name_of(role).id;
}
std::string_view title(Role role) {
  return name_of(role).title;
}

Recognition recognise(const TensorTable& table, const std::map<std::string, std::string>& metadata) {
  Recognition found;
  const Names names(table);
  const Ecosystem* ecosystem = nullptr;
  std::string serves;
  count_whole(table, found);
  // From the special to the general: a ControlNet holds half a U-Net, an IP-Adapter may hold a LoRA.
  const bool known = recognise_small(names, found, ecosystem) || recognise_add_on(names, found, ecosystem) ||
                     recognise_adapter(table, found, ecosystem) || recognise_tool(names, found) ||
                     recognise_parts(table, names, metadata, found, ecosystem, serves);
  if (!known) describe_unknown(table, metadata, found);
  if (ecosystem) set_ecosystem(*ecosystem, found);
  for (const Storage& storage : kStorages) {
    if (!holds(names, storage.needs)) continue;
    found.storage = storage.text;
    break;
  }
  found.training = read_training(metadata);
  if (const std::string stated = stated_prediction(metadata);
      !stated.empty() && found.role == Role::kAdapter) {
    found.prediction = stated;
    found.prediction_certain = true;
    found.prediction_why = "the metadata says so";
  }
  advise(ecosystem, serves, table, found);
  return found;
}

}  // namespace dq::models
