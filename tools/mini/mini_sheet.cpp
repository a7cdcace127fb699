// mini_sheet: sheets of composed pictures, or of the whole catalogue, for people to look at.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <exception>

#include "base/atomic_file.h"
#include "guarded_main.h"
#include "media/codec.h"
#include "mini/compose.h"

namespace {

using dq::media::Image;
using dq::mini::Composer;
using dq::mini::kCanvas;

struct Options {
  std::filesystem::path data, out;
  std::uint64_t seed = 1, from = 0;
  int count = 64, columns = 8, subjects = 0, kind = -1, bench = 0;
  bool is_catalogue = false;
};

void paste(Image& sheet, const Image& picture, int at, int columns) {
  constexpr int kStep = kCanvas + 4;
  for (int y = 0; y < kCanvas; ++y) {
    std::copy_n(picture.row(y), 3 * kCanvas,
                sheet.row(at / columns * kStep + y) + 3 * (at % columns) * kStep);
  }
}

void write_sheet(const Options& options, const Composer& composer) {
  constexpr int kStep = kCanvas + 4;
  const int rows = (options.count + options.columns - 1) / options.columns;
  Image sheet = dq::media::make_image(options.columns * kStep, rows * kStep, 3, 255);
  std::string captions;
  std::uint64_t index = options.from;
  for (int i = 0; i < options.count; ++i, ++index) {
    dq::mini::Scene scene;
    if (options.is_catalogue) {
      if (index >= composer.catalogue().concepts.size()) break;
      scene = composer.plain_emoji(static_cast<int>(index), 10);
      scene.en = composer.catalogue().concepts[index].en;
      scene.zh = composer.catalogue().concepts[index].zh;
      scene.caption.clear();
    } else {
      scene = composer.plan(index);
      while (options.kind >= 0 && static_cast<int>(scene.kind) != options.kind)
        scene = composer.plan(++index);
    }
    paste(sheet, composer.render(scene), i, options.columns);
    captions += fmt::format("row {} column {} index {}: \"{}\" | {} | {}\n", i / options.columns + 1,
                            i % options.columns + 1, index, scene.caption, scene.en, scene.zh);
  }
  dq::media::write_image(options.out, sheet);
  std::filesystem::path text = options.out;
  dq::write_file_atomically(text.replace_extension(".txt"), std::as_bytes(std::span(captions)));
}

void measure(const Options& options, const Composer& composer) {
  using Clock = std::chrono::steady_clock;
  const auto seconds = [](Clock::duration d) { return std::chrono::duration<double>(d).count(); };
  const Clock::time_point start = Clock::now();
  std::size_t letters = 0, light = 0;
  for (int i = 0; i < options.bench; ++i)
    letters += composer.plan(static_cast<std::uint64_t>(i)).caption.size();
  const Clock::time_point planned = Clock::now();
  for (int i = 0; i < options.bench; ++i)
    light += composer.compose(static_cast<std::uint64_t>(i)).image.pixels[0];
  const double plan = seconds(planned - start), whole = seconds(Clock::now() - planned);
  fmt::print("{:.0f} plans a second, {:.0f} pictures a second on one core ({} bytes, {})\n",
             options.bench / plan, options.bench / whole, letters, light);
}

int run(int argc, char** argv) {
  CLI::App app{"Writes a sheet of composed pictures, and their captions in a .txt beside it."};
  Options options;
  app.add_option("--data", options.data, "the folder that mini_catalogue wrote")->required();
  app.add_option("-o,--out", options.out, "sheet.png");
  app.add_option("--seed", options.seed, "of the training pictures");
  app.add_option("--from", options.from, "the first picture");
  app.add_option("--count", options.count, "how many")->check(CLI::Range(1, 4000));
  app.add_option("--columns", options.columns, "pictures in a row")->check(CLI::Range(1, 64));
  app.add_option("--subjects", options.subjects,
                 "only the first N of the concepts, in the order of training");
  app.add_option("--kind", options.kind, "0 one emoji, 1 placed, 2 two, 3 shapes, 4 textures");
  app.add_flag("--catalogue", options.is_catalogue, "the concepts themselves instead");
  app.add_option("--bench", options.bench, "also compose this many and say how fast");
  CLI11_PARSE(app, argc, argv);
  const Composer composer = dq::mini::open_composer(options.data, options.seed, options.subjects);
  if (!options.out.empty()) write_sheet(options, composer);
  if (options.bench > 0) measure(options, composer);
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  return dq::tools::guarded_main("mini_sheet", run, argc, argv);
}
