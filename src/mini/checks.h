#pragma once
// Does the model paint what the prompt says? Measured without people: by the judge, by distances between
// latents, and from pixels. Prompts and seeds are fixed by the options.
#include <functional>
#include <string>
#include <vector>

#include "mini/compose.h"
#include "mini/judge.h"
#include "pipeline/painter.h"

namespace dq::mini {

struct CheckOptions {
  std::string model;  // as Request::model
  int names = 64;     // of the composer's subjects, in the order of training
  int seeds = 2;      // pictures a prompt
  int scenes = 48;    // of each kind of scene
  int steps = 20;
  double guidance = 4;
  std::string sampler = "euler", scheduler = "normal";
  std::function<void(const std::string& check, int done, int all)> on_progress;
};

struct CheckRow {
  std::string name;
  double value = 0;
  int pictures = 0;
};

// "a {name} on a {colour} background" in one language, and what the picture must show for it.
struct Question {
  int subject = 0, colour = 0;  // a concept of the catalogue, a colour of the palette
  std::string prompt;
};

// The first `names` of the composer's subjects, each on a background that it stands out before and that
// training has shown behind it.
std::vector<Question> retrieval_questions(const Composer& composer, int names, bool chinese);

// Number `index` of the endless scenes that are asked for; training has not seen them.
Scene asked_scene(const Composer& composer, std::uint64_t index);

class Checks {
 public:
  // The composer's subjects are those that the model was trained on; the judge has one output for each
  // concept of its catalogue. Throws kInvalidArgument for options out of range and for a judge of another
  // catalogue, and what opening the model throws.
  Checks(Device& device, const Composer& composer, const Judge& judge, CheckOptions options);

  // In which type the denoiser's weights lie in the file: "F16".
  const std::string& stored_as() const { return stored_as_; }

  // The questions in one language: the judge's first and first five among the subjects, the nearest catalogue
  // render in latent space, and the background's colour.
  std::vector<CheckRow> retrieval(bool chinese);
  // What the autoencoder leaves of the catalogue's own pictures: no picture that is painted can be better.
  std::vector<CheckRow> autoencoder();
  // Where one thing lies; the colours of two shapes, and which lies where; how many alike.
  std::vector<CheckRow> scenes();
  // What guidance changes, and what a negative prompt takes away.
  std::vector<CheckRow> guidance();
  // How far seeds of one prompt lie apart, against how far the catalogue's concepts do on the same
  // background. The distance of two pictures is 1 − the cosine of their latents.
  std::vector<CheckRow> diversity();
  // What the judge says of other samplers, and how near they come to DDIM's 100 steps from the same noise:
  // the cosine of the latents.
  std::vector<CheckRow> samplers();
  // The same pictures computed on another device, which is one of bf16: what the judge says of both, and the
  // mean difference of their pixels in levels of 255.
  std::vector<CheckRow> precision(Device& other);

 private:
  struct Found {
    double first = 0, fifth = 0, nearest = 0, background = 0;
    std::vector<media::Image> pictures;
    int count() const { return static_cast<int>(pictures.size()); }
  };
  std::vector<Question> questions(bool chinese, std::size_t most) const;
  pipeline::Request request(const std::string& prompt) const;
  Found ask(pipeline::Painter& painter, const std::vector<Question>& questions, const pipeline::Request& like,
            const std::string& name);
  std::vector<CheckRow> negative();
  int nearest_subject(const media::Image& picture, int colour);
  const std::vector<Tensor>& renders(int colour);
  Tensor latent(const media::Image& picture) const;
  double alike(const media::Image& a, const media::Image& b) const;  // cosine of their latents
  void report(const std::string& check, int done, int all) const;

  Device& device_;
  const Composer& composer_;
  const Judge& judge_;
  CheckOptions options_;
  std::string stored_as_;
  pipeline::Painter painter_;
  std::unique_ptr<models::Vae> vae_;
  std::map<int, std::vector<Tensor>> renders_;  // by colour: latents of all subjects
};

}  // namespace dq::mini
