// mini_catalogue: the emoji font and the names of its pictures → atlas.png and catalogue.json.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <cstdio>
#include <exception>
#include <map>

#include "base/error.h"
#include "base/mapped_file.h"
#include "guarded_main.h"
#include "mini/catalogue_build.h"
#include "mini/catalogue_reduce.h"

namespace {

dq::mini::Annotations read_annotations(const std::filesystem::path& cldr, const std::string& language) {
  dq::mini::Annotations out;
  for (const char* folder : {"annotations", "annotationsDerived"}) {
    out.read(dq::MappedFile::open(cldr / folder / (language + ".xml"))->bytes());
  }
  return out;
}

struct Options {
  std::filesystem::path font = "/usr/share/fonts/truetype/noto/NotoColorEmoji.ttf";
  std::filesystem::path cldr = "/usr/share/unicode/cldr/common";
  std::filesystem::path data, judge, out;
  int reduce = 0;
};

void build(const Options& o) {
  const auto font_file = dq::MappedFile::open(o.font);
  const dq::mini::EmojiFont emoji(font_file->bytes());
  const dq::mini::Annotations en = read_annotations(o.cldr, "en"), zh = read_annotations(o.cldr, "zh");
  const auto label_file = dq::MappedFile::open(o.cldr / "properties/labels.txt");
  const dq::Bytes text = label_file->bytes();
  const dq::mini::Labels labels =
      dq::mini::read_labels({reinterpret_cast<const char*>(text.data()), text.size()});
  const dq::mini::BuiltCatalogue built = dq::mini::build_catalogue({emoji, en, zh, labels});
  dq::mini::write_catalogue(o.out, built.catalogue, built.atlas);
  int core = 0, held_out = 0;
  for (const auto& c : built.catalogue.concepts) core += c.core, held_out += c.held_out;
  fmt::print("{} bitmaps, {} characters; {} concepts ({} core, {} held out), {} left out:\n",
             emoji.bitmap_count(), emoji.character_count(), built.catalogue.concepts.size(), core, held_out,
             built.catalogue.left_out.size());
  std::map<std::string, int> reasons;
  for (const auto& l : built.catalogue.left_out) ++reasons[l.reason.substr(0, l.reason.find(' ', 6))];
  for (const auto& [reason, n] : reasons) fmt::print("  {:5} {}\n", n, reason);
}

void reduce(const Options& o) {
  if (o.data.empty()) {
    throw dq::Error(dq::ErrorCode::kInvalidArgument, "--reduce needs the whole catalogue")
        .hint("Name its folder with --data");
  }
  const dq::mini::ReducedCatalogue reduced =
      dq::mini::reduce_catalogue(dq::mini::read_catalogue(o.data), dq::mini::read_atlas(o.data), o.reduce);
  dq::mini::write_catalogue(o.out, reduced.catalogue, reduced.atlas);
  if (!o.judge.empty()) dq::mini::reduce_judge(o.judge, reduced.from, o.out / "judge.safetensors");
  fmt::print("{} concepts, {} of them held out\n", reduced.from.size(),
             static_cast<int>(reduced.from.size()) - o.reduce);
}

int run(int argc, char** argv) {
  CLI::App app{"Writes atlas.png and catalogue.json: what the built-in model may learn."};
  Options o;
  app.add_option("--font", o.font, "of the package fonts-noto-color-emoji");
  app.add_option("--cldr", o.cldr, "of the package unicode-cldr-core");
  app.add_option(
         "--reduce", o.reduce,
         "of what --data holds, only the first N concepts in the order of training and those held out")
      ->check(CLI::Range(1, 10'000));
  app.add_option("--data", o.data, "with --reduce: the folder of the whole catalogue");
  app.add_option("--judge", o.judge,
                 "with --reduce: the judge of the whole catalogue, to be reduced as well");
  app.add_option("-o,--out", o.out, "a folder")->required();
  CLI11_PARSE(app, argc, argv);
  std::filesystem::create_directories(o.out);
  if (o.reduce > 0)
    reduce(o);
  else
    build(o);
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  return dq::tools::guarded_main("mini_catalogue", run, argc, argv);
}
