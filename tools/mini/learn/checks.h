#pragma once
// Does the model paint what the prompt says? Measured without people: by the judge, by distances between
// latents, and from pixels. Prompts and seeds are fixed by the options.
#include <functional>
#include <string>
#include <vector>

#include "mini/compose.h"
#include "mini/learn/judge.h"
#include "pipeline/painter.h"

namespace dq::mini {

struct CheckOptions {
  std::string model;
  int names = 64;   // of the composer's subjects, in the order of training
  int seeds = 2;    // pictures a prompt
  int scenes = 48;  // of each kind of scene
  int steps = 20;
  double guidance = 4;
  std::string sampler = "dpmpp_2m", scheduler = "karras";
  std::function<void(const std::string& check, int done, int all)> on_progress;
};

struct CheckRow {
  std::string name;
  double value = 0;
  int pictures = 0;
};

class Checks {
 public:
  // The composer's subjects are those that the model was trained on.
  Checks(Device& device, const Composer& composer, const Judge& judge, CheckOptions options);

  // "{name} on a {colour} background" in one language: the judge's first and first five among the subjects,
  // the nearest catalogue render in latent space, and the background's colour.
  std::vector<CheckRow> retrieval(bool chinese);
  // Where one thing lies; the colours of two shapes, and which lies where; how many alike.
  std::vector<CheckRow> scenes();
  // What guidance changes, whether seeds differ, and whether samplers agree.
  std::vector<CheckRow> sampling();

 private:
  struct Asked {
    int subject = 0, colour = 0;
    std::string prompt;
  };
  struct Found {
    double first = 0, fifth = 0, nearest = 0, background = 0;
    int pictures = 0;
  };
  std::vector<Asked> questions(bool chinese) const;
  pipeline::Request request(const std::string& prompt) const;
  std::vector<media::Image> paint(const pipeline::Request& request);
  Found ask(const std::vector<Asked>& questions, const pipeline::Request& like, const std::string& name);
  int nearest_subject(const media::Image& picture, int colour);
  const std::vector<Tensor>& renders(int colour);
  Tensor latent(const media::Image& picture) const;
  void report(const std::string& check, int done, int all) const;

  Device& device_;
  const Composer& composer_;
  const Judge& judge_;
  CheckOptions options_;
  pipeline::Painter painter_;
  std::unique_ptr<models::Vae> vae_;
  std::map<int, std::vector<Tensor>> renders_;  // by colour: latents of all subjects
};

}  // namespace dq::mini
