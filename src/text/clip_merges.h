#pragma once
// OpenAI's CLIP vocabulary, built into the program by tools/embed_clip_merges.py.
#include <array>
#include <cstddef>
#include <cstdint>

namespace dq::text {

constexpr std::size_t kClipMergeCount = 48'894;

// The ids of the two parts of each merge, best merge first; the merge itself has id 512 + its index.
extern const std::array<std::uint16_t, 2 * kClipMergeCount> kClipMerges;

}  // namespace dq::text
