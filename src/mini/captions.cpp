#include "mini/captions.h"

#include <algorithm>
#include <array>
#include <initializer_list>
#include <span>
#include <string_view>

#include "mini/names.h"
#include "mini/palette.h"
#include "mini/shapes.h"

namespace dq::mini {
namespace {

using std::string_view;
using List = std::span<const string_view>;

constexpr int kEmptyPercent = 10, kTagsPercent = 20, kChinesePercent = 30, kSynonymPercent = 25;

// {N} a thing with its article, {B} a background with its article, {n} and {b} without, {A} {C} two things,
// {p} a place, {L} a list, {z} a size.
constexpr std::array<string_view, 9> kOneEn = {
    "{N} on {B}",   "{N} on {B}", "{N} on {B}", "{N} in front of {B}",    "{N} with {B}",
    "{B} with {N}", "{N}, {b}",   "{N}",        "a picture of {N} on {B}"};
constexpr std::array<string_view, 8> kOneZh = {"{b}上的{n}", "{b}上的{n}", "{b}上的{n}",         "{n}，{b}",
                                               "{n}在{b}上", "{b}上有{n}", "一张{n}的图片，{b}", "{n}"};
constexpr std::array<string_view, 4> kPlacedEn = {"{N} {p} of {B}", "{N} {p} of {B}", "{N} {p}, {b}",
                                                  "{N} {p} on {B}"};
constexpr std::array<string_view, 4> kPlacedZh = {"{n}在{q}，{b}", "{n}位于{b}的{p}", "{b}的{p}有{n}",
                                                  "{b}，{p}是{n}"};
constexpr std::array<string_view, 6> kLeftEn = {"{A} to the left of {C} on {B}",
                                                "{A} to the left of {C}, {b}",
                                                "{C} to the right of {A} on {B}",
                                                "{A} on the left and {C} on the right, {b}",
                                                "{A} and {C} on {B}",
                                                "{A} next to {C} on {B}"};
constexpr std::array<string_view, 5> kLeftZh = {"{a}在{c}的左边，{b}", "{b}上，{a}在{c}的左边",
                                                "{c}在{a}的右边，{b}", "左边是{a}，右边是{c}，{b}",
                                                "{b}上的{a}和{c}"};
constexpr std::array<string_view, 5> kAboveEn = {
    "{A} above {C} on {B}", "{A} above {C}, {b}", "{C} below {A} on {B}",
    "{A} at the top and {C} at the bottom, {b}", "{A} and {C} on {B}"};
constexpr std::array<string_view, 5> kAboveZh = {"{a}在{c}的上面，{b}", "{b}上，{a}在{c}的上面",
                                                 "{c}在{a}的下面，{b}", "上面是{a}，下面是{c}，{b}",
                                                 "{b}上的{a}和{c}"};
constexpr std::array<string_view, 3> kManyEn = {"{L} on {B}", "{L}, {b}", "{B} with {L}"};
constexpr std::array<string_view, 3> kManyZh = {"{b}上有{L}", "{b}上的{L}", "{L}，{b}"};

constexpr std::array<string_view, 9> kPlaceEn = {
    "in the top left corner",    "at the top",    "in the top right corner",
    "on the left side",          "in the center", "on the right side",
    "in the bottom left corner", "at the bottom", "in the bottom right corner"};
constexpr std::array<string_view, 9> kPlaceTagEn = {
    "top left", "top", "top right", "left", "center", "right", "bottom left", "bottom", "bottom right"};
constexpr std::array<string_view, 9> kPlaceZh = {"左上角", "顶部",   "右上角", "左侧",  "中央",
                                                 "右侧",   "左下角", "底部",   "右下角"};
constexpr std::array<string_view, 9> kPlaceInZh = {"左上角", "上方",   "右上角", "左边",  "中间",
                                                   "右边",   "左下角", "下方",   "右下角"};
constexpr std::array<string_view, 5> kNumberEn = {"", "one", "two", "three", "four"};
constexpr std::array<string_view, 5> kNumberZh = {"", "一", "两", "三", "四"};

constexpr std::array<string_view, 6> kTextureEn = {
    "{f} and {g} horizontal stripes", "{f} and {g} vertical stripes", "{f} and {g} diagonal stripes",
    "{F} and {g} checkerboard",       "{g} polka dots on {B}",        "a grid of {g} lines on {B}"};
constexpr std::array<string_view, 6> kTextureZh = {"{f}和{g}的横条纹", "{f}和{g}的竖条纹", "{f}和{g}的斜条纹",
                                                   "{f}和{g}的棋盘格", "{b}上的{g}圆点",   "{b}上的{g}网格"};

// With the part mark in front; see kPartMark.
constexpr const char* kPartBackgroundZh = "\x1f背景";
constexpr const char* kPartToZh = "\x1f到\x1f";
constexpr const char* kPartGradientZh = "\x1f的渐变\x1f背景";

struct Slot {
  char name;
  std::string text;
};

std::string fill(string_view form, std::initializer_list<Slot> slots) {
  std::string out;
  for (std::size_t i = 0; i < form.size(); ++i) {
    if (form[i] != '{') {
      out += form[i];
      continue;
    }
    for (const Slot& slot : slots) {
      if (slot.name == form[i + 1]) out += kPartMark + slot.text + kPartMark;
    }
    i += 2;
  }
  return out;
}

bool is_vowel(char c) {
  return string_view("aeiou").find(c) != string_view::npos;
}
std::string with_a(const std::string& phrase) {
  return (is_vowel(phrase[0]) ? "an " : "a ") + phrase;
}

std::string colour_name(int colour, Language language) {
  const NamedColour& c = palette()[static_cast<std::size_t>(colour)];
  return std::string(language == Language::kEnglish ? c.en : c.zh);
}

std::string background_name(const Background& b, Language language) {
  const std::string first = colour_name(b.colour, language);
  if (b.second < 0) return first + (language == Language::kEnglish ? " background" : kPartBackgroundZh);
  const std::string second = colour_name(b.second, language);
  return language == Language::kEnglish ? first + " to " + second + " gradient background"
                                        : first + kPartToZh + second + kPartGradientZh;
}

std::string emoji_name(const Concept& c, Language language, Draws& draws) {
  const bool is_english = language == Language::kEnglish;
  const std::vector<std::string>& synonyms = is_english ? c.synonyms_en : c.synonyms_zh;
  if (!synonyms.empty() && draws.chance(kSynonymPercent)) return draws.pick(std::span(synonyms));
  return is_english ? c.en : c.zh;
}

std::string size_name(SizeWord size, Language language, Draws& draws) {
  static constexpr std::array<string_view, 2> kBig = {"large ", "big "};
  static constexpr std::array<string_view, 2> kSmallZh = {"小小的", "很小的"}, kBigZh = {"大大的", "很大的"};
  if (size == SizeWord::kMedium) return {};
  if (language == Language::kEnglish) {
    return size == SizeWord::kSmall ? "small " : std::string(draws.pick(List(kBig)));
  }
  return std::string(draws.pick(size == SizeWord::kSmall ? List(kSmallZh) : List(kBigZh)));
}

// "small red circle"; "红色的小圆形".
std::string shape_phrase(const Thing& thing, Language language, Draws& draws, bool is_plural = false) {
  const ShapeName& name = shape_names()[static_cast<std::size_t>(thing.shape)];
  const std::string colour = colour_name(thing.colour, language);
  if (language == Language::kEnglish) {
    return size_name(thing.size_word, language, draws) + colour + " " +
           std::string(is_plural ? name.plural : name.en);
  }
  const string_view size = thing.size_word == SizeWord::kSmall   ? "小"
                           : thing.size_word == SizeWord::kLarge ? "大"
                                                                 : "";
  const bool has_de = !size.empty() || draws.chance(50);
  std::string out = colour;
  for (const string_view part : {string_view(has_de ? "的" : ""), size, name.zh}) {
    if (!part.empty()) (out += kPartMark) += part;
  }
  return out;
}

// Without an article or a classifier.
std::string phrase(const Thing& thing, const Catalogue& catalogue, Language language, Draws& draws) {
  if (thing.shape >= 0) return shape_phrase(thing, language, draws);
  const Concept& c = catalogue.concepts[static_cast<std::size_t>(thing.emoji)];
  std::string size = size_name(thing.size_word, language, draws);  // drawn before the name
  if (language == Language::kChinese && !size.empty()) size += kPartMark;
  return size + emoji_name(c, language, draws);
}

// "a small cat"; a shape in Chinese has its classifier: "一个红色的小圆形".
std::string full_phrase(const Thing& thing, const Catalogue& catalogue, Language language, Draws& draws) {
  if (language == Language::kChinese) {
    const std::string text = phrase(thing, catalogue, language, draws);
    return thing.shape >= 0 ? "一个" + (kPartMark + text) : text;
  }
  if (thing.shape >= 0) return with_a(shape_phrase(thing, language, draws));
  const Concept& c = catalogue.concepts[static_cast<std::size_t>(thing.emoji)];
  const std::string size = size_name(thing.size_word, language, draws);
  const std::string name = emoji_name(c, language, draws);
  std::string whole = with_article(name);
  if (size.empty()) return whole;
  // The article moves before the size: "an apple" → "a small apple"; "grapes" → "small grapes".
  for (const string_view article : {"a ", "an ", "the "}) {
    if (whole == std::string(article) + name) return (article == "the " ? "the " : "a ") + size + name;
  }
  return size + name;
}

std::string list_of(const Scene& scene, const Catalogue& catalogue, Language language, Draws& draws) {
  const bool is_english = language == Language::kEnglish;
  const std::vector<Thing>& things = scene.things;
  const Thing& first = things[0];
  const bool are_alike = std::all_of(things.begin(), things.end(), [&](const Thing& t) {
    return t.shape == first.shape && t.colour == first.colour;
  });
  if (are_alike) {
    const std::size_t n = things.size();
    return is_english ? std::string(kNumberEn[n]) + " " + shape_phrase(first, language, draws, n > 1)
                      : std::string(kNumberZh[n]) + "个" + kPartMark + shape_phrase(first, language, draws);
  }
  std::string out;
  for (std::size_t i = 0; i < things.size(); ++i) {
    if (i > 0)
      out += i + 1 < things.size() ? (is_english ? ", " : "、") : (is_english ? " and " : "\x1f和\x1f");
    out += full_phrase(things[i], catalogue, language, draws);
  }
  return out;
}

std::string texture_sentence(const Scene& scene, Language language, Draws& draws) {
  const bool is_english = language == Language::kEnglish;
  const auto at = static_cast<std::size_t>(scene.texture);
  const std::string ground = colour_name(scene.background.colour, language);
  const std::string pattern = colour_name(scene.texture_colour, language);
  const std::string background = background_name(scene.background, language);
  const bool is_turned = scene.texture < Texture::kDots && draws.chance(50);
  const std::string& f = is_turned ? pattern : ground;
  const std::string& g = is_turned ? ground : pattern;
  return fill(is_english ? kTextureEn[at] : kTextureZh[at],
              {{'f', f},
               {'F', with_a(f)},
               {'g', is_turned || scene.texture < Texture::kDots ? g : pattern},
               {'b', background},
               {'B', with_a(background)}});
}

List forms_for(const Scene& scene, bool is_english) {
  if (scene.relation == Relation::kLeftOf) return is_english ? List(kLeftEn) : List(kLeftZh);
  if (scene.relation == Relation::kAbove) return is_english ? List(kAboveEn) : List(kAboveZh);
  if (scene.things.size() > 1) return is_english ? List(kManyEn) : List(kManyZh);
  const bool is_placed = scene.kind == SceneKind::kPlacedEmoji || scene.kind == SceneKind::kShapes;
  if (!is_placed) return is_english ? List(kOneEn) : List(kOneZh);
  return is_english ? List(kPlacedEn) : List(kPlacedZh);
}

}  // namespace

std::string without_marks(const std::string& caption) {
  std::string out = caption;
  std::erase(out, kPartMark);
  return out;
}

std::string sentence(const Scene& scene, const Catalogue& catalogue, Language language, Draws& draws,
                     bool& says_background) {
  says_background = true;
  if (scene.kind == SceneKind::kTexture) return texture_sentence(scene, language, draws);
  const bool is_english = language == Language::kEnglish;
  // What lies in the middle need not say so.
  const bool is_plain = scene.things.size() == 1 && scene.things[0].cell == 4 && draws.chance(50);
  const List forms = is_plain ? (is_english ? List(kOneEn) : List(kOneZh)) : forms_for(scene, is_english);
  string_view form = draws.pick(forms);
  // CLDR's Chinese names of people and signs are often verbs ("理发"): of those one does not say that there
  // is one.
  const Thing& leading = scene.things[0];
  const bool is_thing = leading.emoji < 0 || catalogue.concepts[static_cast<std::size_t>(leading.emoji)].core;
  if (!is_english && !is_thing && form.find("有{n}") != string_view::npos) form = forms[0];
  says_background = form.find("{b}") != string_view::npos || form.find("{B}") != string_view::npos;
  const std::string background = background_name(scene.background, language);
  const auto cell = static_cast<std::size_t>(scene.things[0].cell);
  if (scene.things.size() > 1 && scene.relation == Relation::kNone) {
    return fill(form, {{'L', list_of(scene, catalogue, language, draws)},
                       {'b', background},
                       {'B', is_english ? with_a(background) : background}});
  }
  const std::string first = full_phrase(scene.things[0], catalogue, language, draws);
  const std::string second =
      scene.things.size() > 1 ? full_phrase(scene.things[1], catalogue, language, draws) : std::string();
  const bool needs_classifier = form.find("有{n}") != string_view::npos;
  const std::string bare =
      needs_classifier || is_english ? first : phrase(scene.things[0], catalogue, language, draws);
  const std::string bare_second =
      scene.things.size() > 1 ? phrase(scene.things[1], catalogue, language, draws) : std::string();
  return fill(form, {{'N', first},
                     {'n', bare},
                     {'A', first},
                     {'C', second},
                     {'a', bare},
                     {'c', bare_second},
                     {'b', background},
                     {'B', is_english ? with_a(background) : background},
                     {'p', std::string(is_english ? kPlaceEn[cell] : kPlaceZh[cell])},
                     {'q', std::string(kPlaceInZh[cell])}});
}

std::string tags(const Scene& scene, const Catalogue& catalogue, Language language, Draws& draws) {
  const bool is_english = language == Language::kEnglish;
  std::vector<std::string> words;
  if (scene.kind == SceneKind::kTexture) return texture_sentence(scene, language, draws);
  for (const Thing& thing : scene.things) {
    words.push_back(phrase(thing, catalogue, language, draws));
    if (thing.emoji < 0 || scene.things.size() > 1) continue;
    const Concept& c = catalogue.concepts[static_cast<std::size_t>(thing.emoji)];
    const std::vector<std::string>& keywords = is_english ? c.keywords_en : c.keywords_zh;
    if (!keywords.empty() && draws.chance(50)) words.push_back(draws.pick(std::span(keywords)));
  }
  const bool is_placed = scene.kind == SceneKind::kPlacedEmoji || scene.kind == SceneKind::kShapes;
  if (scene.things.size() == 1 && is_placed) {
    const auto cell = static_cast<std::size_t>(scene.things[0].cell);
    words.emplace_back(is_english ? kPlaceTagEn[cell] : kPlaceZh[cell]);
  }
  words.push_back(background_name(scene.background, language));
  std::string out;
  for (const std::string& word : words) {
    if (!out.empty()) out += is_english ? ", " : "，";
    out += kPartMark + word + kPartMark;
  }
  return out;
}

bool says_relation(const std::string& caption) {
  static constexpr std::array<string_view, 12> kSaid = {" to the left of ",
                                                        " to the right of ",
                                                        " on the left and ",
                                                        " above ",
                                                        " below ",
                                                        " at the top and ",
                                                        "的左边",
                                                        "的右边",
                                                        "左边是",
                                                        "的上面",
                                                        "的下面",
                                                        "上面是"};
  return std::ranges::any_of(kSaid,
                             [&](string_view said) { return caption.find(said) != std::string::npos; });
}

bool says_pair(const Scene& scene, const std::string& caption) {
  return scene.kind == SceneKind::kShapes && scene.relation != Relation::kNone &&
         scene.things[0].colour != scene.things[1].colour && says_relation(caption);
}

void write_captions(Scene& scene, const Catalogue& catalogue, Draws& draws, bool with_marks) {
  bool says_en = true, says_zh = true;
  std::string en = sentence(scene, catalogue, Language::kEnglish, draws, says_en);
  std::string zh = sentence(scene, catalogue, Language::kChinese, draws, says_zh);
  const Language language = draws.chance(kChinesePercent) ? Language::kChinese : Language::kEnglish;
  std::string caption = language == Language::kEnglish ? en : zh;
  scene.says_background = language == Language::kEnglish ? says_en : says_zh;
  const int how = draws.below(100);
  if (how < kEmptyPercent) {
    caption.clear();
    scene.says_background = false;
  } else if (how < kEmptyPercent + kTagsPercent) {
    caption = tags(scene, catalogue, language, draws);
    scene.says_background = true;
  }
  scene.en = with_marks ? std::move(en) : without_marks(en);
  scene.zh = with_marks ? std::move(zh) : without_marks(zh);
  scene.caption = with_marks ? std::move(caption) : without_marks(caption);
}

}  // namespace dq::mini
