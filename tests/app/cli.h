#pragma once
// The built program on a small random checkpoint: what the tests of the command line share.
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "app/process.h"
#include "media/image.h"
#include "support/temp_dir.h"

namespace dq::test {

using Words = std::vector<std::string>;
Words operator+(Words a, const Words& b);

// Runs danqing in `folder` with a cache of the tests' own.
Outcome danqing(const std::filesystem::path& folder, const Words& words);
Outcome danqing(const std::filesystem::path& folder, const Words& words, int signal,
                const std::string& signal_after, int second_signal = 0);

// The same with `share` as the folder of what is shipped beside the program; the others have none.
Outcome danqing_with(const std::filesystem::path& share, const std::filesystem::path& folder,
                     const Words& words);

// A small checkpoint by make_checkpoint's options, made once for each set of them. Its path.
std::filesystem::path checkpoint(const std::string& name, const Words& options = {});
std::filesystem::path checkpoint();  // the plain one: one file, safetensors, f16

// Options of a picture that is quickly painted: 64×64, 2 steps, seed 1.
Words quick(const std::filesystem::path& model = checkpoint());

// Paints to dir/name with quick() and `more`; fails the test unless the run is a clean one. Nothing on
// failure.
std::optional<media::Image> painted(const TempDir& dir, const std::string& name, const Words& more = {},
                                    const std::filesystem::path& model = checkpoint());

// Fails unless the run ended in `status` with exactly one line of complaint that contains `part`, and left no
// new file in the folder.
void expect_refusal(const TempDir& dir, const Words& words, const std::string& part, int status = 1);

std::string file_bytes(const std::filesystem::path& path);
// The names in a folder, sorted.
std::vector<std::string> names_in(const std::filesystem::path& folder);
// Mean of |a − b| over all samples, in levels of 255; the pictures must have one size.
double mean_difference(const media::Image& a, const media::Image& b);
// Standard deviation over all samples, in levels of 255.
double spread(const media::Image& image);

}  // namespace dq::test
