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
#include <string>
#include <vector>

#include "base/threads.h"
#include "train/buckets.h"

namespace dq::train {

enum class CaptionSource : std::uint8_t { kTextFile, kMetadata, kFolderName, kFileName, kNone };
std::string_view to_string(CaptionSource source);  // "its text file"

struct TrainingPicture {
  std::filesystem::path file;
  std::string caption;  // the whole text; see captions.h
  CaptionSource source = CaptionSource::kNone;
  int repeats = 1;
  Size size;                   // upright
  std::string sha256;          // of the file: caches are kept by it
  std::filesystem::path mask;  // empty: none
};

struct LeftOut {
  std::filesystem::path file;
  std::string reason;  // "it is blurred"
};

struct Dataset {
  std::vector<TrainingPicture> pictures;  // by path
  std::vector<LeftOut> left_out;
  std::vector<std::string> warnings;  // finished sentences
};

struct DatasetOptions {
  int resolution = 512;   // pictures with less than a quarter of its area are tiny
  bool keep_all = false;  // leave out only what cannot be read
  std::string trigger;  // the word that every caption should hold; it is put in front of captions without it
  std::function<void(std::size_t done, std::size_t all)> on_progress;
};

// Throws kNotFound when there is no such folder or no usable picture in it, with the way out.
Dataset read_dataset(const std::filesystem::path& folder, const DatasetOptions& options, ThreadPool& threads);

// A caption from a file's name: "a cat (2).png" → "a cat"; empty for names that cameras and programs give.
std::string caption_of_name(const std::string& stem);

}  // namespace dq::train
