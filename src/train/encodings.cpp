#include "train/encodings.h"

#include <fmt/format.h>

#include <algorithm>
#include <limits>

#include "base/error.h"
#include "base/sha256.h"
#include "media/codec.h"
#include "media/resize.h"
#include "ops/elementwise.h"
#include "pipeline/hash_cache.h"
#include "pipeline/vae_tiling.h"

namespace dq::train {
namespace {

constexpr std::size_t kMostCaptions = 512;

media::Image mirrored(media::Image image) {
  for (int y = 0; y < image.height; ++y) {
    std::uint8_t* row = image.row(y);
    for (int x = 0; x < image.width / 2; ++x) {
      std::swap_ranges(row + x * image.channels, row + (x + 1) * image.channels,
                       row + (image.width - 1 - x) * image.channels);
    }
  }
  return image;
}

// Of the cut, in the scaled picture.
struct Corner {
  int x = 0, y = 0;
  bool operator==(const Corner&) const = default;
};

Corner corner(const Placement& p) {
  return {static_cast<int>((p.scaled.width - p.bucket.width) * p.across),
          static_cast<int>((p.scaled.height - p.bucket.height) * p.down)};
}

std::string name_of(const Placement& p, bool flipped) {
  const Corner middle = corner({p.scaled, p.bucket}), cut = corner(p);
  return fmt::format("{}x{} in {}x{}{}{}", p.bucket.width, p.bucket.height, p.scaled.width, p.scaled.height,
                     cut == middle ? "" : fmt::format(" from {} {}", cut.x, cut.y),
                     flipped ? " flipped" : "");
}

}  // namespace

std::string base_identity(const std::string& path) {
  namespace fs = std::filesystem;
  if (fs::is_regular_file(path)) {
    return pipeline::HashCache(pipeline::HashCache::default_file()).compute(path, [] { return false; });
  }
  std::string list;
  for (const fs::directory_entry& entry : fs::recursive_directory_iterator(path)) {
    if (!entry.is_regular_file()) continue;
    list += fmt::format("{} {} {}\n", entry.path().string(), entry.file_size(),
                        entry.last_write_time().time_since_epoch().count());
  }
  return sha256_hex(std::as_bytes(std::span(list)));
}

media::Image placed(const media::Image& image, const Placement& p, bool flipped) {
  const bool smaller = p.scaled.width < image.width || p.scaled.height < image.height;
  const media::ResizeFilter filter = smaller ? media::ResizeFilter::kArea : media::ResizeFilter::kLanczos;
  media::Image scaled = image;
  if (p.scaled != Size{image.width, image.height}) {
    scaled = media::resize(image, p.scaled.width, p.scaled.height, filter);
  }
  const Corner from = corner(p);
  scaled = media::crop(scaled, from.x, from.y, p.bucket.width, p.bucket.height);
  return flipped ? mirrored(std::move(scaled)) : scaled;
}

Encodings::Encodings(const pipeline::OpenModel& model, Device& device, ContentCache cache,
                     EncodingOptions options)
    : model_(model), device_(device), cache_(std::move(cache)), options_(std::move(options)) {}

Encodings::~Encodings() = default;

const models::Vae& Encodings::vae() {
  if (!vae_) vae_ = model_.family->load_vae(model_.files, device_);
  return *vae_;
}

const models::TextEncoder& Encodings::text_encoder() {
  if (!text_encoder_) text_encoder_ = model_.family->load_text_encoder(model_.files, device_);
  return *text_encoder_;
}

void Encodings::release() {
  vae_.reset();
  text_encoder_.reset();
  device_.trim();
}

Tensor Encodings::latent(const TrainingPicture& picture, const Placement& place, bool flipped) {
  const std::string key = fmt::format("latent of {} as {} by the VAE of {}", picture.sha256,
                                      name_of(place, flipped), options_.vae_id);
  const auto known = latents_.find(key);
  if (known != latents_.end()) return known->second;
  const Tensor latent = cache_.get(key, device_, [&] {
    const media::Image image = placed(media::flatten(media::read_image(picture.file)), place, flipped);
    const models::LatentFormat format = model_.family->latent_format();
    const std::int64_t budget =
        options_.memory > 0 ? options_.memory : std::numeric_limits<std::int64_t>::max();
    const Tensor z =
        pipeline::encode_within(vae(), media::to_tensor(device_, image), format.downscale, budget);
    const Tensor shift = Tensor::full(device_, z.shape(), format.shift);
    return ops::combine(
        {{static_cast<double>(format.scale), &z}, {static_cast<double>(-format.scale), &shift}});
  });
  return latents_.emplace(key, latent).first->second;
}

Tensor Encodings::mask(const TrainingPicture& picture, const Placement& place, bool flipped) {
  if (picture.mask.empty()) return {};
  const std::string key = picture.mask.string() + " as " + name_of(place, flipped);
  const auto known = masks_.find(key);
  if (known != masks_.end()) return known->second;
  const media::Image whole = media::to_gray(media::flatten(media::read_image(picture.mask)));
  if (Size{whole.width, whole.height} != picture.size) {
    throw Error(ErrorCode::kBadFile, fmt::format("the mask is {}×{}, its picture {}×{}", whole.width,
                                                 whole.height, picture.size.width, picture.size.height))
        .in(picture.mask.string())
        .hint("A mask has the size of its picture.");
  }
  const int cell = model_.family->latent_format().downscale;
  const media::Image small = media::resize(placed(whole, place, flipped), place.bucket.width / cell,
                                           place.bucket.height / cell, media::ResizeFilter::kArea);
  Tensor out = Tensor::empty(device_, DType::kF32, {1, 1, small.height, small.width});
  for (std::size_t i = 0; i < small.pixels.size(); ++i) {
    out.data<float>()[i] = static_cast<float>(small.pixels[i]) / 255.0f;
  }
  return masks_.emplace(key, out).first->second;
}

// Read anew each time: as numbers they are too large to be kept.
Tensor Encodings::control(const TrainingPicture& picture, const Placement& place, bool flipped) {
  media::Image image = media::flatten(media::read_image(picture.control), {0, 0, 0});
  if (Size{image.width, image.height} != picture.size)
    image = media::resize(image, picture.size.width, picture.size.height, media::ResizeFilter::kLanczos);
  return media::to_levels(device_, placed(image, place, flipped));
}

models::Conditioning Encodings::caption(const std::string& text) {
  const auto known = captions_.find(text);
  if (known != captions_.end()) return known->second;
  const std::string key =
      fmt::format("caption {} at {} by the text encoder of {}", text, options_.clip_skip, options_.text_id);
  std::optional<models::Conditioning> fresh;
  const auto encode = [&]() -> const models::Conditioning& {
    if (!fresh) fresh = text_encoder().captions(std::span(&text, 1), options_.clip_skip);
    return *fresh;
  };
  models::Conditioning made;
  made.context = cache_.get("context of " + key, device_, [&] { return encode().context; });
  // Nothing pooled is kept as a tensor without numbers.
  made.pooled = cache_.get("pooled of " + key, device_, [&] {
    const Tensor& pooled = encode().pooled;
    return pooled.defined() ? pooled : Tensor::empty(device_, DType::kF32, {0});
  });
  if (made.pooled.count() == 0) made.pooled = {};
  if (captions_.size() == kMostCaptions) captions_.clear();
  return captions_.emplace(text, std::move(made)).first->second;
}

}  // namespace dq::train
