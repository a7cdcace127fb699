#include "mini/checks.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>

#include "base/check_range.h"
#include "base/median.h"
#include "mini/captions.h"
#include "mini/measures.h"
#include "mini/names.h"
#include "mini/palette.h"
#include "pipeline/model_files.h"

namespace dq::mini {
namespace {

constexpr std::uint64_t kSceneSeed = 1u << 30;  // far from the training pictures
constexpr std::uint64_t kFirstSeed = 1000;
constexpr int kMost = 100'000;    // names, scenes
constexpr std::size_t kFew = 32;  // questions of the slower checks
constexpr std::size_t kVeryFew = 8, kMany = 128;

double cosine(const float* a, const float* b, std::int64_t count) {
  double ab = 0, aa = 0, bb = 0;
  for (std::int64_t i = 0; i < count; ++i) {
    ab += static_cast<double>(a[i]) * static_cast<double>(b[i]);
    aa += static_cast<double>(a[i]) * static_cast<double>(a[i]);
    bb += static_cast<double>(b[i]) * static_cast<double>(b[i]);
  }
  return ab / std::sqrt(aa * bb + 1e-12);
}

double cosine(const Tensor& a, const Tensor& b) {
  return cosine(a.data<float>(), b.data<float>(), a.count());
}

// 1 − cosine of every pair.
void append_distances(const std::vector<Tensor>& latents, std::vector<double>& out) {
  for (std::size_t i = 0; i < latents.size(); ++i) {
    for (std::size_t j = 0; j < i; ++j) out.push_back(1 - cosine(latents[i], latents[j]));
  }
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

std::vector<Question> retrieval_questions(const Composer& composer, int names, bool chinese) {
  std::vector<Question> out;
  const auto count = std::min<std::size_t>(static_cast<std::size_t>(names), composer.subjects().size());
  for (std::size_t i = 0; i < count; ++i) {
    const int subject = composer.subjects()[i];
    // One after the other, from one that changes with the subject; a subject that hides everywhere keeps that
    // one.
    const int wanted = static_cast<int>((5 * i + 1) % kColours);
    int colour = wanted;
    for (int k = 0; k < kColours; ++k) {
      colour = (wanted + k) % kColours;
      if (composer.is_visible(subject, colour) && !composer.holdout().has_pair(colour, subject)) break;
    }
    const Concept& c = composer.catalogue().concepts[static_cast<std::size_t>(subject)];
    const NamedColour& named = palette()[static_cast<std::size_t>(colour)];
    out.push_back({subject, colour,
                   chinese ? fmt::format("{}背景上的{}", named.zh, c.zh)
                           : on_background(with_article(c.en), named.en)});
  }
  return out;
}

Scene asked_scene(const Composer& composer, std::uint64_t index) {
  return composer.plan(kSceneSeed + index);
}

Checks::Checks(Device& device, const Composer& composer, const Judge& judge, CheckOptions options)
    : device_(device),
      composer_(composer),
      judge_(judge),
      options_(std::move(options)),
      painter_(device, {}) {
  check_range("--names", options_.names, 1, kMost);
  check_range("--seeds", options_.seeds, 1, 64);
  check_range("--scenes", options_.scenes, 1, kMost);
  const std::size_t concepts = composer.catalogue().concepts.size();
  if (static_cast<std::size_t>(judge.concepts()) != concepts) {
    throw Error(ErrorCode::kInvalidArgument,
                fmt::format("the judge knows {} concepts, the catalogue has {}", judge.concepts(), concepts))
        .hint("Take the judge that was trained on this catalogue");
  }
  pipeline::Request files;
  files.model = options_.model;
  const pipeline::OpenModel model = pipeline::open_model(files);
  vae_ = model.family->load_vae(model.files, device);
  for (const models::StoredPart& part : model.family->stored_parts(model.files)) {
    if (part.part == models::ModelPart::kDenoiser && !part.table.empty())
      stored_as_ = to_string(part.table.entries().begin()->second.dtype);
  }
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

double Checks::alike(const media::Image& a, const media::Image& b) const {
  return cosine(latent(a), latent(b));
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
      const double near = cosine(place, all[i]);
      if (near > most) {
        most = near;
        best = composer_.subjects()[i];
      }
    }
  }
  return best;
}

std::vector<Question> Checks::questions(bool chinese, std::size_t most) const {
  std::vector<Question> out = retrieval_questions(composer_, options_.names, chinese);
  out.resize(std::min(out.size(), most));
  return out;
}

Checks::Found Checks::ask(pipeline::Painter& painter, const std::vector<Question>& questions,
                          const pipeline::Request& like, const std::string& name) {
  Found out;
  int done = 0;
  for (const Question& q : questions) {
    pipeline::Request r = like;
    r.prompt = q.prompt;
    for (media::Image& picture : painter.paint(r).images) {
      const Verdict verdict = judge_.verdict(picture, q.subject, composer_.subjects());
      out.first += verdict.first;
      out.fifth += verdict.fifth;
      out.nearest += nearest_subject(picture, q.colour) == q.subject;
      out.background += background_colour(picture) == q.colour;
      out.pictures.push_back(std::move(picture));
    }
    report(name, ++done, static_cast<int>(questions.size()));
  }
  for (double* share : {&out.first, &out.fifth, &out.nearest, &out.background}) *share /= out.count();
  return out;
}

std::vector<CheckRow> Checks::retrieval(bool chinese) {
  const std::string language = chinese ? "Chinese" : "English";
  const Found f = ask(painter_, questions(chinese, kMost), request(""), "retrieval, " + language);
  return {{"retrieval by the judge, " + language + ", first", f.first, f.count()},
          {"retrieval by the judge, " + language + ", first five", f.fifth, f.count()},
          {"retrieval by latent distance, " + language, f.nearest, f.count()},
          {"background colour, " + language, f.background, f.count()}};
}

std::vector<CheckRow> Checks::scenes() {
  CheckRow position{"position of one thing", 0, 0}, binding{"colours of two shapes in their places", 0, 0},
      counting{"number of shapes alike", 0, 0};
  const auto full = [&](const CheckRow& row) { return row.pictures >= options_.scenes; };
  for (std::uint64_t index = 0; !full(position) || !full(binding) || !full(counting); ++index) {
    const Scene scene = asked_scene(composer_, index);
    const std::size_t things = scene.things.size();
    const bool shapes = scene.kind == SceneKind::kShapes;
    const bool placed = scene.kind == SceneKind::kPlacedEmoji && !full(position);
    const bool pair = !full(binding) && says_pair(scene, scene.en);
    bool alike = shapes && scene.relation == Relation::kNone && !full(counting);
    for (const Thing& t : scene.things)
      alike &= t.shape == scene.things[0].shape && t.colour == scene.things[0].colour;
    if (!placed && !pair && !alike) continue;
    pipeline::Request r = request(scene.en);
    r.batch = 1;
    const media::Image picture = std::move(painter_.paint(r).images[0]);
    const Mask mask = painted_foreground(picture);
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

std::vector<CheckRow> Checks::guidance() {
  const std::vector<Question> few = questions(false, kFew);
  pipeline::Request r = request("");
  r.batch = 2;
  const Found guided = ask(painter_, few, r, "guidance");
  r.guidance = 1;
  const Found bare = ask(painter_, few, r, "no guidance");
  std::vector<CheckRow> out = {{"first by the judge with guidance less that without",
                                guided.first - bare.first, guided.count() + bare.count()}};
  for (CheckRow& row : negative()) out.push_back(std::move(row));
  return out;
}

// Prompts that leave the background open: how often they get the colour that they get most often, and how
// often when a negative prompt names it.
std::vector<CheckRow> Checks::negative() {
  pipeline::Request r = request("");
  r.batch = 2;
  const std::vector<Question> few = questions(false, kFew);
  const auto grounds = [&](const std::string& stage) {
    std::array<int, kColours> seen{};
    int pictures = 0;
    for (const Question& q : few) {
      r.prompt = with_article(composer_.catalogue().concepts[static_cast<std::size_t>(q.subject)].en);
      for (const media::Image& picture : painter_.paint(r).images)
        ++seen[static_cast<std::size_t>(background_colour(picture))], ++pictures;
      report(stage, pictures, 2 * static_cast<int>(few.size()));
    }
    return seen;
  };
  const std::array<int, kColours> open = grounds("open backgrounds");
  const auto most = static_cast<std::size_t>(std::ranges::max_element(open) - open.begin());
  const std::string_view colour = palette()[most].en;
  r.negative_prompt = fmt::format("{} background", colour);
  const std::array<int, kColours> refused = grounds("negative prompt");
  const int pictures = 2 * static_cast<int>(few.size());
  return {{fmt::format("share of {} backgrounds, prompts that name none", colour),
           static_cast<double>(open[most]) / pictures, pictures},
          {fmt::format("… with the negative prompt \"{}\"", r.negative_prompt),
           static_cast<double>(refused[most]) / pictures, pictures}};
}

std::vector<CheckRow> Checks::autoencoder() {
  double right = 0, decibels = 0;
  const std::vector<Question> all = questions(false, kMost);
  for (const Question& q : all) {
    const media::Image before = composer_.render(composer_.plain_emoji(q.subject, q.colour));
    const media::Image after = media::from_tensor(vae_->decode(latent(before)));
    right += judge_.verdict(after, q.subject, composer_.subjects()).first;
    decibels += psnr(before, after);
  }
  const auto count = static_cast<double>(all.size());
  return {{"the judge's first for the catalogue's own pictures through the autoencoder", right / count,
           static_cast<int>(count)},
          {"… their PSNR in dB", decibels / count, static_cast<int>(count)}};
}

std::vector<CheckRow> Checks::diversity() {
  constexpr int kSeeds = 8;
  pipeline::Request r = request("");
  r.batch = kSeeds;
  std::vector<double> seeds, concepts;
  int done = 0;
  const std::vector<Question> few = questions(false, kVeryFew);
  for (const Question& q : few) {
    r.prompt = q.prompt;
    std::vector<Tensor> painted;
    for (const media::Image& picture : painter_.paint(r).images) painted.push_back(latent(picture));
    append_distances(painted, seeds);
    append_distances(renders(q.colour), concepts);
    report("diversity", ++done, static_cast<int>(few.size()));
  }
  const double spread = median(std::move(concepts));
  return {{"diversity: median distance of eight seeds, as a share of that of two concepts",
           median(std::move(seeds)) / spread, kSeeds * static_cast<int>(few.size())}};
}

std::vector<CheckRow> Checks::samplers() {
  struct Way {
    const char *sampler, *scheduler;
    int steps;
  };
  // "normal" begins at the highest noise, as models of zero terminal SNR want it; "ddim_uniform" does not.
  static constexpr std::array<Way, 5> kWays = {{{"ddim", "normal", 100},
                                                {"ddim", "normal", 20},
                                                {"euler", "normal", 20},
                                                {"dpmpp_2m", "normal", 20},
                                                {"uni_pc", "normal", 20}}};
  const std::vector<Question> asked = questions(false, kMany);
  std::vector<media::Image> exact;
  std::vector<CheckRow> out;
  for (const Way& way : kWays) {
    pipeline::Request r = request("");
    r.batch = 1;
    r.sampler = way.sampler;
    r.scheduler = way.scheduler;
    r.steps = way.steps;
    const std::string name = fmt::format("{}, {} steps", way.sampler, way.steps);
    const Found f = ask(painter_, asked, r, name);
    out.push_back({"first by the judge, " + name, f.first, f.count()});
    if (exact.empty()) {
      exact = f.pictures;
      continue;
    }
    double near = 0;
    for (std::size_t i = 0; i < exact.size(); ++i) near += alike(f.pictures[i], exact[i]);
    out.push_back({fmt::format("cosine of the latents of {} with those of {}, {} steps", name,
                               kWays[0].sampler, kWays[0].steps),
                   near / f.count(), f.count()});
  }
  return out;
}

std::vector<CheckRow> Checks::precision(Device& other) {
  // Very few: where the processor has no bf16 it is emulated, which is slow.
  const std::vector<Question> few = questions(false, kVeryFew);
  pipeline::Request r = request("");
  r.batch = 1;
  const Found f32 = ask(painter_, few, r, "f32");
  pipeline::Painter painter(other, {});
  const Found bf16 = ask(painter, few, r, "bf16");
  double sum = 0, count = 0;
  for (std::size_t i = 0; i < f32.pictures.size(); ++i) {
    const std::vector<std::uint8_t>&a = f32.pictures[i].pixels, &b = bf16.pictures[i].pixels;
    for (std::size_t k = 0; k < a.size(); ++k) sum += std::abs(a[k] - b[k]);
    count += static_cast<double>(a.size());
  }
  return {{"first by the judge, computed in f32", f32.first, f32.count()},
          {"first by the judge, computed in bf16", bf16.first, bf16.count()},
          {"mean difference of the two, levels of 255", sum / count, bf16.count()}};
}

}  // namespace dq::mini
