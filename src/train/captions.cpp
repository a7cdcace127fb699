#include "train/captions.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>

#include "base/counter_random.h"

namespace dq::train {
namespace {

std::string trimmed(std::string_view text) {
  const auto blank = [](char c) { return c == ' ' || c == '\t' || c == '\r' || c == '\n'; };
  while (!text.empty() && blank(text.front())) text.remove_prefix(1);
  while (!text.empty() && blank(text.back())) text.remove_suffix(1);
  return std::string(text);
}

std::vector<std::string> split(std::string_view text, std::string_view by) {
  std::vector<std::string> parts;
  for (;;) {
    const std::size_t at = by.empty() ? std::string_view::npos : text.find(by);
    parts.emplace_back(text.substr(0, at));
    if (at == std::string_view::npos) return parts;
    text.remove_prefix(at + by.size());
  }
}

void drop_empty(std::vector<std::string>& tags) {
  for (std::string& tag : tags) tag = trimmed(tag);
  std::erase_if(tags, [](const std::string& tag) { return tag.empty(); });
}

// The line that is used: the first that is not empty, or, with wildcards, any such.
std::string choose_line(const std::string& text, bool any, CounterRandom& random) {
  std::vector<std::string> lines = split(text, "\n");
  drop_empty(lines);
  if (lines.empty()) return "";
  return any ? lines[random.below(lines.size())] : lines[0];
}

// "{a|b}" becomes one of its parts, innermost first; "{{" and "}}" stand for braces.
std::string resolve_wildcards(std::string text, CounterRandom& random) {
  constexpr char kOpen = '\x01', kClose = '\x02';  // cannot stand in a caption
  const auto replace_all = [&](std::string_view from, std::string_view to) {
    for (std::size_t at = 0; (at = text.find(from, at)) != std::string::npos; at += to.size()) {
      text.replace(at, from.size(), to);
    }
  };
  replace_all("{{", std::string_view(&kOpen, 1));
  replace_all("}}", std::string_view(&kClose, 1));
  for (;;) {
    const std::size_t close = text.find('}');
    if (close == std::string::npos) break;
    const std::size_t open = text.rfind('{', close);
    if (open == std::string::npos) break;
    const std::vector<std::string> choices = split(text.substr(open + 1, close - open - 1), "|");
    text.replace(open, close - open + 1, choices[random.below(choices.size())]);
  }
  replace_all(std::string_view(&kOpen, 1), "{");
  replace_all(std::string_view(&kClose, 1), "}");
  return text;
}

struct Tags {
  std::vector<std::string> first, movable, last;
};

Tags sort_tags(const std::string& caption, const CaptionRule& rule) {
  Tags tags;
  const std::string_view by(&rule.separator, 1);
  if (!rule.keep_separator.empty() && caption.find(rule.keep_separator) != std::string::npos) {
    const std::vector<std::string> parts = split(caption, rule.keep_separator);
    tags.first = split(parts[0], by);
    tags.movable = split(parts[1], by);
    if (parts.size() > 2) tags.last = split(parts[2], by);
  } else {
    tags.movable = split(caption, by);
    drop_empty(tags.movable);
    const auto kept =
        std::min<std::size_t>(static_cast<std::size_t>(std::max(rule.keep, 0)), tags.movable.size());
    tags.first.assign(tags.movable.begin(), tags.movable.begin() + static_cast<std::ptrdiff_t>(kept));
    tags.movable.erase(tags.movable.begin(), tags.movable.begin() + static_cast<std::ptrdiff_t>(kept));
  }
  drop_empty(tags.first);
  drop_empty(tags.movable);
  drop_empty(tags.last);
  return tags;
}

void warm_up(Tags& tags, const CaptionRule& rule, int step) {
  if (rule.warmup_steps <= 0 || step >= rule.warmup_steps) return;
  const auto all = static_cast<double>(tags.movable.size());
  const double from = rule.warmup_from, share = static_cast<double>(step) / rule.warmup_steps;
  const auto count = static_cast<std::size_t>(std::max(1.0, std::floor(share * (all - from)) + from));
  if (count < tags.movable.size()) tags.movable.resize(count);
}

}  // namespace

std::vector<std::string> split_tags(const std::string& caption, char separator) {
  std::vector<std::string> tags = split(caption, std::string_view(&separator, 1));
  drop_empty(tags);
  return tags;
}

std::string caption_for(const std::string& text, const CaptionRule& rule, const CaptionMoment& moment) {
  CounterRandom random{moment.seed, 0xca9, static_cast<std::uint64_t>(moment.step)};
  if (random.uniform() < rule.dropout) return "";
  if (rule.dropout_every > 0 && moment.epoch > 0 && moment.epoch % rule.dropout_every == 0) return "";
  std::string caption = choose_line(text, rule.wildcards, random);
  if (!rule.prefix.empty()) caption = rule.prefix + " " + caption;
  if (!rule.suffix.empty()) caption += " " + rule.suffix;
  if (rule.wildcards) caption = resolve_wildcards(std::move(caption), random);
  const bool by_tags =
      rule.shuffle || rule.tag_dropout > 0 || rule.warmup_steps > 0 || !rule.keep_separator.empty();
  if (by_tags) {
    Tags tags = sort_tags(caption, rule);
    warm_up(tags, rule, moment.step);
    if (rule.shuffle) {
      for (std::size_t i = tags.movable.size(); i > 1; --i)
        std::swap(tags.movable[i - 1], tags.movable[random.below(i)]);
    }
    if (rule.tag_dropout > 0) {
      std::erase_if(tags.movable, [&](const std::string&) { return random.uniform() < rule.tag_dropout; });
    }
    std::vector<std::string> all = std::move(tags.first);
    all.insert(all.end(), tags.movable.begin(), tags.movable.end());
    all.insert(all.end(), tags.last.begin(), tags.last.end());
    caption = fmt::format("{}", fmt::join(all, std::string{rule.separator, ' '}));
  }
  if (!rule.secondary_separator.empty()) {
    caption = fmt::format(
        "{}", fmt::join(split(caption, rule.secondary_separator), std::string(1, rule.separator)));
  }
  return caption;
}

std::string to_text(const CaptionRule& r) {
  return fmt::format("{} {} {} {} {} {} {} {} {} {} {} {} {}", r.shuffle, r.keep, r.dropout, r.tag_dropout,
                     r.wildcards, r.keep_separator, r.prefix, r.suffix, r.separator, r.secondary_separator,
                     r.dropout_every, r.warmup_steps, r.warmup_from);
}

}  // namespace dq::train
