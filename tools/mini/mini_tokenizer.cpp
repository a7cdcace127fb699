// mini_tokenizer: captions → merges.txt, the vocabulary of the built-in model's text encoder.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdio>
#include <exception>

#include "base/atomic_file.h"
#include "guarded_main.h"
#include "mini/bpe_trainer.h"
#include "mini/compose.h"

namespace {

using dq::mini::Composer;

// Every name and keyword counts as often as this many captions: rare concepts get words of their own too.
constexpr std::int64_t kNameWeight = 30, kKeywordWeight = 3;
constexpr std::uint64_t kCorpusSeed = 6144;

void add_names(dq::mini::BpeTrainer& trainer, const dq::mini::Catalogue& catalogue) {
  for (const dq::mini::Concept& c : catalogue.concepts) {
    for (const std::string* name : {&c.en, &c.zh}) trainer.add(*name, kNameWeight);
    for (const auto* words : {&c.keywords_en, &c.keywords_zh}) {
      for (const std::string& word : *words) trainer.add(word, kKeywordWeight);
    }
  }
}

void report(const std::string& merges, const Composer& plain, int count) {
  const dq::text::ClipTokenizer tokenizer(merges);
  std::size_t tokens_en = 0, tokens_zh = 0, longest = 0;
  for (int i = 0; i < count; ++i) {
    const dq::mini::Scene scene = plain.plan(static_cast<std::uint64_t>(i));
    const std::size_t en = tokenizer.encode(scene.en).size(), zh = tokenizer.encode(scene.zh).size();
    tokens_en += en, tokens_zh += zh;
    longest = std::max({longest, en, zh, tokenizer.encode(scene.caption).size()});
  }
  fmt::print(
      "vocabulary {}; tokens a caption: {:.2f} English, {:.2f} Chinese, at most {} (+ begin and end)\n",
      tokenizer.vocabulary_size(), static_cast<double>(tokens_en) / count,
      static_cast<double>(tokens_zh) / count, longest);
}

int run(int argc, char** argv) {
  CLI::App app{
      "Learns the byte-pair merges of the built-in model's captions and writes them in CLIP's form."};
  std::filesystem::path data, out;
  int captions = 100'000, vocabulary = dq::mini::kVocabulary;
  app.add_option("--data", data, "the folder that mini_catalogue wrote")->required();
  app.add_option("-o,--out", out, "merges.txt")->required();
  app.add_option("--captions", captions, "how many pictures' captions to read")
      ->check(CLI::Range(1, 10'000'000));
  app.add_option("--vocabulary", vocabulary, "ids, with 512 byte symbols, begin and end")
      ->check(CLI::Range(514, 49'408));
  CLI11_PARSE(app, argc, argv);
  const dq::mini::Catalogue catalogue = dq::mini::read_catalogue(data);
  const dq::media::Image atlas = dq::mini::read_atlas(data);
  const Composer marked(catalogue, atlas, {.seed = kCorpusSeed, .subjects = {}, .with_part_marks = true});
  dq::mini::BpeTrainer trainer;
  add_names(trainer, catalogue);
  for (int i = 0; i < captions; ++i) {
    const dq::mini::Scene scene = marked.plan(static_cast<std::uint64_t>(i));
    for (const std::string* text : {&scene.en, &scene.zh, &scene.caption}) trainer.add(*text);
  }
  const std::string merges = trainer.merges(vocabulary);
  dq::write_file_atomically(out, std::as_bytes(std::span(merges)));
  fmt::print("{} different words; ", trainer.word_count());
  report(merges, Composer(catalogue, atlas, {.seed = 1, .subjects = {}}), std::min(captions, 10'000));
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  return dq::tools::guarded_main("mini_tokenizer", run, argc, argv);
}
