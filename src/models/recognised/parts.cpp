#include "models/recognised/parts.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "models/recognised/numbers.h"
#include "models/unet/names.h"

namespace dq::models::recognised {
namespace {

using weights::TensorTable;

struct Root {
  Role role;
  std::string_view prefix;
  std::string_view layout;
};

// Where components stand in files. An empty prefix (a file of one component) is tried last.
constexpr Root kRoots[] = {
    {Role::kDenoiser, "model.diffusion_model.", "original"},
    {Role::kDenoiser, "model.model.", "original"},
    {Role::kDenoiser, "unet.", "diffusers folder"},
    {Role::kDenoiser, "transformer.", "diffusers folder"},
    {Role::kDenoiser, "diffusion_model.", "ComfyUI"},
    {Role::kDenoiser, "net.", "original"},
    {Role::kDenoiser, "module.", "original"},
    {Role::kDenoiser, "model.", "original"},
    {Role::kVae, "first_stage_model.", ""},
    {Role::kVae, "vae.", ""},
    {Role::kTextEncoder, "cond_stage_model.transformer.", ""},
    {Role::kTextEncoder, "cond_stage_model.model.", ""},
    {Role::kTextEncoder, "conditioner.embedders.0.transformer.", ""},
    {Role::kTextEncoder, "conditioner.embedders.0.model.", ""},
    {Role::kTextEncoder, "conditioner.embedders.1.model.", ""},
    {Role::kTextEncoder, "text_encoder.", ""},
    {Role::kTextEncoder, "text_encoder_2.", ""},
    {Role::kTextEncoder, "text_encoder_3.", ""},
    {Role::kTextEncoder, "text_encoder_4.", ""},
    {Role::kImageEncoder, "embedder.model.", ""},
    {Role::kImageEncoder, "conditioner.embedders.0.open_clip.model.", ""},
    {Role::kImageEncoder, "image_encoder.", ""},
    {Role::kImageEncoder, "safety_checker.vision_model.", ""},
};
constexpr std::string_view kEma = "model_ema.";

// Not parameters: schedules, counters, scales of quantised matrices, markers.
constexpr std::string_view kJunkStarts[] = {
    "alphas_cumprod", "betas",           "sqrt_", "log_one_minus_",     "posterior_",
    "lvlb_",          "denoiser.sigmas", "edm_",  "embedding_manager.", "scale_factor"};
constexpr std::string_view kJunkEnds[] = {"position_ids",
                                          "logit_scale",
                                          "num_batches_tracked",
                                          "scaled_fp8",
                                          ".scale_weight",
                                          ".scale_input",
                                          ".comfy_quant",
                                          ".weight_scale",
                                          ".weight_scale_2",
                                          ".input_scale",
                                          ".absmax",
                                          ".quant_map",
                                          "__nf4",
                                          "__fp4",
                                          "_quant_map",
                                          "_absmax",
                                          "v_pred",
                                          "ztsnr",
                                          "relative_position_index",
                                          ".wscales"};

bool is_junk(std::string_view name) {
  const auto starts = [&](std::string_view s) { return name.starts_with(s); };
  const auto ends = [&](std::string_view s) { return name.ends_with(s); };
  return std::ranges::any_of(kJunkStarts, starts) || std::ranges::any_of(kJunkEnds, ends);
}

// Adds up tensors, parameters and types.
class Counter {
 public:
  void add(std::string_view name, const files::TensorEntry& entry) {
    ++tensors_;
    if (is_junk(name)) return;
    const std::uint64_t elements = elements_of(entry.shape);
    if (__builtin_add_overflow(parameters_, elements, &parameters_)) parameters_ = UINT64_MAX;
    DTypeShare& share = shares_[entry.dtype];
    share.dtype = entry.dtype;
    ++share.tensors;
    if (__builtin_add_overflow(share.elements, elements, &share.elements)) share.elements = UINT64_MAX;
  }
  std::size_t tensors() const { return tensors_; }
  std::uint64_t parameters() const { return parameters_; }
  std::vector<DTypeShare> dtypes() const {
    std::vector<DTypeShare> out;
    for (const auto& [dtype, share] : shares_) out.push_back(share);
    std::ranges::stable_sort(out, std::ranges::greater{}, &DTypeShare::elements);
    return out;
  }

 private:
  std::size_t tensors_ = 0;
  std::uint64_t parameters_ = 0;
  std::map<DType, DTypeShare> shares_;
};

void count(const TensorTable& table, std::string_view prefix, Part& part) {
  Counter counter;
  for (auto it = table.entries().lower_bound(prefix); it != table.entries().end(); ++it) {
    if (!std::string_view(it->first).starts_with(prefix)) break;
    counter.add(it->first, it->second);
  }
  part.prefix = prefix;
  part.tensors = counter.tensors();
  part.parameters = counter.parameters();
  part.dtypes = counter.dtypes();
}

std::string_view kind_name(Role role) {
  switch (role) {
    case Role::kDenoiser:
      return "denoiser";
    case Role::kVae:
    case Role::kPreviewVae:
      return "VAE";
    case Role::kTextEncoder:
      return "text encoder";
    case Role::kImageEncoder:
      return "image encoder";
    default:
      return "other";
  }
}

std::optional<FoundPart> match_shared(const Names& names, std::span<const SharedKind> kinds) {
  for (const SharedKind& kind : kinds) {
    if (!holds(names, kind.needs)) continue;
    FoundPart found;
    found.role = kind.role;
    found.shared = &kind;
    found.part.kind = kind_name(kind.role);
    found.part.title = kind.title;
    found.evidence = evidence(names, kind.needs);
    return found;
  }
  return std::nullopt;
}

std::optional<FoundPart> match_role(const TensorTable& table, const Names& names, Role role) {
  switch (role) {
    case Role::kDenoiser:
      return match_denoiser(table, names);
    case Role::kVae:
      return match_shared(names, shared_vaes());
    case Role::kTextEncoder:
      return match_shared(names, shared_text_encoders());
    case Role::kImageEncoder:
      return match_shared(names, shared_image_encoders());
    default:
      return std::nullopt;
  }
}

// ComfyUI's all-in-one files: "text_encoders.<name>.transformer.".
std::vector<std::string> named_text_encoders(const Names& names) {
  constexpr std::string_view kRoot = "text_encoders.";
  std::vector<std::string> out;
  for (const NamedShape& entry : names.starting(kRoot)) {
    const std::size_t dot = entry.name.find('.', kRoot.size());
    if (dot == std::string_view::npos) continue;
    std::string prefix(entry.name.substr(0, dot + 1));
    if (entry.name.substr(dot + 1).starts_with("transformer.")) prefix += "transformer.";
    if (out.empty() || out.back() != prefix) out.push_back(std::move(prefix));
  }
  return out;
}

// A named component; one that nobody knows is listed all the same.
void add_part(const TensorTable& table, const Names& names, const Root& root, std::vector<FoundPart>& parts) {
  const Names inside = names.under(root.prefix);
  if (inside.empty()) return;
  std::optional<FoundPart> found =
      match_role(root.role == Role::kDenoiser ? table.under(root.prefix) : TensorTable(), inside, root.role);
  if (!found) {
    if (root.role == Role::kDenoiser) return;
    found.emplace();
    found->part.kind = kind_name(root.role);
    found->part.title = fmt::format("a {} that Danqing does not know", kind_name(root.role));
  }
  found->layout = root.layout;
  count(table, root.prefix, found->part);
  parts.push_back(std::move(*found));
}

// A file of one component.
void add_bare(const TensorTable& table, const Names& names, std::vector<FoundPart>& parts) {
  for (const Role role : {Role::kDenoiser, Role::kVae, Role::kTextEncoder, Role::kImageEncoder}) {
    std::optional<FoundPart> found = match_role(table, names, role);
    if (!found) continue;
    found->layout = role == Role::kDenoiser ? "original, bare" : "bare";
    count(table, "", found->part);
    parts.push_back(std::move(*found));
    return;
  }
}

}  // namespace

std::optional<FoundPart> match_denoiser(const TensorTable& table, const Names& names) {
  const auto ask = [](const Names& asked) -> std::optional<FoundPart> {
    for (const Ecosystem* ecosystem : ecosystems()) {
      for (const Signature& signature : ecosystem->denoisers) {
        if (!holds(asked, signature.needs)) continue;
        FoundPart found;
        found.role = Role::kDenoiser;
        found.ecosystem = ecosystem;
        found.signature = &signature;
        found.part.kind = "denoiser";
        found.part.title = ecosystem->title;
        found.evidence = evidence(asked, signature.needs);
        return found;
      }
    }
    return std::nullopt;
  };
  if (std::optional<FoundPart> found = ask(names)) {
    found->denoiser = table;
    return found;
  }
  // A U-Net in diffusers' names: rows are written in the original ones.
  if (!names.find("conv_in.weight") || names.starting("down_blocks.").empty()) return std::nullopt;
  TensorTable canonical;
  try {
    canonical = unet::locate(table);
  } catch (const Error&) {
    return std::nullopt;  // two tensors of one meaning: whatever it is, no U-Net that could be loaded
  }
  std::optional<FoundPart> found = ask(Names(canonical));
  if (found) found->denoiser = std::move(canonical);
  return found;
}

std::vector<FoundPart> find_parts(const TensorTable& table, const Names& names) {
  std::vector<FoundPart> parts;
  for (const Root& root : kRoots) {
    // One denoiser a file; "model." would match inside what "model.diffusion_model." found.
    const bool have_denoiser = !parts.empty() && parts.front().role == Role::kDenoiser;
    if (root.role == Role::kDenoiser && have_denoiser) continue;
    add_part(table, names, root, parts);
  }
  for (const std::string& prefix : named_text_encoders(names)) {
    add_part(table, names, {Role::kTextEncoder, prefix, ""}, parts);
  }
  const bool bare_denoiser =
      parts.empty() || (parts.front().role != Role::kDenoiser && match_denoiser(table, names));
  if (bare_denoiser) {
    std::vector<FoundPart> bare;
    add_bare(table, names, bare);
    parts.insert(parts.begin(), bare.begin(), bare.end());
  }
  if (!names.starting(kEma).empty()) {
    FoundPart ema;
    ema.part.kind = "EMA copy";
    ema.part.title = "a second copy of the denoiser, left over from training";
    count(table, kEma, ema.part);
    parts.push_back(std::move(ema));
  }
  return parts;
}

void count_whole(const TensorTable& table, Recognition& found) {
  Counter counter;
  for (const auto& [name, entry] : table.entries()) {
    if (!std::string_view(name).starts_with(kEma)) counter.add(name, entry);
  }
  found.tensors = table.size();
  found.parameters = counter.parameters();
  found.dtypes = counter.dtypes();
}

}  // namespace dq::models::recognised
