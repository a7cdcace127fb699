// mini_pictures: a folder of composed pictures with captions, as `danqing train full` takes it.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <cstdio>

#include "base/atomic_file.h"
#include "base/threads.h"
#include "guarded_main.h"
#include "media/codec.h"
#include "mini/mixture_option.h"

namespace {

struct Options {
  std::filesystem::path data, out;
  std::uint64_t seed = 1;
  int count = 1000, subjects = 0;
  dq::mini::Mixture mixture;
};

// What a picture's .txt holds: a caption a line, of which training takes a random one.
std::string captions_of(const dq::mini::Scene& scene) {
  std::string out = scene.caption.empty() ? std::string() : scene.caption + "\n";
  return out + scene.en + "\n" + scene.zh + "\n";
}

int run(int argc, char** argv) {
  CLI::App app{"Writes composed pictures with captions into a folder, a thousand to a sub-folder."};
  Options options;
  app.add_option("--data", options.data, "the folder that mini_catalogue wrote")->required();
  app.add_option("-o,--out", options.out, "the folder to write")->required();
  app.add_option("--seed", options.seed, "of the pictures");
  app.add_option("--count", options.count, "how many")->check(CLI::Range(1, 10'000'000));
  app.add_option("--subjects", options.subjects,
                 "only the first N of the concepts, in the order of training");
  dq::mini::add_mixture(app, options.mixture);
  CLI11_PARSE(app, argc, argv);
  const dq::mini::Composer composer = dq::mini::open_composer(options.data, options.seed, options.subjects,
                                                              dq::mini::Subjects::kTrained, options.mixture);
  dq::ThreadPool threads(0);
  for (int first = 0; first < options.count; first += 1000)
    std::filesystem::create_directories(options.out / fmt::format("{:05}", first / 1000));
  threads.parallel_for(options.count, [&](std::int64_t i, int) {
    const dq::mini::Composition made = composer.compose(static_cast<std::uint64_t>(i));
    const std::filesystem::path stem = options.out / fmt::format("{:05}/{:06}", i / 1000, i);
    dq::media::write_image(stem.string() + ".png", made.image);
    const std::string captions = captions_of(made.scene);
    dq::write_file_atomically(stem.string() + ".txt", std::as_bytes(std::span(captions)));
  });
  fmt::print("{} pictures of {} concepts\n", options.count, composer.subjects().size());
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  return dq::tools::guarded_main("mini_pictures", run, argc, argv);
}
