#pragma once
// Request → pictures. Holds what is loaded, so that the next picture with the same model starts at once.
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "base/log.h"
#include "media/image.h"
#include "pipeline/request.h"

namespace dq::pipeline {

enum class Stage : std::uint8_t { kReading, kEncodingText, kEncodingImage, kLoading, kSampling, kDecoding };
std::string_view to_string(Stage stage);  // "loading the model"

struct Progress {
  Stage stage{};
  int step = 0, steps = 0;      // kSampling: steps done and to do, over both passes
  double seconds_per_step = 0;  // of the last steps; 0 while unknown
  Tensor preview;               // kSampling, when previews were asked for: [1, h, w, 3] in [−1, 1]
};

struct PainterOptions {
  std::int64_t memory = 0;        // bytes that weights and activations may take; 0: most of what is free
  std::string embeddings_folder;  // besides those beside the model
  std::map<std::string, std::filesystem::path>
      embeddings;  // files by the names that prompts call them, first
  bool previews = false;
  bool keep_denoiser = true;  // false: let it go before the picture is developed, when no other one follows
  std::function<void(const Progress&)> on_progress;
  // Asked before every stage and step, and many times within: loading, encoding and developing are stopped as
  // well. True ends with kCancelled. May be asked from any thread.
  std::function<bool()> cancelled;
  Log log;
};

struct Painting {
  std::vector<media::Image> images;  // `batch` of them
  Request request;                   // resolved: with every default filled in
};

class Painter {
 public:
  Painter(Device& device, PainterOptions options);
  ~Painter();

  // Throws what opening, detecting and loading throw; kInvalidArgument for settings out of range; kCancelled.
  Painting paint(const Request& request);

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace dq::pipeline
