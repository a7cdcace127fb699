// The report of `danqing inspect`: aligned lines for people, an object for programs.
#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "base/error.h"
#include "pipeline/inspect_report.h"

namespace dq::pipeline {
namespace {

using models::Recognition;
using nlohmann::json;

// "2.57 billion", "859.5 million", "1,024"
std::string count_in_words(std::uint64_t n) {
  const auto value = static_cast<double>(n);
  if (n >= 1'000'000'000) return fmt::format("{:.2f} billion", value / 1e9);
  if (n >= 1'000'000) return fmt::format("{:.1f} million", value / 1e6);
  return fmt::format("{}", n);
}

std::string size_in_words(std::uint64_t bytes) {
  const auto value = static_cast<double>(bytes);
  if (bytes >= 1u << 30) return fmt::format("{:.2f} GiB", value / (1u << 30));
  if (bytes >= 1u << 20) return fmt::format("{:.1f} MiB", value / (1u << 20));
  return fmt::format("{} bytes", bytes);
}

std::string dtypes_in_words(const std::vector<models::DTypeShare>& shares) {
  std::vector<std::string> out;
  for (const models::DTypeShare& share : shares) {
    out.push_back(fmt::format("{} ({} tensors)", to_string(share.dtype), share.tensors));
  }
  return fmt::format("{}", fmt::join(out, ", "));
}

class Lines {
 public:
  void row(std::string_view name, std::string_view value) {
    if (!value.empty()) text_ += fmt::format("  {:<12} {}\n", name, value);
  }
  void rows(std::string_view name, const std::vector<std::string>& values) {
    for (const std::string& value : values) {
      row(name, value);
      name = "";
    }
  }
  void head(std::string_view text) { text_ += fmt::format("{}\n", text); }
  std::string take() { return std::move(text_); }

 private:
  std::string text_;
};

std::string what_it_is(const Recognition& found) {
  if (found.role == models::Role::kUnknown) return "unknown";
  std::string out = found.ecosystem_title;
  const std::string_view role =
      found.adapter ? std::string_view(found.adapter->algorithm) : title(found.role);
  out += fmt::format("{}{}", out.empty() ? "" : " · ", role);
  if (found.adapter && found.adapter->dora) out += " with DoRA";
  if (!found.variant.empty()) out += fmt::format(" · {}", found.variant);
  return out;
}

void write_adapter(const models::AdapterFacts& adapter, Lines& lines) {
  std::string rank;
  if (adapter.rank_max > 0) {
    rank = adapter.rank_min == adapter.rank_max ? fmt::format("{}", adapter.rank_max)
                                                : fmt::format("{} to {}", adapter.rank_min, adapter.rank_max);
    if (adapter.alpha) rank += fmt::format(", alpha {:g}", *adapter.alpha);
  }
  lines.row("rank", rank);
  lines.row("changes", fmt::format("{} denoiser modules, {} text encoder modules", adapter.denoiser_modules,
                                   adapter.text_modules));
  lines.row("naming", adapter.naming);
}

void write_training(const models::TrainingFacts& training, Lines& lines) {
  lines.row("title", printable(training.title));
  lines.row("trained on", printable(training.base_model));
  std::vector<std::string> words;
  for (const std::string& word : training.trigger_words) words.push_back(printable(word));
  lines.rows("trigger", words);
  std::vector<std::string> tags;
  for (const auto& [tag, count] : training.tags) {
    if (tags.size() < 10) tags.push_back(fmt::format("{} ({})", printable(tag, 60), count));
  }
  lines.row("top tags", fmt::format("{}", fmt::join(tags, ", ")));
  for (const auto& [name, value] : training.facts) lines.row(name, printable(value, 120));
}

void write_parts(const Recognition& found, Lines& lines) {
  if (found.parts.size() < 2) return;
  std::vector<std::string> parts;
  for (const models::Part& part : found.parts) {
    const std::string_view dtype = part.dtypes.empty() ? "" : to_string(part.dtypes.front().dtype);
    parts.push_back(fmt::format("{}: {}, {} parameters, {}", part.kind, part.title,
                                count_in_words(part.parameters), dtype));
  }
  lines.rows("parts", parts);
}

json dtypes_json(const std::vector<models::DTypeShare>& shares) {
  json out = json::array();
  for (const models::DTypeShare& share : shares) {
    out.push_back(
        {{"dtype", to_string(share.dtype)}, {"tensors", share.tensors}, {"parameters", share.elements}});
  }
  return out;
}

json parts_json(const std::vector<models::Part>& parts) {
  json out = json::array();
  for (const models::Part& part : parts) {
    out.push_back({{"kind", part.kind},
                   {"title", part.title},
                   {"prefix", part.prefix},
                   {"tensors", part.tensors},
                   {"parameters", part.parameters},
                   {"dtypes", dtypes_json(part.dtypes)}});
  }
  return out;
}

json adapter_json(const models::AdapterFacts& adapter) {
  json out{{"algorithm", adapter.algorithm},
           {"dora", adapter.dora},
           {"denoiser_modules", adapter.denoiser_modules},
           {"text_modules", adapter.text_modules},
           {"rank_min", adapter.rank_min},
           {"rank_max", adapter.rank_max},
           {"naming", adapter.naming}};
  if (adapter.alpha) out["alpha"] = *adapter.alpha;
  return out;
}

json training_json(const models::TrainingFacts& training) {
  json tags = json::object();
  for (const auto& [tag, count] : training.tags) tags[tag] = count;
  return {{"base_model", training.base_model},
          {"title", training.title},
          {"trigger_words", training.trigger_words},
          {"tags", std::move(tags)},
          {"facts", training.facts}};
}

}  // namespace

std::string report_text(const InspectedFile& file, bool all_metadata) {
  const Recognition& found = file.found;
  Lines lines;
  lines.head(printable(file.path.string(), 400));
  lines.row("what", what_it_is(found));
  lines.row("note", found.note);
  lines.row("layout", found.layout.empty() || found.layout == file.format || found.adapter
                          ? file.format
                          : fmt::format("{}, {}", found.layout, file.format));
  lines.row("size", size_in_words(file.bytes));
  lines.row("parameters", fmt::format("{} in {} tensors", count_in_words(found.parameters), found.tensors));
  lines.row("types", dtypes_in_words(found.dtypes));
  lines.row("storage", found.storage);
  if (found.prediction != "unknown" || found.role == models::Role::kCheckpoint) {
    lines.row("prediction", fmt::format("{} ({})", found.prediction, found.prediction_why));
  }
  write_parts(found, lines);
  if (found.adapter) write_adapter(*found.adapter, lines);
  if (found.training) write_training(*found.training, lines);
  if (file.hashes) {
    lines.row("AutoV1", file.hashes->auto_v1);
    lines.row("AutoV2", file.hashes->auto_v2);
    lines.row("AutoV3", file.hashes->auto_v3);
    lines.row("sha256", file.hashes->sha256);
  }
  lines.rows("fits", found.fits);
  lines.rows("not for", found.does_not_fit);
  lines.rows("because of", found.evidence);
  lines.row("Danqing", found.support_note);
  if (!all_metadata && !file.metadata.empty()) {
    lines.row("metadata", fmt::format("{} entries (--metadata shows them)", file.metadata.size()));
  }
  if (all_metadata) {
    for (const auto& [key, value] : file.metadata) lines.row(printable(key), printable(value, 100'000));
  }
  return lines.take();
}

std::string report_json(const InspectedFile& file) {
  const Recognition& found = file.found;
  json out{
      {"schema_version", 1},
      {"file", file.path.string()},
      {"format", file.format},
      {"bytes", file.bytes},
      {"ecosystem", found.ecosystem},
      {"ecosystem_title", found.ecosystem_title},
      {"role", to_string(found.role)},
      {"variant", found.variant},
      {"note", found.note},
      {"layout", found.layout},
      {"prediction",
       {{"type", found.prediction}, {"certain", found.prediction_certain}, {"why", found.prediction_why}}},
      {"tensors", found.tensors},
      {"parameters", found.parameters},
      {"dtypes", dtypes_json(found.dtypes)},
      {"storage", found.storage},
      {"parts", parts_json(found.parts)},
      {"evidence", found.evidence},
      {"fits", found.fits},
      {"does_not_fit", found.does_not_fit},
      {"supported", found.supported},
      {"support_note", found.support_note},
      {"metadata", file.metadata}};
  if (found.adapter) out["adapter"] = adapter_json(*found.adapter);
  if (found.training) out["training"] = training_json(*found.training);
  if (file.hashes) {
    out["hashes"] = {{"auto_v1", file.hashes->auto_v1},
                     {"auto_v2", file.hashes->auto_v2},
                     {"auto_v3", file.hashes->auto_v3},
                     {"tensors", file.hashes->tensors},
                     {"sha256", file.hashes->sha256}};
  }
  return out.dump(2, ' ', false, json::error_handler_t::replace);
}

}  // namespace dq::pipeline
