#include "checkpoint/checkpoint.h"

#include <algorithm>
#include <cmath>
#include <fstream>
#include <nlohmann/json.hpp>
#include <sstream>

#include "base/error.h"
#include "checkpoint/tensor_list.h"
#include "checkpoint/values.h"
#include "checkpoint/weight_file.h"

namespace dq::tools {
namespace {

constexpr std::string_view kUnetPrefix = "model.diffusion_model.", kVaePrefix = "first_stage_model.",
                           kTextPrefix = "cond_stage_model.transformer.", kTextModel = "text_model.";

// "a.b.c" without `prefix`, if it is there.
std::string without(std::string_view prefix, const std::string& name) {
  return name.starts_with(prefix) ? name.substr(prefix.size()) : name;
}

OutputTensor random_tensor(const ListedTensor& from, std::string name, Shape shape,
                           const CheckpointOptions& options, std::uint64_t seed) {
  const RandomFill fill{seed, from.original_name, element_count(shape), from.centre, from.spread};
  const DType dtype = options.dtype;
  return {std::move(name), dtype, std::move(shape),
          [fill, dtype](const Sink& sink) { write_random(fill, dtype, sink); }};
}

// A tensor of given numbers.
template <class T>
OutputTensor constant_tensor(std::string name, DType dtype, Shape shape, std::vector<T> values) {
  return {std::move(name), dtype, std::move(shape),
          [values = std::move(values)](const Sink& sink) { sink(std::as_bytes(std::span(values))); }};
}

OutputTensor position_ids(std::string name) {
  std::vector<std::int64_t> ids(77);
  for (std::size_t i = 0; i < ids.size(); ++i) ids[i] = static_cast<std::int64_t>(i);
  return constant_tensor(std::move(name), DType::kI64, {1, 77}, std::move(ids));
}

// The tables that the original trainer registers as buffers (Ho et al. 2020, "scaled linear" betas).
void add_schedule_tables(std::vector<OutputTensor>& out) {
  std::vector<float> betas(1000), products(1000);
  double product = 1;
  for (std::size_t i = 0; i < betas.size(); ++i) {
    const double root =
        std::sqrt(0.00085) + (std::sqrt(0.012) - std::sqrt(0.00085)) * static_cast<double>(i) / 999;
    product *= 1 - root * root;
    betas[i] = static_cast<float>(root * root);
    products[i] = static_cast<float>(product);
  }
  out.push_back(constant_tensor("betas", DType::kF32, {1000}, betas));
  out.push_back(constant_tensor("alphas_cumprod", DType::kF32, {1000}, products));
}

// Averaged weights as LitEma stores them: "model_ema." and the name without its dots.
void add_ema(const std::vector<ListedTensor>& list, const CheckpointOptions& options,
             std::vector<OutputTensor>& out) {
  for (const ListedTensor& t : list) {
    if (t.component != "unet") continue;
    std::string name = without("model.", t.original_name);
    std::erase(name, '.');
    out.push_back(random_tensor(t, "model_ema." + name, t.original_shape, options, options.seed + 1));
  }
  out.push_back(constant_tensor<float>("model_ema.decay", DType::kF32, {}, {0.9999f}));
  out.push_back(constant_tensor<std::int64_t>("model_ema.num_updates", DType::kI64, {}, {470000}));
}

void write_weights(const std::filesystem::path& path, std::vector<OutputTensor> tensors,
                   const CheckpointOptions& options, bool nested) {
  std::sort(tensors.begin(), tensors.end(), [](const auto& a, const auto& b) { return a.name < b.name; });
  if (options.container == Container::kSafetensors)
    return files::write_safetensors(path, std::move(tensors), {{"format", "pt"}});
  write_torch_zip(path, tensors, nested);
}

std::filesystem::path write_single_file(const std::vector<ListedTensor>& list,
                                        const CheckpointOptions& options) {
  std::vector<OutputTensor> out;
  const bool old_text = options.layout == Layout::kOldTextPrefix;
  const auto name_of = [&](std::string name) {
    if (!old_text || !name.starts_with(kTextPrefix)) return name;
    return std::string(kTextPrefix) + without(kTextModel, without(kTextPrefix, name));
  };
  out.reserve(list.size() + 1);
  for (const ListedTensor& t : list) {
    out.push_back(random_tensor(t, name_of(t.original_name), t.original_shape, options, options.seed));
  }
  out.push_back(position_ids(name_of(std::string(kTextPrefix) + "text_model.embeddings.position_ids")));
  if (options.layout == Layout::kOriginalEma) {
    add_schedule_tables(out);
    add_ema(list, options, out);
  }
  write_weights(options.out, std::move(out), options, true);
  return options.out;
}

std::vector<OutputTensor> tensors_of(const std::vector<ListedTensor>& list, std::string_view component,
                                     const CheckpointOptions& options) {
  std::vector<OutputTensor> out;
  for (const ListedTensor& t : list) {
    if (t.component != component) continue;
    if (options.layout == Layout::kDiffusers) {
      out.push_back(random_tensor(t, t.diffusers_name, t.diffusers_shape, options, options.seed));
    } else {
      const std::string bare =
          without(kUnetPrefix, without(kVaePrefix, without(kTextPrefix, t.original_name)));
      out.push_back(random_tensor(t, bare, t.original_shape, options, options.seed));
    }
  }
  return out;
}

// Each component's config.json and so on, from tools/data/diffusers_*.json: {"unet/config.json": {…}, …}.
void write_configs(const CheckpointOptions& options, std::vector<std::filesystem::path>& written) {
  const std::filesystem::path source =
      std::filesystem::path(DQ_TOOLS_DATA) / ("diffusers_" + options.size + ".json");
  std::ifstream in(source);
  if (!in) throw Error(ErrorCode::kNotFound, "the configurations are missing").in(source.string());
  auto files = nlohmann::ordered_json::parse(in);
  files["unet/config.json"]["in_channels"] = options.channels;
  for (const auto& [name, content] : files.items()) {
    const std::filesystem::path path = options.out / name;
    std::filesystem::create_directories(path.parent_path());
    std::ofstream(path) << content.dump(2) << '\n';
    written.push_back(path);
  }
}

std::vector<std::filesystem::path> write_folder(const std::vector<ListedTensor>& list,
                                                const CheckpointOptions& options) {
  std::vector<std::filesystem::path> written;
  std::filesystem::create_directories(options.out);
  if (options.layout == Layout::kDiffusers) write_configs(options, written);
  const bool safe = options.container == Container::kSafetensors;
  for (const std::string component : {"unet", "vae", "text_encoder"}) {
    std::filesystem::path path = options.out / (component + (safe ? ".safetensors" : ".pt"));
    if (options.layout == Layout::kDiffusers) {
      const bool text = component == "text_encoder";
      const std::string stem = !text ? "diffusion_pytorch_model" : safe ? "model" : "pytorch_model";
      path = options.out / component / (stem + (safe ? ".safetensors" : ".bin"));
    }
    write_weights(path, tensors_of(list, component, options), options, false);
    written.push_back(path);
  }
  return written;
}

// The first convolution takes 4 latent channels, or 4 + mask + 4 of the masked picture.
void set_channels(std::vector<ListedTensor>& list, int channels) {
  if (channels != 4 && channels != 9) {
    throw Error(ErrorCode::kInvalidArgument, "the network has 4 or 9 input channels")
        .hint("Give --channels 4 or 9.");
  }
  for (ListedTensor& t : list) {
    if (t.diffusers_name == "conv_in.weight") t.original_shape[1] = t.diffusers_shape[1] = channels;
  }
}

}  // namespace

std::vector<std::filesystem::path> write_checkpoint(const CheckpointOptions& options) {
  const std::filesystem::path data = DQ_TOOLS_DATA;
  std::vector<ListedTensor> list = read_tensor_list(data / (options.size + ".tsv"));
  set_channels(list, options.channels);
  if (options.layout == Layout::kDiffusers || options.layout == Layout::kParts)
    return write_folder(list, options);
  return {write_single_file(list, options)};
}

}  // namespace dq::tools
