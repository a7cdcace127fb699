#include "app/cli.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <fstream>
#include <sstream>
#include <stdexcept>

#include "media/codec.h"

namespace dq::test {
namespace fs = std::filesystem;
namespace {

// Checkpoints and the program's cache, for as long as the tests run.
const TempDir& workshop() {
  static const TempDir dir;
  return dir;
}

std::map<std::string, std::string> environment(const fs::path& share) {
  return {{"XDG_CACHE_HOME", (workshop().path() / "cache").string()},
          {"DANQING_SHARE", share.string()},
          {"LC_ALL", "C"}};
}

}  // namespace

Words operator+(Words a, const Words& b) {
  a.insert(a.end(), b.begin(), b.end());
  return a;
}

Outcome danqing(const fs::path& folder, const Words& words, int signal, const std::string& signal_after,
                int second_signal) {
  return run({.file = DQ_PROGRAM,
              .arguments = words,
              .folder = folder,
              .environment = environment(workshop().path() / "nothing-shipped"),
              .signal = signal,
              .signal_after = signal_after,
              .second_signal = second_signal});
}

Outcome danqing(const fs::path& folder, const Words& words) {
  return danqing(folder, words, 0, "");
}

Outcome danqing_with(const fs::path& share, const fs::path& folder, const Words& words) {
  return run({.file = DQ_PROGRAM,
              .arguments = words,
              .folder = folder,
              .environment = environment(share),
              .signal_after = ""});
}

fs::path checkpoint(const std::string& name, const Words& options) {
  fs::path path = workshop().path() / name;
  if (fs::exists(path)) return path;
  const bool sized = std::ranges::find(options, "--size") != options.end();
  const Words usual = sized ? Words{} : Words{"--size", "small"};
  const Outcome made = run({.file = DQ_MAKE_CHECKPOINT,
                            .arguments = usual + Words{"-o", path.string()} + options,
                            .folder = workshop().path(),
                            .environment = {},
                            .signal_after = "",
                            .second_signal = 0});
  if (made.status != 0) throw std::runtime_error("make_checkpoint failed: " + made.err);
  return path;
}

fs::path checkpoint() {
  return checkpoint("plain.safetensors");
}

Words quick(const fs::path& model) {
  return {"paint", "a cat", "-m", model.string(), "--size", "64", "--steps", "2", "--seed", "1", "-q"};
}

std::optional<media::Image> painted(const TempDir& dir, const std::string& name, const Words& more,
                                    const fs::path& model) {
  const fs::path path = dir.path() / name;
  // An option given twice is refused; what the test says replaces what is usual.
  Words words;
  const Words usual = quick(model);
  for (std::size_t i = 0; i < usual.size(); ++i) {
    if (usual[i].starts_with("-") && std::ranges::find(more, usual[i]) != more.end()) {
      ++i;
      continue;
    }
    words.push_back(usual[i]);
  }
  const Outcome run = danqing(dir.path(), words + more + Words{"-o", path.string()});
  EXPECT_EQ(run.status, 0) << name << " killed by " << run.killed_by << ": " << run.err;
  EXPECT_EQ(run.out, path.string() + "\n");
  EXPECT_EQ(run.err, "") << name;
  if (run.status != 0) return std::nullopt;
  return media::read_image(path);
}

void expect_refusal(const TempDir& dir, const Words& words, const std::string& part, int status) {
  const std::vector<std::string> before = names_in(dir.path());
  const Outcome run = danqing(dir.path(), words);
  std::string all;
  for (const std::string& word : words) all += word + " ";
  EXPECT_EQ(run.killed_by, 0) << all;
  EXPECT_EQ(run.status, status) << all << run.err;
  EXPECT_EQ(run.out, "") << all;
  EXPECT_NE(run.err.find(part), std::string::npos) << all << "said: " << run.err;
  EXPECT_EQ(run.err.find("internal error"), std::string::npos) << run.err;
  if (status == 1) {
    EXPECT_EQ(std::ranges::count(run.err, '\n'), 1) << all << "said: " << run.err;
    EXPECT_TRUE(run.err.starts_with("danqing: ")) << run.err;
  }
  EXPECT_EQ(names_in(dir.path()), before) << all;
}

std::string file_bytes(const fs::path& path) {
  std::ifstream in(path, std::ios::binary);
  std::ostringstream out;
  out << in.rdbuf();
  return out.str();
}

std::vector<std::string> names_in(const fs::path& folder) {
  std::vector<std::string> out;
  for (const fs::directory_entry& entry : fs::directory_iterator(folder))
    out.push_back(entry.path().filename().string());
  std::ranges::sort(out);
  return out;
}

double mean_difference(const media::Image& a, const media::Image& b) {
  if (a.width != b.width || a.height != b.height || a.channels != b.channels) {
    ADD_FAILURE() << "pictures of different sizes";
    return 255;
  }
  double sum = 0;
  for (std::size_t i = 0; i < a.pixels.size(); ++i) sum += std::abs(a.pixels[i] - b.pixels[i]);
  return sum / static_cast<double>(a.pixels.size());
}

double spread(const media::Image& image) {
  double sum = 0, squares = 0;
  for (const std::uint8_t v : image.pixels) {
    sum += v;
    squares += static_cast<double>(v) * v;
  }
  const auto n = static_cast<double>(image.pixels.size());
  return std::sqrt(std::max(0.0, squares / n - sum / n * (sum / n)));
}

}  // namespace dq::test
