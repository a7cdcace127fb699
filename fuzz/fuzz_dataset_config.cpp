// Descriptions of datasets from any text: what is no TOML, or says what cannot be, is refused with an Error.
#include <cstdint>
#include <cstdlib>
#include <string>

#include "base/error.h"
#include "train/dataset_config.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string text(reinterpret_cast<const char*>(data), size);
  try {
    const dq::train::DatasetConfig config =
        dq::train::parse_dataset_config(text, "/nowhere/dataset.toml", dq::train::SubsetDefaults{});
    if (config.subsets.empty()) std::abort();
    for (const dq::train::SubsetConfig& subset : config.subsets) {
      if (subset.files.repeats < 1 || subset.files.folder.empty()) std::abort();
    }
  } catch (const dq::Error& error) {
    if (error.message().find('\n') != std::string::npos) std::abort();
  }
  return 0;
}
