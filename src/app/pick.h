#pragma once
// Options that are one of a few words.
#include <fmt/format.h>

#include <initializer_list>
#include <optional>
#include <string>
#include <utility>

#include "base/error.h"
#include "models/family.h"
#include "ops/devices.h"

namespace dq::app {

// The choice that `value` names; throws kInvalidArgument with all names for another word.
template <class T>
T pick(const char* option, const std::string& value,
       std::initializer_list<std::pair<const char*, T>> choices) {
  std::string known;
  for (const auto& [name, result] : choices) {
    if (value == name) return result;
    known += (known.empty() ? "" : ", ") + std::string(name);
  }
  throw Error(ErrorCode::kInvalidArgument, fmt::format("{} knows no {}", option, printable(value)))
      .hint("There are " + known);
}

// --prediction, the same for painting and training: "auto" is what the file tells.
inline void pick_prediction(const std::string& value, std::optional<models::Prediction>& prediction,
                            bool& zero_terminal_snr) {
  prediction = pick<std::optional<models::Prediction>>("--prediction", value,
                                                       {{"auto", std::nullopt},
                                                        {"eps", models::Prediction::kEps},
                                                        {"v", models::Prediction::kV},
                                                        {"v-zsnr", models::Prediction::kV}});
  zero_terminal_snr = value == "v-zsnr";
}

// --precision: bf16 where the processor multiplies it natively; elsewhere it would only cost accuracy.
inline Precision pick_precision(const std::string& value) {
  const bool native = ops::multiplies_bf16(ops::best_isa());
  return pick<Precision>("--precision", value,
                         {{"auto", native ? Precision::kBF16 : Precision::kF32},
                          {"f32", Precision::kF32},
                          {"bf16", Precision::kBF16}});
}

}  // namespace dq::app
