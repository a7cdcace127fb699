#pragma once
// sd-scripts' description of a dataset (`--dataset_config`, docs/config_README-en.md there): a TOML file with
// [general], [[datasets]] and [[datasets.subsets]]. What a subset does not say its dataset does, and what
// that does not say the general part does. What the file says counts before the command line's options, as
// there.
#include <filesystem>
#include <string>
#include <vector>

#include "train/captions.h"
#include "train/dataset.h"

namespace dq::train {

struct SubsetConfig {
  SubsetFiles files;
  int dataset = 0;  // which [[datasets]] it is of
  bool regularisation = false, flip = false;
  CaptionRule captions;
};

struct DatasetConfig {
  std::vector<SubsetConfig> subsets;
  // 0: the file does not say.
  int resolution = 0, batch = 0;
  int bucket_smallest = 0, bucket_largest = 0, bucket_step = 0;
  bool bucket_upscale = true;
  std::vector<std::string> warnings;  // finished sentences about settings that have no effect here
};

// What a subset gets that says nothing.
struct SubsetDefaults {
  CaptionRule captions;
  bool flip = false;
};

// Is this a description, not a folder?
bool is_dataset_config(const std::filesystem::path& file);

// Folders are named from where the program runs, as sd-scripts does, or else from the file's own folder.
// Throws kBadFile with the line for what is no TOML, a setting of the wrong type or out of range and one that
// nobody knows; kUnsupported for what cannot be done here (datasets of several resolutions, metadata files).
DatasetConfig read_dataset_config(const std::filesystem::path& file, const SubsetDefaults& defaults);

// The same from a file's text; `file` is where it stands, for what it names and for errors.
DatasetConfig parse_dataset_config(const std::string& text, const std::filesystem::path& file,
                                   const SubsetDefaults& defaults);

}  // namespace dq::train
