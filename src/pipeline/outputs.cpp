#include "pipeline/outputs.h"

#include <fmt/format.h>
#include <unistd.h>

#include "base/atomic_file.h"
#include "base/mapped_file.h"
#include "media/codec.h"
#include "media/infotext.h"
#include "media/metadata.h"
#include "sampling/sampler.h"
#include "sampling/schedulers.h"

namespace dq::pipeline {
namespace fs = std::filesystem;
namespace {

// WebUI's label where it has one: its own pictures and other readers know samplers by it.
std::string label_or_name(std::string_view label, std::string_view name) {
  return std::string(label.empty() ? name : label);
}

// Seeds of a batch: with one stream for all, every picture tells the stream's seed and its place.
std::uint64_t seed_of(const Request& request, int index) {
  return request.noise_per_image ? request.seed + static_cast<std::uint64_t>(index) : request.seed;
}

// Minutes of painting are not to end at a folder that cannot be written to: finds out before.
void check_folder(fs::path folder, bool may_be_made) {
  if (folder.empty()) folder = ".";
  std::error_code ignored;
  if (!may_be_made && !fs::exists(folder, ignored)) {
    throw Error(ErrorCode::kNotFound, "the folder to write into does not exist")
        .in(folder.string())
        .hint("Create it first");
  }
  while (!fs::exists(folder, ignored)) folder = folder.has_parent_path() ? folder.parent_path() : ".";
  if (!fs::is_directory(folder, ignored)) {
    throw Error(ErrorCode::kInvalidArgument, "this is no folder to write into")
        .in(folder.string())
        .hint("Choose another place with -o");
  }
  if (::access(folder.c_str(), W_OK) != 0) {
    throw Error(ErrorCode::kIo, "this folder must not be written to")
        .in(folder.string())
        .hint("Choose another place with -o");
  }
}

std::string number(double value) {
  return fmt::format("{}", value);
}

}  // namespace

OutputNames::OutputNames(fs::path output, int pictures) : output_(std::move(output)), pictures_(pictures) {
  const bool folder = are_our_own();
  if (!folder) media::format_for_path(output_);
  check_folder(folder ? output_ : output_.parent_path(), /*may_be_made=*/folder);
}

bool OutputNames::are_our_own() const {
  std::error_code ignored;
  return output_.empty() || !output_.has_filename() || fs::is_directory(output_, ignored);
}

fs::path OutputNames::next(const Request& request, int index) {
  std::error_code ignored;
  ++count_;
  if (are_our_own()) {
    if (!output_.empty()) fs::create_directories(output_, ignored);  // if it fails, writing says so
    for (int copy = 0;; ++copy) {
      std::string name = fmt::format("danqing-{}", seed_of(request, index));
      if (request.batch > 1 && !request.noise_per_image) name += fmt::format("-{}", index + 1);
      if (copy > 0) name += fmt::format("-copy{}", copy);
      const fs::path path = output_ / (name + ".png");
      if (!fs::exists(path, ignored)) return path;
    }
  }
  if (pictures_ == 1) return output_;
  fs::path path = output_;
  path.replace_filename(
      fmt::format("{}-{}{}", output_.stem().string(), count_, output_.extension().string()));
  return path;
}

media::GenerationInfo generation_info(const Request& request, int index, const std::string& program_version) {
  const sampling::Sampler& sampler = sampling::find_sampler(request.sampler);
  const sampling::Scheduler& scheduler = sampling::find_scheduler(request.scheduler);
  media::GenerationInfo info;
  info.program = "Danqing";
  info.version = program_version;
  info.prompt = request.prompt;
  info.negative_prompt = request.negative_prompt;
  info.steps = request.steps;
  info.sampler = label_or_name(sampler.label, sampler.name);
  info.scheduler = label_or_name(scheduler.label, scheduler.name);
  info.cfg = request.guidance;
  info.seed = seed_of(request, index);
  info.width = request.width;
  info.height = request.height;
  info.model = fs::path(request.model).stem().string();
  if (!request.model_sha256.empty()) info.model_hash = request.model_sha256.substr(0, 10);
  for (const LoraUse& use : request.loras) {
    info.loras.push_back(
        {fs::path(use.file).stem().string(), use.strength, std::nullopt, use.sha256.substr(0, 12)});
  }
  if (!request.vae.empty()) info.vae = fs::path(request.vae).filename().string();
  if (request.clip_skip > 1) info.clip_skip = request.clip_skip;
  if (!request.init_image.empty()) info.denoise = request.denoise;
  info.rng = request.noise == sampling::NoiseStream::kCpu ? "CPU" : "NV";
  if (request.hires.scale > 0) {
    info.denoise = request.hires.denoise;
    info.settings.emplace_back("Hires upscale", number(request.hires.scale));
    info.settings.emplace_back("Hires steps", number(request.hires.steps));
    info.settings.emplace_back("Hires upscaler", request.hires.upscaler);
  }
  // As the WebUI extension writes its units.
  for (std::size_t i = 0; i < request.controls.size(); ++i) {
    const ControlUse& use = request.controls[i];
    info.settings.emplace_back(
        fmt::format("ControlNet {}", i),
        fmt::format("Module: none, Model: {}, Weight: {}, Resize Mode: Crop and Resize, Guidance Start: {}, "
                    "Guidance End: {}, Control Mode: Balanced",
                    fs::path(use.file).stem().string(), use.strength, use.start, use.end));
  }
  if (request.batch > 1) info.settings.emplace_back("Batch pos", number(index));
  info.settings.emplace_back("Version", "danqing " + program_version);
  return info;
}

namespace {

std::vector<std::byte> encoded(const fs::path& path, const Painting& painting, std::size_t index,
                               const WriteOptions& options) {
  const media::GenerationInfo info =
      generation_info(painting.request, static_cast<int>(index), options.program_version);
  media::EncodeOptions encode;
  encode.format = media::format_for_path(path);
  encode.quality = options.quality;
  encode.texts = {{"parameters", media::write_infotext(info)}, {"danqing", to_json(painting.request)}};
  return media::encode_image(painting.images[index], encode);
}

}  // namespace

void write_picture(const fs::path& path, const Painting& painting, std::size_t index,
                   const WriteOptions& options) {
  write_file_atomically(path, encoded(path, painting, index, options));
}

fs::path write_picture(OutputNames& names, const Painting& painting, std::size_t index,
                       const WriteOptions& options) {
  for (;;) {
    fs::path path = names.next(painting.request, static_cast<int>(index));
    AtomicFile file(path);
    file.write(encoded(path, painting, index, options));
    if (!names.are_our_own()) {
      file.commit();
      return path;
    }
    if (file.commit_if_free()) return path;
  }
}

Request request_of_picture(const fs::path& path) {
  const auto file = MappedFile::open(path);
  try {
    const auto info = media::parse_generation_info(media::read_texts(file->bytes()));
    if (!info) throw Error(ErrorCode::kNotFound, "nothing in this picture tells how it was made");
    if (info->danqing_request.empty()) return request_of_info(*info);
    return request_from_json(info->danqing_request);
  } catch (Error& error) {
    throw error.in(path.string());
  }
}

}  // namespace dq::pipeline
