#include "mini/names.h"

#include <algorithm>
#include <array>
#include <set>
#include <string_view>

#include "text/unicode.h"

namespace dq::mini {
namespace {

using std::string_view;

// Last words of names that are no countable things, or are plurals that do not end in s.
constexpr std::array<string_view, 27> kNoArticle = {
    "rice",   "bread",  "bacon",  "sushi",  "popcorn", "salt",    "butter",    "fire",    "fog",
    "food",   "honey",  "cheese", "people", "men",     "women",   "ice",       "money",   "sake",
    "garlic", "ginger", "beer",   "mail",   "luggage", "falafel", "spaghetti", "clothes", "water"};
// Words that end in s and are singular all the same.
constexpr std::array<string_view, 12> kSingular = {"bus",   "cactus", "octopus", "compass",
                                                   "glass", "lotus",  "abacus",  "cross",
                                                   "dress", "circus", "walrus",  "hibiscus"};
constexpr std::array<string_view, 9> kProper = {"Aries",       "Taurus",    "Gemini",   "Leo",   "Virgo",
                                                "Sagittarius", "Capricorn", "Aquarius", "Pisces"};
// What follows these words does not decide on the article: "man in tuxedo", "sun behind cloud".
constexpr std::array<string_view, 10> kJoins = {" with ",    " in ",  " of ", " on ",   " behind ",
                                                " without ", " and ", " at ", " over ", " for "};
// Countries that English names with an article.
constexpr std::array<string_view, 8> kTheCountries = {
    "United", "European Union", "Netherlands", "Philippines", "Bahamas", "Maldives", "Gambia", "Comoros"};
// What people call things beside CLDR's names; an empty text adds nothing.
struct Synonym {
  string_view name, en, zh;
};
constexpr std::array<Synonym, 31> kSynonyms = {{{"automobile", "car", "轿车"},
                                                {"hamburger", "burger", "汉堡包"},
                                                {"hippopotamus", "hippo", ""},
                                                {"rabbit", "bunny", ""},
                                                {"honeybee", "bee", ""},
                                                {"eggplant", "aubergine", ""},
                                                {"french fries", "chips", "炸薯条"},
                                                {"doughnut", "donut", ""},
                                                {"soccer ball", "football", ""},
                                                {"airplane", "plane", "客机"},
                                                {"bicycle", "bike", "单车"},
                                                {"T-Rex", "tyrannosaurus", "暴龙"},
                                                {"tomato", "", "番茄"},
                                                {"potato", "", "马铃薯"},
                                                {"avocado", "", "牛油果"},
                                                {"kiwi fruit", "kiwi", "奇异果"},
                                                {"sunflower", "", "太阳花"},
                                                {"cheese wedge", "cheese", "奶酪"},
                                                {"mobile phone", "cell phone", ""},
                                                {"television", "TV", "电视"},
                                                {"laptop", "notebook computer", "笔记本电脑"},
                                                {"dog", "puppy", "小狗"},
                                                {"cat", "kitty", "小猫"},
                                                {"pizza", "", "比萨"},
                                                {"spaghetti", "pasta", "意大利面"},
                                                {"house", "home", ""},
                                                {"locomotive", "steam train", "蒸汽火车"},
                                                {"sailboat", "sailing boat", ""},
                                                {"spiral shell", "sea shell", "贝壳"},
                                                {"crab", "", "大闸蟹"},
                                                {"pig", "piglet", "小猪"}}};
// Keywords that the rule below would take for names of the thing: too wide a kind, a part, or a deed.
constexpr std::array<string_view, 44> kNoNames = {
    "face",   "fruit",    "flower", "ball",   "cream",  "bar",    "box",   "pot",  "stop", "game",  "pole",
    "piece",  "net",      "engine", "sign",   "store",  "score",  "index", "die",  "bowl", "tabs",  "cracker",
    "slider", "streamer", "popper", "frames", "bottle", "glass",  "card",  "pump", "horn", "scale", "stick",
    "骑马",   "破壳",     "标志",   "艺术",   "乘雪橇", "驾雪橇", "打结",  "降落", "索引", "风琴",  "小王"};
// Beginnings of Chinese names of places that are no countries, and ends of them.
constexpr std::array<string_view, 6> kPossessionsZh = {"美属", "英属",     "法属",
                                                       "荷属", "中国香港", "中国澳门"};
constexpr std::array<string_view, 6> kNoCountryZh = {"岛", "欧盟", "联合国", "行政区", "属地", "领地"};

template <class List>
bool contains(const List& list, string_view word) {
  return std::find(list.begin(), list.end(), word) != list.end();
}

string_view last_word(string_view text) {
  const std::size_t space = text.rfind(' ');
  return space == string_view::npos ? text : text.substr(space + 1);
}

// "smiling face with sunglasses" → "smiling face".
string_view head(string_view name) {
  std::size_t end = name.size();
  for (const string_view join : kJoins) end = std::min(end, name.find(join));
  // "person running", "face holding back tears"
  for (std::size_t at = name.find("ing "); at != string_view::npos; at = name.find("ing ", at + 1)) {
    const std::size_t word = name.rfind(' ', at);
    if (word != string_view::npos) end = std::min(end, word);
  }
  const string_view cut = name.substr(0, end);
  const std::size_t word = cut.rfind(' ');
  return word != string_view::npos && cut.ends_with("ing") ? cut.substr(0, word) : cut;
}

bool is_plural(string_view word) {
  return word.size() > 3 && word.ends_with('s') && !word.ends_with("ss") && !contains(kSingular, word);
}

// Whether a keyword names the thing itself: it is what the name ends with ("apple" of "red apple"), or, in
// Chinese, one ends with the other ("苹果" and "红苹果", "乌龟" and "龟").
bool names_the_same(const std::string& keyword, const std::string& name, bool is_english) {
  if (contains(kNoNames, keyword)) return false;
  if (is_english) {
    const string_view noun = head(name);
    return keyword.size() > 2 && noun.size() > keyword.size() && noun.ends_with(keyword) &&
           noun[noun.size() - keyword.size() - 1] == ' ';
  }
  const std::size_t length = text::decode_utf8(keyword).size();
  return length >= 2 && length <= 6 && (keyword.ends_with(name) || name.ends_with(keyword));
}

// A word goes to the first concept that it names: "apple" is the red one, although the green one says so too.
void choose_for(std::vector<Concept>& concepts, std::vector<std::string> Concept::*keywords,
                std::vector<std::string> Concept::*synonyms, std::string Concept::*name, bool is_english) {
  std::set<std::string> taken;
  for (const Concept& c : concepts) taken.insert(c.*name);
  // The well-known names first: "car" is the automobile, not the railway car.
  for (Concept& c : concepts) {
    for (const Synonym& s : kSynonyms) {
      const std::string word(is_english ? s.en : s.zh);
      if (s.name == c.en && !word.empty() && taken.insert(word).second) (c.*synonyms).push_back(word);
    }
  }
  for (Concept& c : concepts) {
    if (!c.core || c.held_out) continue;
    for (const std::string& word : c.*keywords) {
      if (names_the_same(word, c.*name, is_english) && taken.insert(word).second) {
        (c.*synonyms).push_back(word);
      }
    }
  }
}

}  // namespace

std::string plain_name_en(const std::string& cldr) {
  constexpr string_view kFlag = "flag: ";
  if (!cldr.starts_with(kFlag)) return cldr;
  const string_view country = string_view(cldr).substr(kFlag.size());
  const bool is_the =
      country.ends_with("Islands") || std::any_of(kTheCountries.begin(), kTheCountries.end(),
                                                  [&](string_view c) { return country.starts_with(c); });
  return std::string("flag of ") + (is_the ? "the " : "") + std::string(country);
}

std::string plain_name_zh(const std::string& cldr) {
  constexpr string_view kFlag = "旗: ";
  if (!cldr.starts_with(kFlag)) return cldr;
  const std::string place = cldr.substr(kFlag.size());
  const bool is_country = std::none_of(kNoCountryZh.begin(), kNoCountryZh.end(),
                                       [&](string_view end) { return place.ends_with(end); }) &&
                          std::none_of(kPossessionsZh.begin(), kPossessionsZh.end(),
                                       [&](string_view begin) { return place.starts_with(begin); });
  return place + (is_country ? "国旗" : "旗");
}

std::string with_article(const std::string& name) {
  if (name.starts_with("flag of ")) return "the " + name;
  const string_view noun = last_word(head(name));
  const bool is_proper = contains(kProper, name) || name.starts_with("Mount ");
  if (is_proper || contains(kNoArticle, noun) || is_plural(noun)) return name;
  const char first = name.empty() ? ' ' : name[0];
  const bool is_capital_letter = name.size() > 1 && name[1] == '-';  // "t-shirt", "e-mail"
  const bool is_vowel =
      string_view(is_capital_letter ? "aefhilmnorsx" : "aeioAEIO").find(first) != string_view::npos ||
      (first == 'u' && !name.starts_with("uni") && !name.starts_with("us")) || name.starts_with("hour");
  return (is_vowel && !name.starts_with("one") ? "an " : "a ") + name;
}

std::string on_background(const std::string& thing, std::string_view colour) {
  return thing + " on " + with_article(std::string(colour)) + " background";
}

void choose_synonyms(std::vector<Concept>& concepts) {
  choose_for(concepts, &Concept::keywords_en, &Concept::synonyms_en, &Concept::en, true);
  choose_for(concepts, &Concept::keywords_zh, &Concept::synonyms_zh, &Concept::zh, false);
}

}  // namespace dq::mini
