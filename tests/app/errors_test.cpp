// What goes wrong ends in one clear line, the right exit status and nothing on the disk.
#include <gtest/gtest.h>

#include <chrono>
#include <csignal>
#include <fstream>
#include <nlohmann/json.hpp>
#include <sstream>

#include "app/cli.h"
#include "media/codec.h"
#include "support/golden.h"

namespace dq::test {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;

constexpr int kValidationError = 105, kConversionError = 104, kExtrasError = 109;  // CLI11's

TEST(Errors, OfSettingsNameTheOptionAndWhatThereIs) {
  const TempDir dir;
  const std::string model = checkpoint().string();
  const Words paint{"paint", "x", "-q", "-m", model};
  expect_refusal(dir, {"paint", "x", "-q"}, "no model is given, and the built-in one is not there");
  expect_refusal(dir, {"paint", "x", "-q", "-m", "built-in"}, "the built-in model is not there");
  expect_refusal(dir, paint + Words{"--sampler", "eulr"}, "Did you mean euler or euler_ancestral?");
  expect_refusal(dir, paint + Words{"--scheduler", "karass"}, "Did you mean karras");
  expect_refusal(dir, paint + Words{"--hires", "2", "--hires-upscaler", "esrgan"}, "latent-bicubic");
  expect_refusal(dir, paint + Words{"--denoise", "0.5"}, "--init");
  expect_refusal(dir, paint + Words{"--mask", "m.png"}, "--init");
  expect_refusal(dir, paint + Words{"--memory", "nonsense"}, "--memory 3G");
  expect_refusal(dir, paint + Words{"--prediction", "x"}, "v-zsnr");
  expect_refusal(dir, paint + Words{"--noise", "x"}, "webui-gpu");
  expect_refusal(dir, paint + Words{"--prompt-style", "x"}, "webui");
  expect_refusal(dir, paint + Words{"--precision", "f8"}, "bf16");
  expect_refusal(dir, {"paint", "x", "-m", model, "--preview", "x"}, "sixel");
  for (const char* size : {"64x", "x64", "axb", "-64x64", "64x64x64", "0x0", "99999999999x1"})
    expect_refusal(dir, paint + Words{"--size=" + std::string(size)}, "is not a size");
  expect_refusal(dir, paint + Words{"--size", "20000x64"}, "the width must be from 8 to 16384");
  expect_refusal(dir, paint + Words{"--size", "64x4"}, "the height must be from 8 to 16384");
  expect_refusal(dir, paint + Words{"--steps", "-1"}, "--steps must be from 1 to 10000");
  expect_refusal(dir, paint + Words{"--cfg", "nan"}, "--cfg must be from 0 to 100");
  expect_refusal(dir, paint + Words{"--clip-skip", "12"}, "the text encoder has 4 layers");
  expect_refusal(dir, paint + Words{"--clip-skip", "5"}, "the text encoder has 4 layers");
  expect_refusal(dir, paint + Words{"--batch", "0"}, "--batch must be from 1 to 64");
}

TEST(Errors, OfTheCommandLineAreCli11s) {
  const TempDir dir;
  expect_refusal(dir, {"paint", "x", "--steps", "many"}, "--steps", kConversionError);
  expect_refusal(dir, {"paint", "x", "--no-such-option"}, "--no-such-option", kExtrasError);
  expect_refusal(dir, {"paint", "x", "--count", "0"}, "--count", kValidationError);
  expect_refusal(dir, {"paint", "x", "--seed", "99999999999999999999"}, "too large", kValidationError);
  const Outcome none = danqing(dir.path(), {});
  EXPECT_NE(none.status, 0);
  EXPECT_FALSE(none.err.empty());
  const Outcome help = danqing(dir.path(), {"--help"});
  EXPECT_EQ(help.status, 0);
  EXPECT_NE(help.out.find("paint"), std::string::npos);
}

TEST(Errors, OfTheOutputComeBeforeAnythingIsPainted) {
  const TempDir dir;
  dir.write("file", "x");
  const Words paint{"paint", "x", "-q", "-m", checkpoint().string(), "--size", "64", "--steps", "10000"};
  expect_refusal(dir, paint + Words{"-o", "a.gif"}, "Use .png, .jpg or .webp");
  expect_refusal(dir, paint + Words{"-o", "a"}, "Use .png, .jpg or .webp");
  expect_refusal(dir, paint + Words{"-o", "none/a.png"}, "the folder to write into does not exist");
  expect_refusal(dir, paint + Words{"-o", "file/a.png"}, "no folder to write into");
  expect_refusal(dir, paint + Words{"-o", "file/"}, "no folder to write into");
  expect_refusal(dir, paint + Words{"-o", "file/sub/"}, "no folder to write into");
  EXPECT_EQ(file_bytes(dir.path() / "file"), "x");
}

TEST(Errors, OfFilesThatAreNoModel) {
  const TempDir dir;
  const auto refused = [&](const std::string& name, const std::string& part) {
    expect_refusal(dir, {"paint", "x", "-q", "-m", name}, part);
  };
  refused("none.safetensors", "none.safetensors");
  dir.write("empty.safetensors", "");
  refused("empty.safetensors", "the file is empty");
  dir.write("text.safetensors", "This is a letter, not a model.\n");
  refused("text.safetensors", "no weight file");
  dir.write("page.ckpt", "<!DOCTYPE html><html><head><title>Log in</title></head></html>");
  refused("page.ckpt", "web page");
  dir.write("model.gguf", std::string("GGUF\3\0\0\0", 8));
  refused("model.gguf", "GGUF");
  dir.write("pointer.safetensors", "version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 1\n");
  refused("pointer.safetensors", "git-lfs");
  dir.write("folder/readme.txt", "nothing");
  refused("folder", "folder");
  refused(golden_path("media/rgb8.png"), "picture");
  refused("/dev/null", "/dev/null");
}

TEST(Errors, OfCutDownloads) {
  const TempDir dir;
  for (const char* name : {"plain.safetensors", "plain.ckpt"}) {
    const fs::path whole =
        checkpoint(name, std::string(name) == "plain.ckpt" ? Words{"--container", "ckpt"} : Words{});
    const std::string bytes = file_bytes(whole);
    for (const std::size_t size : {std::size_t{5}, std::size_t{8}, std::size_t{100}, std::size_t{60'000},
                                   bytes.size() / 2, bytes.size() - 1}) {
      const fs::path cut = dir.write("cut", bytes.substr(0, size));
      SCOPED_TRACE(std::string(name) + " cut to " + std::to_string(size));
      expect_refusal(dir, {"paint", "x", "-q", "-m", "cut", "--size", "64"}, "cut");
      fs::remove(cut);
    }
  }
}

TEST(Errors, OfInputPictures) {
  const TempDir dir;
  dir.write("text.png", "no picture");
  const std::string half = file_bytes(golden_path("media/rgb8.png"));
  dir.write("cut.png", half.substr(0, half.size() / 2));
  const Words paint{"paint", "x", "-q", "-m", checkpoint().string(), "--size", "64", "--steps", "1"};
  expect_refusal(dir, paint + Words{"--init", "none.png"}, "none.png");
  expect_refusal(dir, paint + Words{"--init", "text.png"}, "text.png");
  expect_refusal(dir, paint + Words{"--init", "cut.png"}, "cut.png");
  expect_refusal(dir, paint + Words{"--init", golden_path("media/rgb8.png"), "--mask", "none.png"},
                 "none.png");
}

// A safetensors file of one kind of tests/golden/recognise/kinds.txt: lines "F16 320,4,3,3 name", in which
// {0-3} stands for each number. Its tensors are holes in the file, so that it takes no room.
void write_kind(const fs::path& path, const std::string& kind) {
  std::ifstream list(golden_path("recognise/kinds.txt"));
  std::uint64_t end = 0;
  json header = json::object();
  bool inside = false;
  for (std::string line; std::getline(list, line);) {
    if (line.starts_with("@ ")) {
      inside = line.starts_with("@ " + kind + " ");
      continue;
    }
    std::istringstream words(line);
    std::string dtype, shape, name;
    if (!inside || !(words >> dtype >> shape >> name)) continue;
    const json dims = json::parse("[" + shape + "]");
    std::uint64_t bytes = 2;
    for (const auto& dim : dims) bytes *= dim.get<std::uint64_t>();
    std::vector<std::string> names{name};
    for (std::size_t i = 0; i < names.size();) {
      const std::size_t open = names[i].find('{');
      if (open == std::string::npos) {
        ++i;
        continue;
      }
      const std::size_t close = names[i].find('}', open), dash = names[i].find('-', open);
      const std::string before = names[i].substr(0, open), after = names[i].substr(close + 1);
      const int first = std::stoi(names[i].substr(open + 1)), last = std::stoi(names[i].substr(dash + 1));
      names[i] = before + std::to_string(first) + after;
      for (int n = first + 1; n <= last; ++n) names.push_back(before + std::to_string(n) + after);
    }
    for (const std::string& one : names) {
      header[one] = {{"dtype", dtype}, {"shape", dims}, {"data_offsets", {end, end + bytes}}};
      end += bytes;
    }
  }
  ASSERT_FALSE(header.empty()) << kind;
  const std::string text = header.dump();
  std::ofstream out(path, std::ios::binary);
  for (int i = 0; i < 8; ++i) out.put(static_cast<char>(text.size() >> (8 * i) & 0xff));
  out << text;
  out.close();
  fs::resize_file(path, 8 + text.size() + end);
}

TEST(Errors, ModelsOfOtherFamiliesAreNamed) {
  const TempDir dir;
  const std::pair<const char*, const char*> kinds[] = {{"sdxl-unet-diffusers", "Stable Diffusion XL"},
                                                       {"sd2-unet-diffusers", "Stable Diffusion 2"},
                                                       {"flux1-dev-original", "FLUX.1"}};
  for (const auto& [kind, title] : kinds) {
    write_kind(dir.path() / "model.safetensors", kind);
    const Words words{"paint", "x", "-q", "-m", "model.safetensors"};
    expect_refusal(dir, words, "is not supported yet");
    expect_refusal(dir, words, title);
    expect_refusal(dir, words, "danqing inspect");
  }
}

TEST(Interrupted, CtrlCEndsCleanly) {
  const TempDir dir;
  Words words = quick() + Words{"-o", "a.png"};
  std::erase(words, "-q");
  words[7] = "10000";  // --steps
  for (const int signal : {SIGINT, SIGTERM}) {
    const Outcome run = danqing(dir.path(), words, signal, "step 1/10000");
    ASSERT_TRUE(run.signal_was_sent) << run.err;
    EXPECT_EQ(run.killed_by, 0);
    EXPECT_EQ(run.status, 130) << run.err;
    EXPECT_EQ(run.out, "");
    EXPECT_NE(run.err.find("stopped"), std::string::npos) << run.err;
    EXPECT_TRUE(names_in(dir.path()).empty());
  }
}

TEST(Interrupted, AtAnyStageNothingIsLeft) {
  const TempDir dir;
  Words words = quick() + Words{"-o", "a.png"};
  std::erase(words, "-q");
  for (const char* stage : {"reading the files", "reading the prompt", "loading the model"}) {
    const Outcome run = danqing(dir.path(), words, SIGINT, stage);
    ASSERT_TRUE(run.signal_was_sent) << run.err;
    // The whole run takes a tenth of a second: it may be over before it hears.
    EXPECT_TRUE(run.status == 130 || run.status == 0) << stage << ": " << run.status << run.err;
    EXPECT_EQ(names_in(dir.path()), run.status == 0 ? Words{"a.png"} : Words{}) << stage;
    fs::remove(dir.path() / "a.png");
  }
}

TEST(Interrupted, WhileThePictureIsDevelopedItEndsBeforeThePictureIsThere) {
  const TempDir dir;
  Words words = quick() + Words{"-o", "a.png"};
  std::erase(words, "-q");
  words[5] = "512";  // --size
  words[7] = "1";    // --steps
  const Outcome run = danqing(dir.path(), words, SIGINT, "developing the picture");
  ASSERT_TRUE(run.signal_was_sent) << run.err;
  EXPECT_EQ(run.status, 130) << run.err;
  EXPECT_TRUE(names_in(dir.path()).empty());
}

TEST(Interrupted, ASecondSignalEndsAtOnceAndLeavesNothing) {
  const TempDir dir;
  Words words = quick() + Words{"-o", "a.png"};
  std::erase(words, "-q");
  words[5] = "512";    // --size
  words[7] = "10000";  // --steps
  const Outcome run = danqing(dir.path(), words, SIGINT, "step 1/10000", SIGTERM);
  ASSERT_TRUE(run.signal_was_sent) << run.err;
  EXPECT_EQ(run.killed_by, 0);
  // The first signal's own end may come before the second is heard.
  EXPECT_TRUE(run.status == 128 + SIGTERM || run.status == 130) << run.status << run.err;
  EXPECT_EQ(run.out, "");
  EXPECT_TRUE(names_in(dir.path()).empty());
}

TEST(Interrupted, AKilledRunLeavesNoPicture) {
  const TempDir dir;
  Words words = quick() + Words{"-o", "a.png"};
  std::erase(words, "-q");
  words[7] = "10000";  // --steps
  const Outcome run = danqing(dir.path(), words, SIGKILL, "step 1/10000");
  EXPECT_EQ(run.killed_by, SIGKILL);
  EXPECT_TRUE(names_in(dir.path()).empty());
}

TEST(Inspect, TellsWhatTheCheckpointIs) {
  const TempDir dir;
  const std::string model = checkpoint().string();
  const Outcome text = danqing(dir.path(), {"inspect", model});
  EXPECT_EQ(text.status, 0) << text.err;
  for (const char* part : {"Stable Diffusion 1.x", "safetensors", "Danqing can use this file"})
    EXPECT_NE(text.out.find(part), std::string::npos) << part << " in " << text.out;
  const Outcome run = danqing(dir.path(), {"inspect", "--json", model});
  EXPECT_EQ(run.status, 0) << run.err;
  const json told = json::parse(run.out, nullptr, false);
  ASSERT_TRUE(told.is_array() && told.size() == 1) << run.out;
  EXPECT_EQ(told[0].at("ecosystem"), "sd1");
  EXPECT_EQ(told[0].at("role"), "checkpoint");
  EXPECT_EQ(told[0].at("supported"), true);
  EXPECT_EQ(told[0].at("bytes"), fs::file_size(model));
}

TEST(Inspect, HashesAreComputedOnceAFile) {
  const TempDir dir;
  const fs::path model = dir.path() / "m.safetensors";
  fs::copy_file(checkpoint(), model);
  const auto hashes = [&] {
    const Outcome run = danqing(dir.path(), {"inspect", "--json", "m.safetensors"});
    return json::parse(run.out, nullptr, false).at(0).at("hashes");
  };
  const json first = hashes();
  EXPECT_EQ(hashes(), first);
  // Other bytes behind the same size and time: what is told now comes from the table.
  const auto time = fs::last_write_time(model);
  std::string bytes = file_bytes(model);
  bytes.back() = static_cast<char>(bytes.back() + 1);
  dir.write("m.safetensors", bytes);
  fs::last_write_time(model, time);
  EXPECT_EQ(hashes(), first);
  fs::last_write_time(model, time + std::chrono::seconds(1));
  EXPECT_NE(hashes(), first);
}

TEST(Inspect, ABrokenFileDoesNotHideTheOthers) {
  const TempDir dir;
  dir.write("broken.safetensors", file_bytes(checkpoint()).substr(0, 100'000));
  const Outcome run =
      danqing(dir.path(), {"inspect", "--json", "--no-hash", "broken.safetensors", checkpoint().string()});
  EXPECT_EQ(run.status, 1);
  EXPECT_NE(run.err.find("broken.safetensors"), std::string::npos) << run.err;
  const json told = json::parse(run.out, nullptr, false);
  ASSERT_TRUE(told.is_array() && told.size() == 1) << run.out;
  EXPECT_FALSE(told[0].contains("hashes"));
}

}  // namespace
}  // namespace dq::test
