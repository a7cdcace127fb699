#include "mini/learn/checks.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "mini/captions.h"
#include "mini/measures.h"
#include "pipeline/model_files.h"

namespace dq::mini {
namespace {

constexpr std::uint64_t kSceneSeed = 1u << 30;  // far from the training pictures
constexpr std::uint64_t kFirstSeed = 1000;

double cosine(const float* a, const float* b, std::int64_t count) {
  double ab = 0, aa = 0, bb = 0;
  for (std::int64_t i = 0; i < count; ++i) {
    ab += static_cast<double>(a[i]) * static_cast<double>(b[i]);
    aa += static_cast<double>(a[i]) * static_cast<double>(a[i]);
    bb += static_cast<double>(b[i]) * static_cast<double>(b[i]);
  }
  return ab / std::sqrt(aa * bb + 1e-12);
}

// [1, C, h, w] moved by whole cells; what comes in repeats the edge.
Tensor moved(const Tensor& z, int dx, int dy) {
  Tensor out = Tensor::empty(z.device(), DType::kF32, z.shape());
  const std::int64_t h = z.dim(2), w = z.dim(3);
  for (std::int64_t c = 0; c < z.dim(1); ++c) {
    for (std::int64_t y = 0; y < h; ++y) {
      for (std::int64_t x = 0; x < w; ++x) {
        const std::int64_t from_y = std::clamp<std::int64_t>(y - dy, 0, h - 1),
                           from_x = std::clamp<std::int64_t>(x - dx, 0, w - 1);
        out.data<float>()[(c * h + y) * w + x] = z.data<float>()[(c * h + from_y) * w + from_x];
      }
    }
  }
  return out;
}

}  // namespace

Checks::Checks(Device& device, const Composer& composer, const Judge& judge, CheckOptions options)
    : device_(device),
      composer_(composer),
      judge_(judge),
      options_(std::move(options)),
      painter_(device, {}) {
  pipeline::Request files;
  files.model = options_.model;
  const pipeline::OpenModel model = pipeline::open_model(files);
  vae_ = model.family->load_vae(model.files, device);
}

void Checks::report(const std::string& check, int done, int all) const {
  if (options_.on_progress) options_.on_progress(check, done, all);
}

pipeline::Request Checks::request(const std::string& prompt) const {
  pipeline::Request out;
  out.model = options_.model;
  out.prompt = prompt;
  out.width = out.height = kCanvas;
  out.steps = options_.steps;
  out.guidance = options_.guidance;
  out.sampler = options_.sampler;
  out.scheduler = options_.scheduler;
  out.seed = kFirstSeed;
  out.batch = options_.seeds;
  return out;
}

std::vector<media::Image> Checks::paint(const pipeline::Request& request) {
  return painter_.paint(request).images;
}

Tensor Checks::latent(const media::Image& picture) const {
  return vae_->encode(media::to_tensor(device_, picture));
}

const std::vector<Tensor>& Checks::renders(int colour) {
  std::vector<Tensor>& all = renders_[colour];
  if (all.empty()) {
    for (const int subject : composer_.subjects())
      all.push_back(latent(composer_.render(composer_.plain_emoji(subject, colour))));
  }
  return all;
}

// The subject whose picture on this colour lies nearest, at the best of nine places.
int Checks::nearest_subject(const media::Image& picture, int colour) {
  const Tensor z = latent(picture);
  std::vector<Tensor> places;
  for (int dy = -1; dy <= 1; ++dy) {
    for (int dx = -1; dx <= 1; ++dx) places.push_back(moved(z, dx, dy));
  }
  const std::vector<Tensor>& all = renders(colour);
  int best = -1;
  double most = -2;
  for (std::size_t i = 0; i < all.size(); ++i) {
    for (const Tensor& place : places) {
      const double near = cosine(place.data<float>(), all[i].data<float>(), z.count());
      if (near > most) {
        most = near;
        best = composer_.subjects()[i];
      }
    }
  }
  return best;
}

// Every subject on one background, each another one, that it stands out before.
std::vector<Checks::Asked> Checks::questions(bool chinese) const {
  std::vector<Asked> out;
  const auto count =
      std::min<std::size_t>(static_cast<std::size_t>(options_.names), composer_.subjects().size());
  for (std::size_t i = 0; i < count; ++i) {
    const int subject = composer_.subjects()[i];
    int colour = static_cast<int>((5 * i + 1) % kColours);
    while (!composer_.is_visible(subject, colour) || composer_.holdout().has_pair(colour, subject))
      colour = (colour + 1) % kColours;
    const Concept& c = composer_.catalogue().concepts[static_cast<std::size_t>(subject)];
    const NamedColour& named = palette()[static_cast<std::size_t>(colour)];
    out.push_back({subject, colour,
                   chinese ? fmt::format("{}背景上的{}", named.zh, c.zh)
                           : fmt::format("{} on a {} background", c.en, named.en)});
  }
  return out;
}

Checks::Found Checks::ask(const std::vector<Asked>& questions, const pipeline::Request& like,
                          const std::string& name) {
  Found out;
  int done = 0;
  for (const Asked& q : questions) {
    pipeline::Request r = like;
    r.prompt = q.prompt;
    for (const media::Image& picture : paint(r)) {
      const Verdict verdict = judge_.verdict(picture, q.subject, composer_.subjects());
      out.first += verdict.first;
      out.fifth += verdict.fifth;
      out.nearest += nearest_subject(picture, q.colour) == q.subject;
      out.background += background_colour(picture) == q.colour;
      ++out.pictures;
    }
    report(name, ++done, static_cast<int>(questions.size()));
  }
  for (double* share : {&out.first, &out.fifth, &out.nearest, &out.background}) *share /= out.pictures;
  return out;
}

std::vector<CheckRow> Checks::retrieval(bool chinese) {
  const std::string language = chinese ? "Chinese" : "English";
  const Found f = ask(questions(chinese), request(""), "retrieval, " + language);
  return {{"retrieval by the judge, " + language + ", first", f.first, f.pictures},
          {"retrieval by the judge, " + language + ", first five", f.fifth, f.pictures},
          {"retrieval by latent distance, " + language, f.nearest, f.pictures},
          {"background colour, " + language, f.background, f.pictures}};
}

std::vector<CheckRow> Checks::scenes() {
  CheckRow position{"position of one thing", 0, 0}, binding{"colours of two shapes in their places", 0, 0},
      counting{"number of shapes alike", 0, 0};
  const auto full = [&](const CheckRow& row) { return row.pictures >= options_.scenes; };
  for (std::uint64_t index = kSceneSeed; !full(position) || !full(binding) || !full(counting); ++index) {
    const Scene scene = composer_.plan(index);
    const std::size_t things = scene.things.size();
    const bool shapes = scene.kind == SceneKind::kShapes;
    const bool placed = scene.kind == SceneKind::kPlacedEmoji && !full(position);
    const bool pair = shapes && things == 2 && scene.relation != Relation::kNone && !full(binding) &&
                      scene.things[0].colour != scene.things[1].colour;
    bool alike = shapes && scene.relation == Relation::kNone && !full(counting);
    for (const Thing& t : scene.things)
      alike &= t.shape == scene.things[0].shape && t.colour == scene.things[0].colour;
    if (!placed && !pair && !alike) continue;
    pipeline::Request r = request(scene.en);
    r.batch = 1;
    const media::Image picture = paint(r)[0];
    const Mask mask = foreground(picture, border_mean(picture), 48);
    if (placed) {
      position.value += cell_of(centroid(mask), kCanvas, kCanvas) == scene.things[0].cell;
      ++position.pictures;
    }
    const std::vector<Component> parts = components(picture, mask, 60);
    if (pair) {
      const bool beside = scene.relation == Relation::kLeftOf;
      bool right = parts.size() >= 2;
      if (right) {
        const bool in_order =
            beside ? parts[0].centroid.x < parts[1].centroid.x : parts[0].centroid.y < parts[1].centroid.y;
        const Component &first = parts[in_order ? 0 : 1], &second = parts[in_order ? 1 : 0];
        right = nearest_colour(first.colour) == scene.things[0].colour &&
                nearest_colour(second.colour) == scene.things[1].colour;
      }
      binding.value += right;
      ++binding.pictures;
    }
    if (alike) {
      counting.value += parts.size() == things;
      ++counting.pictures;
    }
    report("scenes", position.pictures + binding.pictures + counting.pictures, 3 * options_.scenes);
  }
  for (CheckRow* row : {&position, &binding, &counting}) row->value /= row->pictures;
  return {position, binding, counting};
}

std::vector<CheckRow> Checks::sampling() {
  std::vector<Asked> few = questions(false);
  few.resize(std::min<std::size_t>(few.size(), 32));
  pipeline::Request r = request("");
  r.batch = 1;
  const Found guided = ask(few, r, "guidance");
  pipeline::Request bare = r;
  bare.guidance = 1;
  const Found unguided = ask(few, bare, "no guidance");
  std::vector<CheckRow> out{{"first by the judge with guidance less that without",
                             guided.first - unguided.first, guided.pictures + unguided.pictures}};
  const auto with = [&](const char* sampler, const char* scheduler, int steps) {
    pipeline::Request other = r;
    other.sampler = sampler;
    other.scheduler = scheduler;
    other.steps = steps;
    const Found f = ask(few, other, sampler);
    out.push_back({fmt::format("first by the judge, {} {} steps", sampler, steps), f.first, f.pictures});
  };
  with("ddim", "ddim_uniform", 100);
  for (const char* sampler : {"euler", "dpmpp_2m", "uni_pc"}) with(sampler, "normal", 20);
  with("ddim", "ddim_uniform", 20);
  return out;
}

}  // namespace dq::mini
