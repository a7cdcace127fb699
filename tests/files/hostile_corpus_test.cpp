// Thousands of broken files: cut at many lengths, bits flipped, numbers replaced. Each is loaded or refused;
// none crashes, and none costs more memory than its size allows. (The parsers' fuzz targets go on from here.)
#include <gtest/gtest.h>

#include "base/process_memory.h"
#include "files/builders.h"
#include "files/safetensors.h"
#include "files/sharded_index.h"
#include "files/torch_legacy.h"
#include "files/torch_zip.h"
#include "support/golden.h"
#include "support/temp_dir.h"

namespace dq::files {
namespace {

struct Subject {
  std::string name;
  std::function<ParsedWeights(Bytes)> parse;
};

ParsedWeights parse_index(Bytes bytes) {
  parse_sharded_index(bytes);
  return {};
}

std::vector<std::pair<std::string, Subject>> subjects() {
  const Subject safetensors{"safetensors", [](Bytes b) { return parse_safetensors(b); }};
  const Subject zip{"zip", parse_torch_zip}, legacy{"legacy", parse_torch_legacy},
      index{"index", parse_index};
  const auto golden = [](const char* name) {
    return test::read_file(test::golden_path(std::string("files/") + name));
  };
  return {
      {golden("types.safetensors"), safetensors},
      {golden("views.pt"), zip},
      {golden("lightning.ckpt"), zip},
      {golden("embedding.pt"), zip},
      {golden("views_legacy.pt"), legacy},
      {golden("lightning_legacy.ckpt"), legacy},
      {R"({"metadata":{"total_size":8},"weight_map":{"b":"m-2.safetensors","a":"m-1.safetensors"}})", index}};
}

class Corpus {
 public:
  // The bytes go into a buffer of exactly their size, so that the sanitizers see a read behind its end.
  void feed(const std::string& file, const Subject& subject) {
    const std::vector<std::byte> exact(reinterpret_cast<const std::byte*>(file.data()),
                                       reinterpret_cast<const std::byte*>(file.data()) + file.size());
    ++files_;
    try {
      const ParsedWeights parsed = subject.parse(exact);
      ++loaded_;
      for (const TensorEntry& entry : parsed.tensors) {
        EXPECT_LE(entry.offset, file.size()) << subject.name;
        EXPECT_LE(entry.bytes, file.size() - entry.offset) << subject.name;
      }
    } catch (const Error& error) {
      ++refused_;
      EXPECT_TRUE(error.code() == ErrorCode::kBadFile || error.code() == ErrorCode::kUnsupported)
          << subject.name << ": " << error.what();
      EXPECT_FALSE(error.message().empty());
    }
  }
  int files_ = 0, loaded_ = 0, refused_ = 0;
};

std::size_t pick(std::uint64_t& state, std::size_t n) {
  state = state * 6364136223846793005ull + 1442695040888963407ull;
  return static_cast<std::size_t>(state >> 33) % n;
}

TEST(HostileCorpus, TruncationsAreAllRefused) {
  Corpus corpus;
  for (const auto& [file, subject] : subjects()) {
    const std::size_t step = std::max<std::size_t>(1, file.size() / 500);
    for (std::size_t n = 0; n < file.size(); n += step) corpus.feed(file.substr(0, n), subject);
  }
  EXPECT_GE(corpus.files_, 2000);
  EXPECT_EQ(corpus.loaded_, 0);
}

TEST(HostileCorpus, FlippedBits) {
  Corpus corpus;
  std::uint64_t state = 1;
  for (const auto& [file, subject] : subjects()) {
    for (int i = 0; i < 1000; ++i) {
      std::string broken = file;
      for (std::size_t flips = 1 + pick(state, 3); flips > 0; --flips) {
        const std::size_t at = pick(state, broken.size());
        broken[at] = static_cast<char>(broken[at] ^ (1 << pick(state, 8)));
      }
      corpus.feed(broken, subject);
    }
  }
  EXPECT_EQ(corpus.files_, 7000);
  EXPECT_GT(corpus.refused_, 1000);
  EXPECT_GT(corpus.loaded_, 100);  // flips in the numbers themselves change no rule
}

TEST(HostileCorpus, WrongNumbersInPlace) {
  const std::vector<std::string> values = {std::string(4, '\xff'),
                                           std::string(8, '\xff'),
                                           std::string(8, '\0'),
                                           test::little<std::uint32_t>(0x7fffffff),
                                           test::little<std::uint64_t>(1ull << 63),
                                           test::little<std::uint64_t>((1ull << 61) + 1),
                                           "]",
                                           "}",
                                           "(",
                                           "R",
                                           "."};
  Corpus corpus;
  std::uint64_t state = 2;
  for (const auto& [file, subject] : subjects()) {
    for (int i = 0; i < 400; ++i) {
      std::string broken = file;
      const std::string& value = values[pick(state, values.size())];
      broken.replace(pick(state, broken.size()), value.size(), value);
      corpus.feed(broken, subject);
    }
  }
  EXPECT_EQ(corpus.files_, 2800);
}

TEST(HostileCorpus, SplicedFiles) {
  Corpus corpus;
  std::uint64_t state = 3;
  for (const auto& [file, subject] : subjects()) {
    for (int i = 0; i < 200; ++i) {
      const std::size_t from = pick(state, file.size()), to = pick(state, file.size()),
                        size = pick(state, 200);
      std::string broken = file;
      broken.insert(to, file.substr(from, size));
      corpus.feed(broken, subject);
    }
  }
  EXPECT_EQ(corpus.files_, 1400);
}

// Text mutations that keep the JSON whole, so that they reach the rules behind the grammar.
TEST(HostileCorpus, EveryNumberOfAHeaderReplaced) {
  const std::string file = test::read_file(test::golden_path("files/types.safetensors"));
  const std::size_t header_bytes =
      static_cast<unsigned char>(file[0]) + 256u * static_cast<unsigned char>(file[1]);
  const std::string header = file.substr(8, header_bytes), data = file.substr(8 + header_bytes);
  const Subject subject{"safetensors", [](Bytes b) { return parse_safetensors(b); }};
  Corpus corpus;
  for (std::size_t i = header.find("\"f64\""); i < header.size(); ++i) {
    const auto digits = header.find_first_not_of("0123456789", i) - i;
    if (digits == 0 || digits > 20 || (header[i - 1] != '[' && header[i - 1] != ',')) continue;
    for (const char* value : {"0",
                              "1",
                              "-1",
                              "3",
                              "4611686018427387904",
                              "18446744073709551615",
                              "1e9",
                              "null",
                              "\"1\"",
                              "[]",
                              "{}",
                              "true",
                              "0.5",
                              "9223372036854775808",
                              "2305843009213693952",
                              "[[[[[[1]]]]]]",
                              "1,1",
                              "",
                              "99999999999999999999",
                              "00"}) {
      std::string broken = header;
      broken.replace(i, digits, value);
      corpus.feed(test::safetensors(broken, data), subject);
    }
    i += digits;
  }
  EXPECT_EQ(corpus.files_, 46 * 20);  // numbers in the header, values above
  EXPECT_GT(corpus.refused_, corpus.files_ * 8 / 10);
}

TEST(HostileCorpus, MemoryStaysSmall) {
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
  const std::int64_t before = resident_bytes();
  reset_peak_resident();
#endif
  Corpus corpus;
  std::uint64_t state = 4;
  for (const auto& [file, subject] : subjects()) {
    for (int i = 0; i < 100; ++i) {
      std::string broken = file;
      const std::size_t at = pick(state, broken.size() - 8);
      broken.replace(at, 8, std::string(8, "\xff\x7f\x00\x01"[pick(state, 4)]));
      corpus.feed(broken, subject);
    }
  }
  EXPECT_EQ(corpus.files_, 700);
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
  EXPECT_LT(peak_resident_bytes() - before, 64 << 20);
#endif
}

}  // namespace
}  // namespace dq::files
