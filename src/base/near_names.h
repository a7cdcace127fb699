#pragma once
// "Did you mean …?": the names that a mistyped word may have meant.
#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace dq {

// Up to `most` candidates near to `word`, nearest first, of equals in their order. Near means: equal but for
// case and for " ", "-", "_", "+", "."; or few slips of the pen apart (insert, delete, replace, swap: Damerau
// 1964); or one begins with the other. Bytes are compared, ASCII case is ignored; only the first 64 bytes
// count.
std::vector<std::string> near_names(std::string_view word, std::span<const std::string> candidates,
                                    std::size_t most = 3);

// "Did you mean euler, euler_ancestral or heun?"; empty when there are no names.
std::string did_you_mean(std::span<const std::string> names);

}  // namespace dq
