// mini_release: a trained model as it is shipped. The tensors stay as they are; the file's texts say what the
// model is, how it likes to paint and what it knows.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <cstdio>

#include "files/safetensors_write.h"
#include "files/weight_source.h"
#include "guarded_main.h"
#include "media/image.h"
#include "mini/known_list.h"
#include "mini/preview_map.h"
#include "ops/devices.h"
#include "ops/elementwise.h"
#include "pipeline/known_words.h"
#include "pipeline/model_files.h"
#include "pipeline/stated_defaults.h"
#include "pipeline/stated_preview.h"

namespace {

struct Options {
  std::filesystem::path model, data, out;
  int subjects = 128;
  std::string title = "Danqing's built-in sample model", licence = "Apache-2.0";
  std::string only;  // what the names of the tensors begin with
  std::string defaults = R"({"guidance":4,"sampler":"euler","scheduler":"normal","steps":20})";
};

std::string description(const dq::mini::Composer& composer) {
  return fmt::format(
      "Small pictures of {} simple things, {} colours and {} plain shapes, from prompts in English and "
      "Chinese. Learned "
      "from pictures drawn with Noto Color Emoji (SIL Open Font License 1.1) and names of Unicode CLDR. What "
      "it knows "
      "stands under {}.",
      composer.subjects().size(), dq::mini::kColours, dq::mini::kShapes, dq::pipeline::kKnownWordsKey);
}

// How the model's latents look, from pictures that its VAE encodes.
dq::models::LatentFormat preview_of(const std::string& model, const dq::mini::Composer& composer,
                                    dq::Device& device) {
  constexpr int kPictures = 64;
  dq::pipeline::Request request;
  request.model = model;
  const dq::pipeline::OpenModel open = dq::pipeline::open_model(request);
  const auto vae = open.family->load_vae(open.files, device);
  const dq::models::LatentFormat format = open.family->latent_format();
  std::vector<dq::Tensor> pictures, latents;
  for (std::uint64_t i = 0; i < kPictures; ++i) {
    pictures.push_back(dq::media::to_tensor(device, composer.compose(i).image));
    latents.push_back(vae->encode(pictures.back()));
    float* z = latents.back().data<float>();
    for (std::int64_t k = 0; k < latents.back().count(); ++k) z[k] = (z[k] - format.shift) * format.scale;
  }
  return dq::mini::fit_preview(dq::ops::concat(latents, 0), dq::ops::concat(pictures, 0), format);
}

int run(int argc, char** argv) {
  CLI::App app{
      "Writes a trained model as it is shipped: the same tensors, and texts that say what it knows."};
  Options o;
  app.add_option("-m,--model", o.model, "what `danqing train full` wrote")->required();
  app.add_option("--data", o.data, "the folder that mini_catalogue wrote: the whole catalogue")->required();
  app.add_option("--subjects", o.subjects, "the first N concepts: those that were trained")
      ->check(CLI::Range(1, 100'000));
  app.add_option("--title", o.title);
  app.add_option("--licence", o.licence);
  app.add_option("--only", o.only,
                 "only the tensors whose names begin so: of a model that shares its other parts");
  app.add_option("-o,--out", o.out)->required();
  CLI11_PARSE(app, argc, argv);
  const auto device = dq::ops::make_cpu_device();
  const dq::mini::Composer composer = dq::mini::open_composer(o.data, 1, o.subjects);
  const auto source = dq::files::open_weights(o.model);
  std::map<std::string, std::string> texts = source->metadata();
  texts["modelspec.title"] = o.title;
  texts["modelspec.license"] = o.licence;
  texts["modelspec.description"] = description(composer);
  texts["modelspec.resolution"] = fmt::format("{0}x{0}", dq::mini::kCanvas);
  texts[dq::pipeline::kStatedDefaultsKey] = o.defaults;
  texts[dq::pipeline::kStatedPreviewKey] =
      dq::pipeline::stated_preview_text(preview_of(o.model.string(), composer, *device));
  texts[dq::pipeline::kKnownWordsKey] = dq::mini::known_list(composer);
  std::vector<dq::files::TensorToWrite> tensors;
  for (const dq::files::TensorEntry& entry : source->tensors()) {
    if (entry.name.starts_with(o.only))
      tensors.push_back(dq::files::to_write(entry.name, dq::files::WeightSource::view(entry, *device)));
  }
  if (tensors.empty())
    throw dq::Error(dq::ErrorCode::kNotFound, "no tensor's name begins with " + o.only).in(o.model);
  dq::files::write_safetensors(o.out, std::move(tensors), texts);
  fmt::print("{}: {} things\n", o.out.string(), composer.subjects().size());
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  return dq::tools::guarded_main("mini_release", run, argc, argv);
}
