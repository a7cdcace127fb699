#pragma once
// A folder of pictures as people have them, looked through before anything is trained: what is used, what is
// left out and why.
//
//   folder/photo.png  photo.txt | photo.caption     its caption, or one line of metadata.jsonl:
//                                                   {"file_name": "photo.png", "text": "a caption"}
//   folder/10_sks cat/…                             sd-scripts' layout: 10 repeats; "sks cat" is the caption
//   of
//                                                   pictures without one
//   folder/photo-masklabel.png                      a mask: white counts, black does not
#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "base/threads.h"
#include "train/buckets.h"
#include "train/captions.h"

namespace dq::train {

enum class CaptionSource : std::uint8_t { kTextFile, kMetadata, kFolderName, kFileName, kNone };
std::string_view to_string(CaptionSource source);  // "its text file"

struct TrainingPicture {
  std::filesystem::path file;
  std::string caption;  // the whole text; see captions.h
  CaptionSource source = CaptionSource::kNone;
  int repeats = 1;                // in an epoch, as its folder asks
  std::size_t subset = 0;         // of the dataset's
  Size size;                      // upright
  std::string sha256;             // of the file: caches are kept by it
  std::filesystem::path mask;     // empty: none
  std::filesystem::path control;  // the picture that a control net reads for it; empty: none
  std::string control_sha256;
};

// The pictures of one folder, which are used alike.
struct Subset {
  std::filesystem::path folder;
  bool regularisation = false;  // they hold the model to what it knew; see regularisation.h
  int dataset = 0;  // of several in a description: regularisation pictures match those of their own
  // How they are used, where a description of the dataset says so; else the run's own rule.
  std::optional<CaptionRule> captions = {};
  std::optional<bool> flip = {};
};

struct LeftOut {
  std::filesystem::path file;
  std::string reason;  // "it is blurred"
};

struct Dataset {
  std::vector<TrainingPicture> pictures;  // by path; regularisation pictures come last
  std::vector<Subset> subsets;
  std::vector<LeftOut> left_out;
  std::vector<std::string> warnings;  // finished sentences

  bool regularises(const TrainingPicture& picture) const {
    return picture.subset < subsets.size() && subsets[picture.subset].regularisation;
  }
  std::size_t training_pictures() const;  // those that do not
};

struct DatasetOptions {
  int resolution = 512;   // pictures with less than a quarter of its area are tiny
  bool keep_all = false;  // leave out only what cannot be read
  std::string trigger;  // the word that every caption should hold; it is put in front of captions without it
  // Where the control pictures lie, each at its picture's path in the dataset's folder or by its name alone,
  // whatever the extension. Empty: there are none; else pictures without one are left out.
  std::filesystem::path conditioning = {};
  bool regularisation = false;  // what its subsets are
  std::function<void(std::size_t done, std::size_t all)> on_progress;
};

// Throws kNotFound when there is no such folder or no usable picture in it, with the way out.
Dataset read_dataset(const std::filesystem::path& folder, const DatasetOptions& options, ThreadPool& threads);

// Which files of one folder, without its sub-folders.
struct SubsetFiles {
  std::filesystem::path folder;
  int repeats = 1;
  std::string words = {};  // the caption of pictures without one; empty: their files' names
  std::string caption_extension = ".caption";  // looked for before ".caption" and ".txt"
  std::filesystem::path conditioning = {};     // instead of the options'
};
// Throws as read_dataset does.
Dataset read_subset(const SubsetFiles& files, DatasetOptions options, ThreadPool& threads);

// Puts the pictures of `more` behind those of `data`.
void append(Dataset& data, Dataset more);

// A caption from a file's name: "a cat (2).png" → "a cat"; empty for names that cameras and programs give.
std::string caption_of_name(const std::string& stem);

}  // namespace dq::train
