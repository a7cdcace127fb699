#pragma once
// What a denoiser is trained on: latents of pictures and encodings of captions, made once and kept.
#include <map>
#include <memory>
#include <optional>
#include <string>

#include "media/image.h"
#include "pipeline/model_files.h"
#include "train/buckets.h"
#include "train/content_cache.h"
#include "train/dataset.h"

namespace dq::train {

// The numbers of a base, as far as they decide what is encoded: a file's sha256, or a digest of a folder's
// names, sizes and times.
std::string base_identity(const std::string& path);

struct EncodingOptions {
  std::string vae_id, text_id;  // base_identity of the file that holds it
  std::int64_t memory = 0;      // bytes for the VAE's activations; 0: no bound
  int clip_skip = 1;
};

class Encodings {
 public:
  Encodings(const pipeline::OpenModel& model, Device& device, ContentCache cache, EncodingOptions options);
  ~Encodings();

  // [1, C, h, w] in model space. The picture is scaled to cover its bucket and cut. Throws kBadFile.
  Tensor latent(const TrainingPicture& picture, const Placement& place, bool flipped);
  // White counts: [1, 1, h, w] in [0, 1], shrunk by area; undefined without a mask.
  Tensor mask(const TrainingPicture& picture, const Placement& place, bool flipped);
  // The control picture, as the latent is of the picture: [1, H, W, 3] in [0, 1], on black.
  Tensor control(const TrainingPicture& picture, const Placement& place, bool flipped);
  // The text encoder's answer to a caption.
  models::Conditioning caption(const std::string& text);

  // Lets go of the VAE and the text encoder; they come back when something new is asked.
  void release();

 private:
  const models::Vae& vae();
  const models::TextEncoder& text_encoder();

  const pipeline::OpenModel& model_;
  Device& device_;
  ContentCache cache_;
  EncodingOptions options_;
  std::unique_ptr<models::Vae> vae_;
  std::unique_ptr<models::TextEncoder> text_encoder_;
  // What was asked before. A step asks for a few of these; none of them is large, but shuffled captions are
  // without number: of those only the last are kept here.
  std::map<std::string, Tensor> latents_, masks_;
  std::map<std::string, models::Conditioning> captions_;
};

// The part of an upright picture that its placement keeps, at the bucket's size.
media::Image placed(const media::Image& image, const Placement& place, bool flipped);

}  // namespace dq::train
