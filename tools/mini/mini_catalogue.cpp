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

namespace {

dq::mini::Annotations read_annotations(const std::filesystem::path& cldr, const std::string& language) {
  dq::mini::Annotations out;
  for (const char* folder : {"annotations", "annotationsDerived"}) {
    out.read(dq::MappedFile::open(cldr / folder / (language + ".xml"))->bytes());
  }
  return out;
}

int run(int argc, char** argv) {
  CLI::App app{"Writes atlas.png and catalogue.json: what the built-in model may learn."};
  std::filesystem::path font = "/usr/share/fonts/truetype/noto/NotoColorEmoji.ttf";
  std::filesystem::path cldr = "/usr/share/unicode/cldr/common", out;
  app.add_option("--font", font, "of the package fonts-noto-color-emoji");
  app.add_option("--cldr", cldr, "of the package unicode-cldr-core");
  app.add_option("-o,--out", out, "a folder")->required();
  CLI11_PARSE(app, argc, argv);
  const auto font_file = dq::MappedFile::open(font);
  const dq::mini::EmojiFont emoji(font_file->bytes());
  const dq::mini::Annotations en = read_annotations(cldr, "en"), zh = read_annotations(cldr, "zh");
  const auto label_file = dq::MappedFile::open(cldr / "properties/labels.txt");
  const dq::Bytes text = label_file->bytes();
  const dq::mini::Labels labels =
      dq::mini::read_labels({reinterpret_cast<const char*>(text.data()), text.size()});
  const dq::mini::BuiltCatalogue built = dq::mini::build_catalogue({emoji, en, zh, labels});
  std::filesystem::create_directories(out);
  dq::mini::write_catalogue(out, built.catalogue, built.atlas);
  int core = 0, held_out = 0;
  for (const auto& c : built.catalogue.concepts) core += c.core, held_out += c.held_out;
  fmt::print("{} bitmaps, {} characters; {} concepts ({} core, {} held out), {} left out:\n",
             emoji.bitmap_count(), emoji.character_count(), built.catalogue.concepts.size(), core, held_out,
             built.catalogue.left_out.size());
  std::map<std::string, int> reasons;
  for (const auto& l : built.catalogue.left_out) ++reasons[l.reason.substr(0, l.reason.find(' ', 6))];
  for (const auto& [reason, n] : reasons) fmt::print("  {:5} {}\n", n, reason);
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  return dq::tools::guarded_main("mini_catalogue", run, argc, argv);
}
