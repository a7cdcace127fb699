#pragma once
// Finished pictures on disk, with what made them inside, and the way back.
#include <filesystem>
#include <set>
#include <string>

#include "media/generation_info.h"
#include "pipeline/painter.h"

namespace dq::pipeline {

// Chooses file names that are free. `output`: empty (names of our own in the current folder), a folder, or a
// file name; of several pictures, file names get -1, -2 … before the extension.
class OutputNames {
 public:
  // Throws at once when nothing can be written there: kUnsupported (the extension), kNotFound, kIo,
  // kInvalidArgument (the folder).
  OutputNames(std::filesystem::path output, int pictures);
  // For picture `index` of a batch. A named file is overwritten, as its name was asked for; names of our own
  // never are.
  std::filesystem::path next(const Request& request, int index);
  // Are the names chosen here, or was a file named?
  bool are_our_own() const;

 private:
  std::filesystem::path output_;
  int pictures_, count_ = 0;
};

struct WriteOptions {
  int quality = 92;
  std::string program_version;
};

// What WebUI and others read ("parameters") for picture `index` of the batch.
media::GenerationInfo generation_info(const Request& request, int index, const std::string& program_version);

// Writes picture `index` in the format of the path's extension, with infotext and the whole request.
void write_picture(const std::filesystem::path& path, const Painting& painting, std::size_t index,
                   const WriteOptions& options);

// The same under the next of `names`; returns where it is. Of several programs that write into one folder at
// the same time, each gets names of its own.
std::filesystem::path write_picture(OutputNames& names, const Painting& painting, std::size_t index,
                                    const WriteOptions& options);

// The request inside one of our own pictures, or the nearest one to what another program wrote (its model
// must then be given). Throws kNotFound when nothing tells how the picture was made.
Request request_of_picture(const std::filesystem::path& path);

// Another program's settings as a request: prompts, size, steps, sampler, seed, and how that program reads
// prompts and draws noise. Unknown samplers and schedulers are left to the defaults.
Request request_of_info(const media::GenerationInfo& info);

}  // namespace dq::pipeline
