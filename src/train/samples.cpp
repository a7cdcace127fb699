#include "train/samples.h"

#include <fmt/format.h>

#include <algorithm>

#include "media/codec.h"
#include "pipeline/painter.h"
#include "train/number_signs.h"

namespace dq::train {
namespace {

constexpr int kGap = 4;  // pixels between the pictures of a grid

struct Column {
  std::string head;
  std::vector<media::Image> pictures;
};

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

}  // namespace

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
    if (!source.file.empty() && source.strength != 0)
      r.loras.push_back({source.file.string(), source.strength, ""});
  }
  r.width = r.height = request.resolution;
  r.steps = request.sample_steps;
  r.seed = request.seed;
  r.clip_skip = request.clip_skip;
  pipeline::PainterOptions options;
  options.cancelled = cancelled;
  pipeline::Painter painter(device, options);
  std::vector<media::Image> out;
  for (const std::string& prompt : request.samples) {
    r.prompt = prompt;
    out.push_back(painter.paint(r).images[0]);
  }
  return out;
}

media::Image write_grid(Device& device, const TrainRequest& request, const std::filesystem::path& picture,
                        const std::function<bool()>& cancelled) {
  std::vector<Column> columns{{"0", paint_samples(device, request, {}, cancelled)}};
  const std::vector<double> strengths =
      request.target == Target::kFull ? std::vector<double>{1} : std::vector<double>{0.5, 0.75, 1};
  for (const double strength : strengths) {
    columns.push_back(
        {fmt::format("{}", strength), paint_samples(device, request, {request.output, strength}, cancelled)});
  }
  std::string legend = "columns: strength, 0 is the base; rows:";
  for (const std::string& prompt : request.samples) legend += " " + prompt + ";";
  media::EncodeOptions png;
  png.texts.push_back({"Comment", legend});
  media::write_image(picture, joined(columns), png);
  return columns.back().pictures[0];
}

}  // namespace dq::train
