#include "train/samples.h"

#include <fmt/format.h>

#include <algorithm>

#include "media/codec.h"
#include "pipeline/painter.h"
#include "text/own_word.h"
#include "train/captions.h"
#include "train/number_signs.h"
#include "train/trigger.h"

namespace dq::train {
namespace {

constexpr int kGap = 4;  // pixels between the pictures of a grid

struct Column {
  std::string head;
  std::vector<media::Image> pictures;
};

// What prompts call the file of an embedding.
std::string name_of(const TrainRequest& request) {
  return std::filesystem::path(request.output).stem().string();
}

// Columns beside one another, each with a number above it.
media::Image joined(const std::vector<Column>& columns) {
  constexpr int kTop = kSignHeight + 2 * kGap;
  constexpr media::Rgb kInk{90, 96, 104};
  int width = kGap, height = kTop;
  for (const Column& column : columns) width += column.pictures[0].width + kGap;
  for (const media::Image& image : columns[0].pictures) height += image.height + kGap;
  media::Image out = media::make_image(width, height, 3, 255);
  int x = kGap;
  for (const Column& column : columns) {
    write_number(out, {x, kGap}, column.head, kInk);
    int y = kTop;
    for (const media::Image& image : column.pictures) {
      for (int row = 0; row < image.height; ++row)
        std::copy_n(image.row(row), image.row_bytes(), out.row(y + row) + 3 * x);
      y += image.height + kGap;
    }
    x += column.pictures[0].width + kGap;
  }
  return out;
}

// A prompt with `by` where the trigger of an embedding stands, or where its file is called already.
std::string with_other_words(const std::string& prompt, const TrainRequest& request, const std::string& by) {
  const std::string call = "embedding:" + name_of(request);
  return text::replace_word(text::replace_word(prompt, call, request.trigger), request.trigger, by);
}

}  // namespace

std::string sample_prompt(const TrainRequest& request, const Dataset& data) {
  if (request.target == Target::kEmbedding) {
    const Subject subject = request.embedding.style ? Subject::kStyle : Subject::kThing;
    return neutral_caption(request.trigger, subject, 0);
  }
  return request.trigger.empty() ? caption_for(data.pictures[0].caption, {}, {}) : request.trigger;
}

std::vector<media::Image> paint_samples(Device& device, const TrainRequest& request,
                                        const SampleSource& source, const std::function<bool()>& cancelled) {
  pipeline::Request r;
  r.model = request.base;
  if (!source.file.empty() && request.target == Target::kFull) {
    r.model = source.file.string();
  } else {
    r.prediction = request.prediction;
    r.zero_terminal_snr = request.zero_terminal_snr;
    r.vae = request.vae;
    r.text_encoder = request.text_encoder;
    if (request.target == Target::kLora && !source.file.empty() && source.strength != 0)
      r.loras.push_back({source.file.string(), source.strength, ""});
    if (request.target == Target::kControlNet && !source.file.empty()) {
      r.controls.push_back({.file = source.file.string(),
                            .image = request.sample_control,
                            .strength = source.strength,
                            .sha256 = {},
                            .image_sha256 = {}});
    }
  }
  r.width = r.height = request.resolution;
  r.steps = request.sample_steps;
  r.seed = request.seed;
  r.clip_skip = request.clip_skip;
  pipeline::PainterOptions options;
  options.cancelled = cancelled;
  const bool embedding = request.target == Target::kEmbedding;
  std::string word = request.embedding.initial;
  if (embedding && !source.file.empty()) {
    options.embeddings[name_of(request)] = source.file;
    word = " embedding:" + name_of(request) + " ";  // between blanks, or it would not be found
  }
  pipeline::Painter painter(device, options);
  std::vector<media::Image> out;
  for (const std::string& prompt : request.samples) {
    r.prompt = embedding ? with_other_words(prompt, request, word) : prompt;
    out.push_back(painter.paint(r).images[0]);
  }
  return out;
}

media::Image write_grid(Device& device, const TrainRequest& request, const std::filesystem::path& picture,
                        const std::function<bool()>& cancelled) {
  std::vector<Column> columns{{"0", paint_samples(device, request, {}, cancelled)}};
  const bool has_strength = request.target == Target::kLora || request.target == Target::kControlNet;
  const std::vector<double> strengths =
      has_strength ? std::vector<double>{0.5, 0.75, 1} : std::vector<double>{1};
  for (const double strength : strengths) {
    columns.push_back(
        {fmt::format("{}", strength), paint_samples(device, request, {request.output, strength}, cancelled)});
  }
  std::string legend = "columns: strength, 0 is the base; rows:";
  for (const std::string& prompt : request.samples) legend += " " + prompt + ";";
  if (request.target == Target::kEmbedding)
    legend += fmt::format(" the base paints “{}” for {}", request.embedding.initial, request.trigger);
  media::EncodeOptions png;
  png.texts.push_back({"Comment", legend});
  media::write_image(picture, joined(columns), png);
  return columns.back().pictures[0];
}

}  // namespace dq::train
