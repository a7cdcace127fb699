#include "mini/catalogue_build.h"

#include <algorithm>
#include <array>
#include <cstdlib>
#include <map>
#include <set>

#include "base/error.h"
#include "media/codec.h"
#include "media/resize.h"
#include "mini/draws.h"
#include "mini/names.h"
#include "text/unicode.h"

namespace dq::mini {
namespace {

using std::string_view;

constexpr std::uint64_t kHeldOutSeed = 40;
constexpr int kMinExtent = 30;          // pixels of content, both ways
constexpr double kNearDuplicate = 4.5;  // cell_distance; found by looking at pairs around it
constexpr int kReduced = kCell / 8;
constexpr std::size_t kMaxCoreNameBytes = 16;
constexpr std::size_t kMaxCoreNameZh = 4;

// Groups of things that a picture shows by itself.
constexpr std::array<string_view, 4> kThings = {"Animals & Nature", "Food & Drink", "Activities", "Objects"};
constexpr std::array<string_view, 6> kMoreThings = {"transport-ground", "transport-air",  "transport-water",
                                                    "sky&weather",      "place-building", "cat-face"};

// Places that fly, but for details, the flag of a larger one that comes after them in CLDR's order.
constexpr std::array<string_view, 6> kBorrowedFlags = {
    "flag: Ascension Island", "flag: Ceuta & Melilla", "flag: Clipperton Island",
    "flag: Diego Garcia",     "flag: Bouvet Island",   "flag: U.S. Outlying Islands"};

struct Box {
  int x0 = kCell * 2, y0 = kCell * 2, x1 = -1, y1 = -1;  // both ends included
  int width() const { return x1 - x0 + 1; }
  int height() const { return y1 - y0 + 1; }
};

Box content_box(const media::Image& image) {
  Box box;
  for (int y = 0; y < image.height; ++y) {
    for (int x = 0; x < image.width; ++x) {
      if (image.row(y)[4 * x + 3] < 8) continue;
      box.x0 = std::min(box.x0, x), box.x1 = std::max(box.x1, x);
      box.y0 = std::min(box.y0, y), box.y1 = std::max(box.y1, y);
    }
  }
  return box;
}

bool has_skin_tone(std::u32string_view text) {
  return std::any_of(text.begin(), text.end(), [](char32_t c) { return c >= 0x1F3FB && c <= 0x1F3FF; });
}

bool has_letter(const std::string& text) {
  const std::u32string all = text::decode_utf8(text);
  return std::any_of(all.begin(), all.end(),
                     [](char32_t c) { return text::char_class(c) == text::CharClass::kLetter; });
}

// Why a name keeps a picture out; empty when it does not.
std::string reason_by_name(const Annotation& a, const Label& label) {
  const std::u32string text = text::decode_utf8(a.characters);
  const string_view name = a.name;
  if (has_skin_tone(text)) return "skin tone";
  if (name.starts_with("keycap")) return "keycap";
  if (label.subgroup == "alphanum") return "a button of letters";
  if (label.subgroup == "geometric") return "a plain shape";
  if (name.find("o’clock") != string_view::npos || name.ends_with("-thirty")) return "clock face";
  if (name.find(':') != string_view::npos && !name.starts_with("flag:")) return "a name with a qualifier";
  if (std::find(kBorrowedFlags.begin(), kBorrowedFlags.end(), name) != kBorrowedFlags.end()) {
    return "the flag of another place";
  }
  if (text[0] < 0x203C) return "a letter or sign";
  return {};
}

bool is_core(const Concept& c) {
  const bool is_thing = std::find(kThings.begin(), kThings.end(), c.group) != kThings.end() ||
                        std::find(kMoreThings.begin(), kMoreThings.end(), c.subgroup) != kMoreThings.end();
  return is_thing && c.en.size() <= kMaxCoreNameBytes && std::count(c.en.begin(), c.en.end(), ' ') <= 1 &&
         text::decode_utf8(c.zh).size() <= kMaxCoreNameZh;
}

using Reduced = std::array<std::uint8_t, static_cast<std::size_t>(kReduced* kReduced * 4)>;

// Premultiplied, the mean of every 8×8 pixels.
Reduced reduce(const media::Image& cell) {
  Reduced out{};
  for (int y = 0; y < kReduced; ++y) {
    for (int x = 0; x < kReduced; ++x) {
      std::array<int, 4> sum{};
      for (int i = 0; i < 64; ++i) {
        const std::uint8_t* p = cell.row(8 * y + i / 8) + 4 * (8 * x + i % 8);
        for (std::size_t c = 0; c < 3; ++c) sum[c] += p[c] * p[3];
        sum[3] += p[3] * 255;
      }
      for (std::size_t c = 0; c < 4; ++c) {
        out[static_cast<std::size_t>(y * kReduced + x) * 4 + c] =
            static_cast<std::uint8_t>(sum[c] / (64 * 255));
      }
    }
  }
  return out;
}

double distance(const Reduced& a, const Reduced& b) {
  int sum = 0;
  for (std::size_t i = 0; i < a.size(); ++i) sum += std::abs(a[i] - b[i]);
  return sum / static_cast<double>(a.size());
}

struct Draft {
  Concept concept_;
  media::Image cell;
  Reduced reduced;
};

class Builder {
 public:
  explicit Builder(const Sources& sources) : sources_(sources) {}

  BuiltCatalogue build() {
    for (const Annotation& a : sources_.en.all()) consider(a);
    BuiltCatalogue out;
    out.catalogue.left_out = std::move(left_out_);
    const int rows = (static_cast<int>(drafts_.size()) + kAtlasColumns - 1) / kAtlasColumns;
    out.atlas = media::make_image(kAtlasColumns * kCell, std::max(rows, 1) * kCell, 4);
    for (Draft& draft : drafts_) {
      Concept& c = draft.concept_;
      c.id = static_cast<int>(out.catalogue.concepts.size());
      for (int y = 0; y < kCell; ++y) {
        std::copy_n(draft.cell.row(y), 4 * kCell,
                    out.atlas.row(c.id / kAtlasColumns * kCell + y) + 4 * kCell * (c.id % kAtlasColumns));
      }
      out.catalogue.concepts.push_back(std::move(c));
    }
    hold_out(out.catalogue);
    choose_synonyms(out.catalogue.concepts);
    return out;
  }

 private:
  // CLDR's order keeps likes together: a character without a label has that of the one before it.
  const Label& label_of(const Annotation& a) {
    const std::u32string text = text::decode_utf8(a.characters);
    for (const auto& key :
         {a.characters, text::encode_utf8({text.data(), std::min<std::size_t>(1, text.size())})}) {
      const auto found = sources_.labels.find(key);
      if (found != sources_.labels.end()) return label_ = found->second;
    }
    return label_;
  }

  void consider(const Annotation& a) {
    const Label& label = label_of(a);
    const Bytes png = sources_.font.png(text::decode_utf8(a.characters));
    if (png.empty()) return;
    std::string reason = reason_by_name(a, label);
    const Annotation* zh = sources_.zh.find(a.characters);
    if (reason.empty() && (a.name.empty() || !zh || !has_letter(zh->name)))
      reason = "no name in both languages";
    Draft draft;
    if (reason.empty()) {
      draft.cell = cell_of(png);
      const Box box = content_box(draft.cell);
      if (box.width() < kMinExtent || box.height() < kMinExtent) reason = "small";
    }
    if (reason.empty()) {
      draft.reduced = reduce(draft.cell);
      reason = twin_of(draft.reduced, plain_name_en(a.name), plain_name_zh(zh->name));
    }
    if (!reason.empty()) {
      left_out_.push_back({a.characters, a.name, reason});
      return;
    }
    Concept& c = draft.concept_;
    c.characters = a.characters;
    c.en = plain_name_en(a.name);
    c.zh = plain_name_zh(zh->name);
    c.keywords_en = a.keywords;
    c.keywords_zh = zh->keywords;
    std::erase(c.keywords_en, a.name);
    std::erase(c.keywords_zh, zh->name);
    c.group = label.group;
    c.subgroup = label.subgroup;
    c.core = is_core(c);
    drafts_.push_back(std::move(draft));
  }

  std::string twin_of(const Reduced& reduced, const std::string& en, const std::string& zh) const {
    for (const Draft& other : drafts_) {
      if (other.concept_.en == en || other.concept_.zh == zh) return "named as " + other.concept_.en;
      if (distance(other.reduced, reduced) < kNearDuplicate) return "looks like " + other.concept_.en;
    }
    return {};
  }

  static void hold_out(Catalogue& catalogue) {
    // The best known things stay in every training set.
    const std::vector<int> first = choose_concepts(catalogue, 32);
    std::vector<int> pool;
    for (const Concept& c : catalogue.concepts) {
      if (c.core && std::find(first.begin(), first.end(), c.id) == first.end()) pool.push_back(c.id);
    }
    Draws(kHeldOutSeed, 0).shuffle(std::span(pool));
    pool.resize(std::min<std::size_t>(pool.size(), kHeldOut));
    for (const int id : pool) catalogue.concepts[static_cast<std::size_t>(id)].held_out = true;
  }

  const Sources& sources_;
  Label label_;
  std::vector<Draft> drafts_;
  std::vector<LeftOut> left_out_;
};

}  // namespace

media::Image cell_of(Bytes png) {
  const media::ImageLimits limits{.max_pixels = 1 << 18, .max_side = 512, .max_decoded_bytes = 1 << 22};
  media::Image image = media::decode_image(png, limits);
  if (image.channels != 4) throw Error(ErrorCode::kUnsupported, "a bitmap of the font has no alpha");
  // Colours under transparent pixels say nothing; black keeps the atlas small.
  for (std::size_t i = 0; i < image.pixels.size(); i += 4) {
    if (image.pixels[i + 3] == 0) image.pixels[i] = image.pixels[i + 1] = image.pixels[i + 2] = 0;
  }
  const int border = (image.width - kCell) / 2;
  const Box box = content_box(image);
  const bool fits = box.x1 < 0 || (image.width >= kCell && image.height <= kCell && box.x0 >= border &&
                                   box.x1 < border + kCell);
  if (!fits) {
    const int longest = std::max(image.width, image.height);
    image = media::resize(image, std::max(1, image.width * kCell / longest),
                          std::max(1, image.height * kCell / longest), media::ResizeFilter::kLanczos);
  }
  media::Image cell = media::make_image(kCell, kCell, 4);
  const int from_x = std::max(0, (image.width - kCell) / 2), to_x = std::max(0, (kCell - image.width) / 2);
  const int to_y = (kCell - image.height) / 2;
  for (int y = 0; y < image.height; ++y) {
    std::copy_n(image.row(y) + 4 * from_x, 4 * std::min(kCell, image.width), cell.row(to_y + y) + 4 * to_x);
  }
  return cell;
}

double cell_distance(const media::Image& a, const media::Image& b) {
  return distance(reduce(a), reduce(b));
}

BuiltCatalogue build_catalogue(const Sources& sources) {
  return Builder(sources).build();
}

}  // namespace dq::mini
