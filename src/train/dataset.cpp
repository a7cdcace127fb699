#include "train/dataset.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cctype>
#include <fstream>
#include <map>
#include <sstream>

#include "base/error.h"
#include "base/mapped_file.h"
#include "base/sha256.h"
#include "base/small_file.h"
#include "media/codec.h"
#include "media/json_text.h"
#include "train/picture_check.h"

namespace dq::train {
namespace {

namespace fs = std::filesystem;

constexpr std::uintmax_t kMostCaptionBytes = 64 << 10;
constexpr double kBlurred = 12;     // variance of the Laplacian; line drawings and emoji lie above 300
constexpr double kSamePicture = 2;  // mean difference of thumbnails, of 255
constexpr std::size_t kMostCompared = 3000;
constexpr std::string_view kMaskEnd = "-masklabel";

std::string lower(std::string text) {
  for (char& c : text) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return text;
}

bool is_picture(const fs::path& file) {
  const std::string extension = lower(file.extension().string());
  return extension == ".png" || extension == ".jpg" || extension == ".jpeg" || extension == ".webp";
}

bool is_foreign_picture(const fs::path& file) {
  constexpr std::array<std::string_view, 8> kOthers{".bmp",  ".gif",  ".tif", ".tiff",
                                                    ".avif", ".heic", ".jxl", ".svg"};
  return std::find(kOthers.begin(), kOthers.end(), lower(file.extension().string())) != kOthers.end();
}

std::string read_text(const fs::path& file) {
  std::optional<std::string> text = read_small_file(file, kMostCaptionBytes);
  if (!text) {
    throw Error(ErrorCode::kBadFile, "its caption cannot be read, or has more than 64 KiB").in(file.string());
  }
  std::string out = std::move(*text);
  if (out.rfind("\xef\xbb\xbf", 0) == 0) out.erase(0, 3);
  return out;
}

// "10_sks cat" → 10, "sks cat".
bool split_repeats(const std::string& name, int& repeats, std::string& words) {
  const std::size_t digits = name.find_first_not_of("0123456789");
  if (digits == 0 || digits == std::string::npos || digits > 6 || name[digits] != '_') return false;
  repeats = std::stoi(name.substr(0, digits));
  words = name.substr(digits + 1);
  return true;
}

using Captions = std::map<std::string, std::string>;

// metadata.jsonl of one folder: file name → text.
Captions read_metadata(const fs::path& folder, Dataset& out) {
  Captions captions;
  const fs::path file = folder / "metadata.jsonl";
  if (!fs::is_regular_file(file)) return captions;
  std::ifstream in(file);
  std::string line;
  for (int number = 1; std::getline(in, line); ++number) {
    if (line.find_first_not_of(" \t\r") == std::string::npos) continue;
    const auto json = media::parse_json(line);
    const std::string name = json ? media::text_member(*json, "file_name") : "";
    if (name.empty()) {
      out.warnings.push_back(fmt::format("Line {} of {} names no file.", number, printable(file.string())));
      continue;
    }
    std::string text = media::text_member(*json, "text");
    if (text.empty()) text = media::text_member(*json, "caption");
    captions[name] = std::move(text);
  }
  return captions;
}

void find_caption(TrainingPicture& picture, const Captions& metadata, const SubsetFiles& files) {
  for (const std::string& extension :
       {files.caption_extension, std::string(".caption"), std::string(".txt")}) {
    const fs::path file = fs::path(picture.file).replace_extension(extension);
    if (!fs::is_regular_file(file)) continue;
    picture.caption = read_text(file);
    picture.source = CaptionSource::kTextFile;
    return;
  }
  const auto line = metadata.find(picture.file.filename().string());
  if (line != metadata.end() && !line->second.empty()) {
    picture.caption = line->second;
    picture.source = CaptionSource::kMetadata;
  } else if (!files.words.empty()) {
    picture.caption = files.words;
    picture.source = CaptionSource::kFolderName;
  } else {
    picture.caption = caption_of_name(picture.file.stem().string());
    if (!picture.caption.empty()) picture.source = CaptionSource::kFileName;
  }
}

void collect_folder(const SubsetFiles& files, Dataset& out) {
  const fs::path& folder = files.folder;
  const Captions metadata = read_metadata(folder, out);
  out.subsets.push_back({.folder = folder});
  for (const fs::directory_entry& entry : fs::directory_iterator(folder)) {
    if (!entry.is_regular_file()) continue;
    const fs::path& file = entry.path();
    if (is_foreign_picture(file)) {
      out.left_out.push_back({file, "its format is not one of PNG, JPEG and WebP"});
      continue;
    }
    const std::string stem = file.stem().string();
    if (!is_picture(file) || stem.ends_with(kMaskEnd)) continue;
    TrainingPicture picture;
    picture.file = file;
    picture.repeats = files.repeats;
    picture.subset = out.subsets.size() - 1;
    const fs::path mask = folder / (stem + std::string(kMaskEnd) + ".png");
    if (fs::is_regular_file(mask)) picture.mask = mask;
    try {
      find_caption(picture, metadata, files);
      out.pictures.push_back(std::move(picture));
    } catch (const Error& error) {
      out.left_out.push_back({file, error.message()});
    }
  }
}

Dataset list_files(const fs::path& folder) {
  Dataset out;
  collect_folder({.folder = folder}, out);
  std::vector<fs::path> others;
  bool any_repeats = false;
  for (const fs::directory_entry& entry : fs::directory_iterator(folder)) {
    if (!entry.is_directory() || entry.path().filename().string().starts_with('.')) continue;
    int repeats = 1;
    std::string words;
    if (split_repeats(entry.path().filename().string(), repeats, words)) {
      any_repeats = true;
      collect_folder({.folder = entry.path(), .repeats = repeats, .words = words}, out);
    } else {
      others.push_back(entry.path());
    }
  }
  std::sort(others.begin(), others.end());
  for (const fs::path& other : others) {
    if (any_repeats) {
      out.warnings.push_back(
          fmt::format("The folder {} was not read: its name does not begin with a number of repeats.",
                      printable(other.filename().string())));
    } else {
      collect_folder({.folder = other}, out);
    }
  }
  const auto by_path = [](const auto& a, const auto& b) { return a.file < b.file; };
  std::sort(out.pictures.begin(), out.pictures.end(), by_path);
  return out;
}

constexpr double kShapesDiffer = 0.02;  // of a picture and its control picture

// The picture with this path, whatever its extension; empty when there is none.
fs::path with_any_extension(fs::path path) {
  for (const char* extension : {".png", ".jpg", ".jpeg", ".webp", ".PNG", ".JPG", ".JPEG", ".WEBP"}) {
    if (fs::is_regular_file(path.replace_extension(extension))) return path;
  }
  return {};
}

void find_controls(Dataset& data, const fs::path& folder, const fs::path& conditioning) {
  if (!fs::is_directory(conditioning)) {
    throw Error(ErrorCode::kNotFound, "there is no such folder of control pictures")
        .in(conditioning.string());
  }
  for (TrainingPicture& picture : data.pictures) {
    picture.control = with_any_extension(conditioning / picture.file.lexically_relative(folder));
    if (picture.control.empty()) picture.control = with_any_extension(conditioning / picture.file.filename());
  }
}

// Why a picture cannot be used with its control picture; empty when it can.
std::string look_at_control(TrainingPicture& picture) {
  if (picture.control.empty()) return "there is no control picture of its name";
  const auto file = MappedFile::open(picture.control);
  picture.control_sha256 = sha256_hex(file->bytes());
  const media::Image control = media::decode_image(file->bytes());
  const double shape = static_cast<double>(control.width) / control.height,
               wanted = static_cast<double>(picture.size.width) / picture.size.height;
  if (std::abs(shape / wanted - 1) <= kShapesDiffer) return "";
  return fmt::format("its control picture has another shape: {}×{} beside {}×{}", control.width,
                     control.height, picture.size.width, picture.size.height);
}

// What looking at the pixels told.
struct Look {
  std::string reason;  // why it is left out; empty when it is fine
  Thumbnail thumbnail{};
};

Look look_at(TrainingPicture& picture, const DatasetOptions& options) {
  Look look;
  try {
    const auto file = MappedFile::open(picture.file);
    picture.sha256 = sha256_hex(file->bytes());
    const media::Image image = media::decode_image(file->bytes());
    picture.size = {image.width, image.height};
    look.thumbnail = thumbnail(image);
    if (!options.conditioning.empty()) look.reason = look_at_control(picture);
    if (!look.reason.empty()) return look;
    if (options.keep_all) return look;
    const double area = static_cast<double>(image.width) * image.height, wanted = options.resolution;
    if (area < wanted * wanted / 4) {
      look.reason = fmt::format("it is tiny: {}×{}", image.width, image.height);
    } else if (sharpness(image) < kBlurred) {
      look.reason = "it is blurred or shows nothing";
    }
  } catch (const Error& error) {
    look.reason = fmt::format("it cannot be read: {}", error.message());
  }
  return look;
}

// Of several that show the same the largest stays; among equals the first.
void find_duplicates(const std::vector<TrainingPicture>& pictures, std::vector<Look>& looks) {
  const auto pixels = [&](std::size_t i) {
    return static_cast<std::int64_t>(pictures[i].size.width) * pictures[i].size.height;
  };
  const auto shape = [&](std::size_t i) {
    return static_cast<double>(pictures[i].size.width) / pictures[i].size.height;
  };
  for (std::size_t i = 0; i < pictures.size(); ++i) {
    for (std::size_t j = i + 1; j < pictures.size() && looks[i].reason.empty(); ++j) {
      if (!looks[j].reason.empty()) continue;
      const bool same_file = pictures[i].sha256 == pictures[j].sha256;
      if (!same_file) {
        if (pictures.size() > kMostCompared || std::abs(shape(i) / shape(j) - 1) > 0.02) continue;
        if (difference(looks[i].thumbnail, looks[j].thumbnail) > kSamePicture) continue;
      }
      const bool keep_first = pixels(i) >= pixels(j);
      const std::size_t kept = keep_first ? i : j, other = keep_first ? j : i;
      looks[other].reason =
          fmt::format("it shows the same as {}", printable(pictures[kept].file.filename().string()));
    }
  }
}

void use_trigger(Dataset& out, const std::string& trigger) {
  if (trigger.empty()) return;
  std::size_t missing = 0;
  for (TrainingPicture& picture : out.pictures) {
    if (lower(picture.caption).find(lower(trigger)) != std::string::npos) continue;
    ++missing;
    picture.caption = picture.caption.empty() ? trigger : trigger + ", " + picture.caption;
  }
  if (missing > 0 && missing < out.pictures.size()) {
    out.warnings.push_back(
        fmt::format("{} of {} captions did not hold the trigger “{}”; it was put in front of them.", missing,
                    out.pictures.size(), trigger));
  }
}

}  // namespace

std::string_view to_string(CaptionSource source) {
  switch (source) {
    case CaptionSource::kTextFile:
      return "its text file";
    case CaptionSource::kMetadata:
      return "metadata.jsonl";
    case CaptionSource::kFolderName:
      return "its folder's name";
    case CaptionSource::kFileName:
      return "its own name";
    case CaptionSource::kNone:
      return "nothing";
  }
  return "";
}

std::size_t Dataset::training_pictures() const {
  return static_cast<std::size_t>(std::count_if(pictures.begin(), pictures.end(),
                                                [&](const TrainingPicture& p) { return !regularises(p); }));
}

std::string caption_of_name(const std::string& stem) {
  std::string text;
  for (const char c : stem) text += c == '_' || c == '-' || c == '.' ? ' ' : c;
  // A number at the end, alone or in brackets, counts copies.
  while (!text.empty() && std::string_view(" ()0123456789").find(text.back()) != std::string_view::npos)
    text.pop_back();
  const std::size_t first = text.find_first_not_of(' ');
  if (first == std::string::npos) return "";
  text.erase(0, first);
  const std::string small = lower(text);
  constexpr std::array<std::string_view, 12> kPrograms{"img",      "dsc",        "dscn",    "pxl",
                                                       "image",    "photo",      "scan",    "file",
                                                       "mmexport", "screenshot", "comfyui", "untitled"};
  for (const std::string_view name : kPrograms) {
    const bool alone =
        small.starts_with(name) &&
        (small.size() == name.size() || !std::isalpha(static_cast<unsigned char>(small[name.size()])));
    if (alone) return "";
  }
  // Hexadecimal names, and anything else without a real word.
  const auto foreign = [](char c) { return static_cast<unsigned char>(c) >= 0x80; };
  if (std::any_of(text.begin(), text.end(), foreign)) return text;
  std::istringstream words(small);
  std::string word;
  while (words >> word) {
    const auto letters = std::count_if(
        word.begin(), word.end(), [](char c) { return std::isalpha(static_cast<unsigned char>(c)) != 0; });
    const bool hexadecimal =
        word.find_first_not_of("0123456789abcdef") == std::string::npos && word.size() > 5;
    if (letters >= 2 && letters == static_cast<std::ptrdiff_t>(word.size()) && !hexadecimal) return text;
  }
  return "";
}

namespace {

// Looks at every picture that was found in `folder`, and keeps what can be used.
Dataset look_through(Dataset out, const fs::path& folder, const DatasetOptions& options,
                     ThreadPool& threads) {
  if (!options.conditioning.empty()) find_controls(out, folder, options.conditioning);
  std::vector<Look> looks(out.pictures.size());
  std::atomic<std::size_t> done = 0;
  threads.parallel_for(static_cast<std::int64_t>(looks.size()), [&](std::int64_t i, int thread) {
    const auto at = static_cast<std::size_t>(i);
    looks[at] = look_at(out.pictures[at], options);
    ++done;
    if (thread == 0 && options.on_progress) options.on_progress(done, looks.size());
  });
  if (!options.keep_all) find_duplicates(out.pictures, looks);
  std::vector<TrainingPicture> kept;
  for (std::size_t i = 0; i < looks.size(); ++i) {
    if (looks[i].reason.empty()) {
      kept.push_back(std::move(out.pictures[i]));
    } else {
      out.left_out.push_back({out.pictures[i].file, looks[i].reason});
    }
  }
  out.pictures = std::move(kept);
  std::sort(out.left_out.begin(), out.left_out.end(),
            [](const auto& a, const auto& b) { return a.file < b.file; });
  if (out.pictures.empty()) {
    Error error(
        ErrorCode::kNotFound,
        out.left_out.empty()
            ? std::string("there are no pictures in the folder")
            : fmt::format("none of the {} pictures can be used; the first, {}: {}", out.left_out.size(),
                          printable(out.left_out[0].file.filename().string()), out.left_out[0].reason));
    throw error.in(folder.string())
        .hint("Put PNG, JPEG or WebP files there, or use --keep-all to take doubtful ones.");
  }
  for (Subset& subset : out.subsets) subset.regularisation = options.regularisation;
  use_trigger(out, options.trigger);
  return out;
}

void check_folder(const fs::path& folder) {
  if (!fs::is_directory(folder))
    throw Error(ErrorCode::kNotFound, "there is no such folder of pictures").in(folder.string());
}

}  // namespace

Dataset read_dataset(const fs::path& folder, const DatasetOptions& options, ThreadPool& threads) {
  check_folder(folder);
  return look_through(list_files(folder), folder, options, threads);
}

Dataset read_subset(const SubsetFiles& files, DatasetOptions options, ThreadPool& threads) {
  check_folder(files.folder);
  if (!files.conditioning.empty()) options.conditioning = files.conditioning;
  Dataset found;
  collect_folder(files, found);
  std::sort(found.pictures.begin(), found.pictures.end(),
            [](const auto& a, const auto& b) { return a.file < b.file; });
  return look_through(std::move(found), files.folder, options, threads);
}

void append(Dataset& data, Dataset more) {
  const auto put_behind = [](auto& all, auto& others) {
    all.insert(all.end(), std::make_move_iterator(others.begin()), std::make_move_iterator(others.end()));
  };
  for (TrainingPicture& picture : more.pictures) picture.subset += data.subsets.size();
  put_behind(data.pictures, more.pictures);
  put_behind(data.subsets, more.subsets);
  put_behind(data.left_out, more.left_out);
  put_behind(data.warnings, more.warnings);
}

}  // namespace dq::train
