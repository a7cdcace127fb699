#include "train/dataset_config.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <fstream>
#include <sstream>
#include <toml.hpp>

#include "base/error.h"
#include "base/near_names.h"
#include "media/unicode.h"

namespace dq::train {
namespace {

namespace fs = std::filesystem;

// The parser calls itself for every bracket, and takes time that grows with the square of a dotted name's
// parts. So both are counted wherever they stand: what a text hides from a count might hide from the parser
// too.
constexpr std::uintmax_t kMaxBytes = 256u << 10;
constexpr int kMaxBrackets = 2000;  // about 480 subsets
constexpr int kMaxDotsOfLine = 64;

// Names that mean something here: of a subset alone; of a subset, which every level may say for those below
// it; and of a dataset.
constexpr std::array kOfOneSubset{"image_dir", "conditioning_data_dir", "class_tokens", "is_reg"};
constexpr std::array kOfSubset{"num_repeats",
                               "caption_extension",
                               "shuffle_caption",
                               "keep_tokens",
                               "flip_aug",
                               "keep_tokens_separator",
                               "secondary_separator",
                               "caption_separator",
                               "caption_prefix",
                               "caption_suffix",
                               "caption_dropout_rate",
                               "caption_dropout_every_n_epochs",
                               "caption_tag_dropout_rate",
                               "token_warmup_min",
                               "token_warmup_step",
                               "enable_wildcard"};
constexpr std::array kOfDataset{"resolution",      "batch_size",        "enable_bucket",    "min_bucket_reso",
                                "max_bucket_reso", "bucket_reso_steps", "bucket_no_upscale"};
// Names that sd-scripts knows, and that change nothing here.
constexpr std::array kWithoutEffect{
    "color_aug",        "random_crop",           "face_crop_aug_range", "alpha_mask",
    "cache_info",       "custom_attributes",     "network_multiplier",  "validation_seed",
    "validation_split", "skip_image_resolution", "resize_interpolation"};
constexpr std::array kUnsupported{"metadata_file"};

template <class List>
bool holds(const List& list, const std::string& name) {
  return std::find(list.begin(), list.end(), name) != list.end();
}

bool is_off(const toml::value& value) {
  return value.is_boolean() && !value.as_boolean();
}

class Reader {
 public:
  Reader(fs::path file, const SubsetDefaults& defaults) : file_(std::move(file)), defaults_(defaults) {}

  DatasetConfig read(const std::string& written) {
    const toml::value whole = parse(written);
    check_names(whole, {"general", "datasets"}, Level::kFile);
    const toml::value* general = whole.contains("general") ? &whole.at("general") : nullptr;
    if (general) check_names(*general, {}, Level::kDataset);
    for (const toml::value& dataset : tables(whole, "datasets")) {
      check_names(dataset, {"subsets"}, Level::kDataset);
      for (const toml::value& subset : tables(dataset, "subsets")) {
        check_names(subset, {}, Level::kSubset);
        levels_ = {&subset, &dataset, general};
        read_subset(subset);
      }
      read_sizes();
      ++dataset_;
    }
    return std::move(out_);
  }

 private:
  [[noreturn]] void fail_at(std::uint64_t line, const std::string& what,
                            ErrorCode code = ErrorCode::kBadFile) const {
    throw Error(code, fmt::format("line {} of the dataset's description: {}", line, what)).in(file_.string());
  }
  // Lines are counted only when they are told: each time from the file's first.
  [[noreturn]] void fail(const toml::value& at, const std::string& what,
                         ErrorCode code = ErrorCode::kBadFile) const {
    fail_at(at.location().line(), what, code);
  }

  toml::value parse(const std::string& written) const {
    check_text(written);
    std::istringstream in(written);
    try {
      return toml::parse(in, file_.string());
    } catch (const toml::exception& error) {
      const std::string what(error.what());
      fail_at(error.location().line(), "it is no TOML: " + printable(what.substr(0, what.find('\n'))));
    } catch (const std::exception& error) {
      throw Error(ErrorCode::kBadFile, std::string("it is no TOML: ") + printable(error.what()))
          .in(file_.string());
    }
  }

  void check_text(const std::string& text) const {
    if (text.size() > kMaxBytes)
      throw Error(ErrorCode::kBadFile, "a dataset's description is larger than 256 KB").in(file_.string());
    int brackets = 0, dots = 0;
    std::uint64_t line = 1;
    for (const char c : text) {
      dots = c == '\n' ? 0 : dots + (c == '.');
      line += c == '\n';
      brackets += c == '[' || c == '{';
      if (brackets > kMaxBrackets)
        fail_at(line, fmt::format("there are more than {} brackets", kMaxBrackets));
      if (dots > kMaxDotsOfLine) fail_at(line, fmt::format("there are more than {} dots", kMaxDotsOfLine));
    }
    if (!media::is_utf8(text))
      throw Error(ErrorCode::kBadFile, "the dataset's description is not UTF-8")
          .in(file_.string())
          .hint("Save it as UTF-8.");
  }

  const std::vector<toml::value>& tables(const toml::value& in, const char* name) const {
    if (!in.contains(name) || !in.at(name).is_array() || in.at(name).as_array().empty())
      fail(in, fmt::format("there is no [[{}]]", name));
    for (const toml::value& one : in.at(name).as_array()) {
      if (!one.is_table()) fail(one, fmt::format("{} holds something that is no table", name));
    }
    return in.at(name).as_array();
  }

  enum class Level : std::uint8_t { kFile, kDataset, kSubset };
  // `sub`: tables that may stand in this one.
  void check_names(const toml::value& table, std::initializer_list<const char*> sub, Level level) {
    if (!table.is_table()) fail(table, "a table is needed here");
    for (const auto& [name, value] : table.as_table()) {
      if (holds(kUnsupported, name)) fail(value, name + " is not supported yet", ErrorCode::kUnsupported);
      if (holds(kWithoutEffect, name)) {
        if (!is_off(value))
          out_.warnings.push_back(
              fmt::format("{} in line {} has no effect here.", name, value.location().line()));
        continue;
      }
      std::vector<std::string> names(sub.begin(), sub.end());
      if (level != Level::kFile) names.insert(names.end(), kOfSubset.begin(), kOfSubset.end());
      if (level == Level::kSubset) names.insert(names.end(), kOfOneSubset.begin(), kOfOneSubset.end());
      if (level == Level::kDataset) names.insert(names.end(), kOfDataset.begin(), kOfDataset.end());
      if (holds(names, name)) continue;
      Error error(ErrorCode::kBadFile,
                  fmt::format("line {} of the dataset's description: there is no setting {} here",
                              value.location().line(), printable(name, 60)));
      throw error.in(file_.string()).hint(did_you_mean(near_names(name, names)));
    }
  }

  // The value that counts for the subset at hand; null when nobody says.
  const toml::value* find(const char* name) const {
    for (const toml::value* level : levels_) {
      if (level && level->contains(name)) return &level->at(name);
    }
    return nullptr;
  }

  void flag(const char* name, bool& to) const {
    const toml::value* value = find(name);
    if (!value) return;
    if (!value->is_boolean()) fail(*value, fmt::format("{} is true or false", name));
    to = value->as_boolean();
  }
  void text(const char* name, std::string& to) const {
    const toml::value* value = find(name);
    if (!value) return;
    if (!value->is_string()) fail(*value, fmt::format("{} is a text in quotes", name));
    to = value->as_string().str;
  }
  void whole(const char* name, int least, int most, int& to) const {
    if (const toml::value* value = find(name)) to = whole_of(*value, name, least, most);
  }
  int whole_of(const toml::value& value, const char* name, int least, int most) const {
    const std::int64_t number = value.is_integer() ? value.as_integer() : std::int64_t{least} - 1;
    if (number < least || number > most)
      fail(value, fmt::format("{} is a whole number from {} to {}", name, least, most));
    return static_cast<int>(number);
  }
  void share(const char* name, double& to) const {
    const toml::value* value = find(name);
    if (!value) return;
    double number = -1;
    if (value->is_floating()) number = value->as_floating();
    if (value->is_integer()) number = static_cast<double>(value->as_integer());
    if (!(number >= 0 && number <= 1)) fail(*value, fmt::format("{} is a number from 0 to 1", name));
    to = number;
  }

  // A folder that must be there, named from where the program runs or else from the file's own folder. False
  // when nothing names it.
  bool folder(const char* name, fs::path& to) const {
    std::string named;
    text(name, named);
    if (named.empty()) return false;
    const fs::path beside = file_.parent_path() / named;
    to = fs::is_directory(named) || !fs::is_directory(beside) ? fs::path(named) : beside;
    if (!fs::is_directory(to))
      fail(*find(name), "there is no folder " + printable(named), ErrorCode::kNotFound);
    return true;
  }

  void read_captions(CaptionRule& rule) const {
    flag("shuffle_caption", rule.shuffle);
    whole("keep_tokens", 0, 1000, rule.keep);
    text("keep_tokens_separator", rule.keep_separator);
    text("secondary_separator", rule.secondary_separator);
    std::string separator(1, rule.separator);
    text("caption_separator", separator);
    if (separator.size() != 1) fail(*find("caption_separator"), "caption_separator is one character");
    rule.separator = separator[0];
    text("caption_prefix", rule.prefix);
    text("caption_suffix", rule.suffix);
    share("caption_dropout_rate", rule.dropout);
    whole("caption_dropout_every_n_epochs", 0, 1'000'000, rule.dropout_every);
    share("caption_tag_dropout_rate", rule.tag_dropout);
    whole("token_warmup_min", 1, 1000, rule.warmup_from);
    whole("token_warmup_step", 0, 10'000'000, rule.warmup_steps);
    flag("enable_wildcard", rule.wildcards);
  }

  // Those of one dataset that name a folder again are left out, as sd-scripts leaves them out.
  bool comes_again(const SubsetConfig& subset) {
    const bool again = std::any_of(out_.subsets.begin(), out_.subsets.end(), [&](const SubsetConfig& other) {
      return other.dataset == dataset_ && other.files.folder == subset.files.folder &&
             other.regularisation == subset.regularisation;
    });
    if (again) {
      out_.warnings.push_back(fmt::format("The folder {} comes twice in one dataset; the second is left out.",
                                          printable(subset.files.folder.string())));
    }
    return again;
  }

  void read_subset(const toml::value& table) {
    SubsetConfig subset;
    subset.captions = defaults_.captions;
    subset.flip = defaults_.flip;
    if (!folder("image_dir", subset.files.folder)) fail(table, "a subset has no image_dir");
    folder("conditioning_data_dir", subset.files.conditioning);
    text("class_tokens", subset.files.words);
    whole("num_repeats", 1, 1'000'000, subset.files.repeats);
    text("caption_extension", subset.files.caption_extension);
    flag("is_reg", subset.regularisation);
    flag("flip_aug", subset.flip);
    read_captions(subset.captions);
    subset.dataset = dataset_;
    if (!comes_again(subset)) out_.subsets.push_back(std::move(subset));
  }

  // What holds for all subsets of a dataset, and here for all datasets.
  void read_sizes() {
    levels_[0] = nullptr;
    DatasetConfig own;
    if (const toml::value* value = find("resolution")) own.resolution = resolution(*value);
    whole("batch_size", 1, 1024, own.batch);
    whole("min_bucket_reso", 64, 8192, own.bucket_smallest);
    whole("max_bucket_reso", 64, 8192, own.bucket_largest);
    whole("bucket_reso_steps", 8, 1024, own.bucket_step);
    bool as_it_is = false, buckets = true;
    flag("bucket_no_upscale", as_it_is);
    own.bucket_upscale = !as_it_is;
    flag("enable_bucket", buckets);
    if (!buckets) out_.warnings.push_back("enable_bucket = false has no effect: pictures go into buckets.");
    const auto sizes = [](const DatasetConfig& c) {
      return std::tuple(c.resolution, c.batch, c.bucket_smallest, c.bucket_largest, c.bucket_step,
                        c.bucket_upscale);
    };
    if (sizes_known_ && sizes(own) != sizes(out_)) {
      throw Error(ErrorCode::kUnsupported,
                  "datasets with different resolutions, batches or buckets are not supported yet")
          .in(file_.string())
          .hint("Give them the same, or train on one after the other.");
    }
    sizes_known_ = true;
    std::tie(out_.resolution, out_.batch, out_.bucket_smallest, out_.bucket_largest, out_.bucket_step,
             out_.bucket_upscale) = sizes(own);
  }

  int resolution(const toml::value& value) const {
    if (!value.is_array()) return whole_of(value, "resolution", 64, 4096);
    const std::vector<toml::value>& sides = value.as_array();
    if (sides.size() != 2) fail(value, "resolution is one number or two");
    const int width = whole_of(sides[0], "resolution", 64, 4096),
              height = whole_of(sides[1], "resolution", 64, 4096);
    if (width != height) {
      fail(value, "a resolution with two different sides is not supported yet; buckets go by its area",
           ErrorCode::kUnsupported);
    }
    return width;
  }

  fs::path file_;
  const SubsetDefaults& defaults_;
  std::array<const toml::value*, 3> levels_{};  // subset, dataset, general
  int dataset_ = 0;
  bool sizes_known_ = false;
  DatasetConfig out_;
};

}  // namespace

bool is_dataset_config(const fs::path& file) {
  return file.extension() == ".toml" && !fs::is_directory(file);
}

DatasetConfig read_dataset_config(const fs::path& file, const SubsetDefaults& defaults) {
  std::error_code failed;
  const std::uintmax_t size = fs::file_size(file, failed);
  if (failed) throw Error(ErrorCode::kNotFound, "the dataset's description cannot be read").in(file.string());
  std::string text(std::min<std::uintmax_t>(size, kMaxBytes + 1), '\0');
  std::ifstream in(file, std::ios::binary);
  in.read(text.data(), static_cast<std::streamsize>(text.size()));
  text.resize(static_cast<std::size_t>(in.gcount()));
  return parse_dataset_config(text, file, defaults);
}

DatasetConfig parse_dataset_config(const std::string& text, const fs::path& file,
                                   const SubsetDefaults& defaults) {
  return Reader(file, defaults).read(text);
}

}  // namespace dq::train
