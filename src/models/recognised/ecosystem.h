#pragma once
// What is known about one ecosystem: how its files look, what belongs to it, what people mix it up with. One
// small file an ecosystem fills one Ecosystem; ecosystems.cpp lists them. Adding a kind of file is adding a
// row.
#include <span>
#include <string_view>

#include "models/recognise.h"
#include "models/recognised/names.h"

namespace dq::models::recognised {

// One kind of file. `needs` is in the language of names.h.
struct Signature {
  Role role = Role::kUnknown;
  std::string_view variant;
  std::string_view needs;
  std::string_view note = {};  // what names and shapes cannot tell
};

// A mark that changes what a recognised denoiser is: a variant, a prediction type. The first that holds
// counts.
struct Mark {
  std::string_view needs;       // asked of the whole file
  std::string_view variant;     // added to the variant
  std::string_view prediction;  // replaces it, with certainty; empty: leaves it
};

struct Ecosystem {
  std::string_view id, title;
  std::string_view prediction;      // of the plain model: "eps", "v", "flow", "edm"
  bool prediction_certain = false;  // false: files of the same shape exist that predict otherwise
  std::string_view
      shape_note;  // what tells it from its relatives: "a U-Net that reads 768 numbers a text token"
  std::string_view companions;                  // what a denoiser alone needs beside it
  std::string_view diffusers;                   // conditions: the denoiser has diffusers' names
  std::span<const std::string_view> relatives;  // ids that people mix it up with
  std::span<const Signature> denoisers;         // of a denoiser's names (U-Nets: in the original names)
  std::span<const Signature> add_ons;           // of a whole file: ControlNets, IP-Adapters …
  std::span<const Signature> adapters;  // of an adapter's module names, "." as "_", shapes [out, in, …]
  std::span<const Mark> marks = {};
  // Looks into a tensor where names and shapes do not settle the prediction type. May be null.
  void (*measure)(const weights::TensorTable& denoiser, Recognition& found) = nullptr;
};

// One a file.
extern const Ecosystem kAnima, kAuraFlow, kChroma, kCogVideoX, kCosmos, kFlux1, kFlux2, kHiDream, kHunyuanDit,
    kHunyuanImage, kHunyuanVideo, kKolors, kLtx, kLumina2, kMochi, kOmniGen2, kPixArt, kQwenImage, kSana,
    kSd1, kSd2, kSd3, kSdxl, kStableCascade, kSvd, kWan, kZImage;

// In the order in which they are asked.
std::span<const Ecosystem* const> ecosystems();
const Ecosystem* find_ecosystem(std::string_view id);  // null when there is none

// A kind of file or part that several ecosystems share.
struct SharedKind {
  Role role = Role::kUnknown;
  std::string_view title;   // "T5-XXL text encoder"
  std::string_view serves;  // ecosystem ids, by spaces; empty: any pictures
  std::string_view needs;
  std::string_view note = {};
};
std::span<const SharedKind> shared_vaes();
std::span<const SharedKind> shared_text_encoders();
std::span<const SharedKind> shared_image_encoders();
std::span<const SharedKind> picture_tools();  // upscalers, preprocessors, restorers

}  // namespace dq::models::recognised
