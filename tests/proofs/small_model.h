#pragma once
// The built-in model, the judge of what it paints, and training runs on it: for tests of meaning.
#include <gtest/gtest.h>

#include <filesystem>
#include <string>
#include <vector>

#include "media/image.h"
#include "mini/compose.h"
#include "mini/judge.h"
#include "pipeline/painter.h"
#include "support/temp_dir.h"
#include "train/trainer.h"

namespace dq::test {

class SmallModel : public testing::Test {
 protected:
  SmallModel();

  const mini::Concept& known(const std::string& en) const;
  static int colour(std::string_view en);

  // As `danqing paint` asks without options: sizes, steps and sampler are the file's own.
  pipeline::Request ask(const std::string& prompt, std::uint64_t seed) const;
  media::Image paint(const pipeline::Request& request);
  // One picture of the prompt a seed, from seed 1 on.
  std::vector<media::Image> paint(pipeline::Request request, int seeds);

  // The judge's mean probability of a concept, among all of its own.
  double probability(const std::vector<media::Image>& pictures, const mini::Concept& of) const;

  // How far the colour channels lie apart, of 255: the mean over all pixels.
  static double colourfulness(const std::vector<media::Image>& pictures);

  // A folder of `count` pictures of one concept on changing backgrounds, captioned "{name} on a {colour}
  // background".
  std::filesystem::path pictures_of(const mini::Concept& subject, const std::string& name, int count);
  train::TrainRequest training(const std::filesystem::path& pictures, const std::string& output) const;
  std::filesystem::path run(const train::TrainRequest& request);

  TempDir folder_;
  std::unique_ptr<Device> device_;
  std::filesystem::path file_;
  mini::Composer composer_;
  mini::Judge judge_;
  pipeline::Painter painter_;
};

}  // namespace dq::test
