#include "models/recognised/advice.h"

#include <fmt/format.h>

#include <algorithm>

#include "models/family.h"
#include "weights/adapters/kinds.h"

namespace dq::models::recognised {
namespace {

// What Danqing can take today, beside whole models. Of adapters and control nets only the plain kinds.
constexpr Role kUsableRoles[] = {Role::kVae, Role::kTextEncoder, Role::kEmbedding, Role::kAdapter,
                                 Role::kControlNet};

std::vector<std::string_view> words(std::string_view text) {
  std::vector<std::string_view> out;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find(' '), text.size());
    if (end > 0) out.push_back(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return out;
}

bool is_model(Role role) {
  return role == Role::kCheckpoint || role == Role::kDenoiser;
}

void advise_model(const Ecosystem& ecosystem, Recognition& found) {
  found.fits.push_back(fmt::format("LoRAs, ControlNets and embeddings made for {}", ecosystem.title));
  if (found.role == Role::kDenoiser) found.fits.push_back(fmt::format("beside it: {}", ecosystem.companions));
}

void advise_add_on(const Ecosystem& ecosystem, Recognition& found) {
  const bool narrow = !found.variant.empty() && found.role == Role::kAdapter;
  found.fits.push_back(narrow ? fmt::format("models of {} ({})", ecosystem.title, found.variant)
                              : fmt::format("models of {}", ecosystem.title));
}

void advise_against(const Ecosystem& ecosystem, Recognition& found) {
  const std::string_view what =
      is_model(found.role) ? "what is made for it does not fit this file" : "this file does not fit";
  for (const std::string_view id : ecosystem.relatives) {
    const Ecosystem* other = find_ecosystem(id);
    if (!other) continue;
    found.does_not_fit.push_back(fmt::format("{}: {}; it has {}, this {} {}", other->title, what,
                                             other->shape_note, is_model(found.role) ? "has" : "is for",
                                             ecosystem.shape_note));
  }
}

// A family's renaming refuses tables in which two tensors mean the same; such a file is not its own.
bool detects(const Family& family, const weights::TensorTable& table) {
  try {
    return family.detect(table).has_value();
  } catch (const Error&) {
    return false;
  }
}

// Of the kinds that are read, down to its last tensor: half of an adapter is not that adapter.
bool is_readable_adapter(const weights::TensorTable& table) {
  return std::ranges::all_of(table.entries(), [](const auto& entry) {
    return weights::adapter_tensor_name(entry.first).has_value();
  });
}

bool usable(std::string_view ecosystem, std::string_view serves, const weights::TensorTable& table,
            const Recognition& found) {
  const Role role = found.role;
  if (is_model(role)) {
    return std::ranges::any_of(families(), [&](const Family* family) { return detects(*family, table); });
  }
  if (std::ranges::find(kUsableRoles, role) == std::end(kUsableRoles)) return false;
  if (role == Role::kControlNet && !found.variant.empty()) return false;
  if (role == Role::kAdapter && (!found.variant.empty() || !is_readable_adapter(table))) return false;
  if (!ecosystem.empty()) return find_family(ecosystem) != nullptr;
  return std::ranges::any_of(words(serves), [](std::string_view id) { return find_family(id) != nullptr; });
}

std::string name_of(const Recognition& found) {
  if (found.role == Role::kUnknown) return "This kind of file";
  if (found.ecosystem_title.empty() || found.ecosystem == "shared") return std::string(title(found.role));
  return fmt::format("{} ({})", found.ecosystem_title, title(found.role));
}

}  // namespace

void advise(const Ecosystem* ecosystem, std::string_view serves, const weights::TensorTable& table,
            Recognition& found) {
  if (ecosystem) {
    is_model(found.role) ? advise_model(*ecosystem, found) : advise_add_on(*ecosystem, found);
    advise_against(*ecosystem, found);
  }
  for (const std::string_view id : words(serves)) {
    const Ecosystem* one = find_ecosystem(id);
    if (one) found.fits.push_back(fmt::format("models of {}", one->title));
  }
  if (found.role == Role::kUpscaler || found.role == Role::kPreprocessor) found.fits.push_back("any picture");
  found.supported = usable(ecosystem ? ecosystem->id : "", serves, table, found);
  found.support_note =
      found.supported ? "Danqing can use this file" : fmt::format("{} is not supported yet", name_of(found));
}

}  // namespace dq::models::recognised
