#include "proofs/small_model.h"

#include <fstream>

#include "media/codec.h"
#include "mini/names.h"
#include "mini/palette.h"
#include "ops/devices.h"

namespace dq::test {
namespace {

namespace fs = std::filesystem;

fs::path share() {
  return fs::path(DQ_SOURCE_DIR) / "share/mini";
}

}  // namespace

SmallModel::SmallModel()
    : device_(ops::make_cpu_device()),
      file_(share() / "danqing-mini.safetensors"),
      composer_(mini::open_composer(share(), 1, 0)),
      judge_(weights::open_table(share() / "judge.safetensors"), *device_),
      painter_(*device_, {}) {}

const mini::Concept& SmallModel::known(const std::string& en) const {
  const mini::Concept* found = composer_.catalogue().find(en);
  if (!found) throw std::runtime_error("the catalogue has no " + en);
  return *found;
}

int SmallModel::colour(std::string_view en) {
  const auto& all = mini::palette();
  for (int i = 0; i < mini::kColours; ++i) {
    if (all[static_cast<std::size_t>(i)].en == en) return i;
  }
  throw std::runtime_error("no such colour");
}

pipeline::Request SmallModel::ask(const std::string& prompt, std::uint64_t seed) const {
  pipeline::Request request;
  request.model = file_.string();
  request.prompt = prompt;
  request.seed = seed;
  return request;
}

media::Image SmallModel::paint(const pipeline::Request& request) {
  return painter_.paint(request).images[0];
}

std::vector<media::Image> SmallModel::paint(pipeline::Request request, int seeds) {
  std::vector<media::Image> out;
  for (int i = 1; i <= seeds; ++i) {
    request.seed = static_cast<std::uint64_t>(i);
    out.push_back(paint(request));
  }
  return out;
}

double SmallModel::probability(const std::vector<media::Image>& pictures, const mini::Concept& of) const {
  double sum = 0;
  for (const auto& all : judge_.probabilities(pictures)) sum += all[static_cast<std::size_t>(of.id)];
  return sum / static_cast<double>(pictures.size());
}

double SmallModel::colourfulness(const std::vector<media::Image>& pictures) {
  double sum = 0, count = 0;
  for (const media::Image& picture : pictures) {
    for (std::size_t i = 0; i < picture.pixels.size(); i += 3) {
      const auto [low, high] = std::minmax({picture.pixels[i], picture.pixels[i + 1], picture.pixels[i + 2]});
      sum += high - low;
      ++count;
    }
  }
  return sum / count;
}

fs::path SmallModel::pictures_of(const mini::Concept& subject, const std::string& name, int count) {
  const fs::path folder = folder_.path() / ("pictures of " + name);
  fs::create_directories(folder);
  int made = 0;
  for (int background = 0; made < count; background = (background + 5) % mini::kColours) {
    if (!composer_.is_visible(subject.id, background)) continue;
    const mini::Scene scene = composer_.plain_emoji(subject.id, background, 66 + 5 * (made % 4));
    const std::string stem = std::to_string(made++);
    media::write_image(folder / (stem + ".png"), composer_.render(scene));
    std::ofstream(folder / (stem + ".txt"))
        << mini::on_background(name, mini::palette()[static_cast<std::size_t>(background)].en);
  }
  return folder;
}

train::TrainRequest SmallModel::training(const fs::path& pictures, const std::string& output) const {
  train::TrainRequest request;
  request.base = file_.string();
  request.folder = pictures.string();
  request.output = (folder_.path() / output).string();
  request.seed = 1;
  request.paint_samples = false;
  request.checkpointing = train::Checkpointing::kNever;
  request.save_every = 100000;
  request.keep_every = 0;
  return request;
}

fs::path SmallModel::run(const train::TrainRequest& request) {
  train::TrainerOptions options;
  options.cache = folder_.path() / "cache";
  return train::train(*device_, request, options).file;
}

}  // namespace dq::test
