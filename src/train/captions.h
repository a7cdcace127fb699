#pragma once
// From the text beside a picture to the caption of one training step. Order and rules are sd-scripts'.
#include <cstdint>
#include <string>
#include <vector>

namespace dq::train {

struct CaptionRule {
  std::string prefix{}, suffix{};  // put before and after, with a blank between
  char separator = ',';            // between tags
  bool shuffle = false;            // the order of tags that are not kept
  int keep = 0;                    // this many tags stay in front
  std::string
      keep_separator{};  // "|||": what stands before it stays in front, what stands after a second one last
  std::string secondary_separator{};  // ";;;": tags joined by it move together, and it becomes the separator
  bool wildcards = false;             // {a|b} chooses; a random line of several is used
  double dropout = 0;                 // the share of steps without any caption
  int dropout_every = 0;              // no caption in every n-th epoch; 0: never
  double tag_dropout = 0;             // the share of tags that are left out; kept ones never are
  int warmup_steps = 0;  // over this many steps the number of tags grows from `warmup_from` to all
  int warmup_from = 1;
};

// For comparing rules.
std::string to_text(const CaptionRule& rule);

// Where in the run the caption is used. The same seed gives the same caption.
struct CaptionMoment {
  std::uint64_t seed = 0;
  int step = 0, epoch = 0;
};

// text: the file's contents, UTF-8; one line is used.
std::string caption_for(const std::string& text, const CaptionRule& rule, const CaptionMoment& moment);

// The tags of a caption, trimmed, in order.
std::vector<std::string> split_tags(const std::string& caption, char separator = ',');

}  // namespace dq::train
