#include "models/sd1/family.h"

#include <fmt/format.h>

#include <algorithm>

#include "models/autoencoder_kl/autoencoder.h"
#include "models/autoencoder_kl/names.h"
#include "models/clip_text/names.h"
#include "models/clip_text/prompt_encoder.h"
#include "models/recognised/training.h"
#include "models/unet/control_net.h"
#include "models/unet/names.h"
#include "models/unet/step_memory.h"
#include "models/unet/unet.h"
#include "weights/initial.h"
#include "weights/packed_bytes.h"

namespace dq::models {
namespace {

using weights::ComponentSet;
using weights::TensorTable;

// Where a CLIP-L encoder may stand: a checkpoint, a diffusers folder, a file of its own, an all-in-one of
// UIs.
constexpr std::array<std::string_view, 5> kTextPrefixes{"cond_stage_model.transformer.", "text_encoder.", "",
                                                        "text_encoders.clip_l.transformer.",
                                                        "clip_l.transformer."};

class StableDiffusion1 final : public Family {
 public:
  std::string_view id() const override { return "sd1"; }
  std::string_view title() const override { return "Stable Diffusion 1.x"; }

  std::optional<Variant> detect(const TensorTable& table) const override {
    const std::optional<unet::Config> config = unet::read_config(unet::locate(table));
    if (!config || !ours(*config)) return std::nullopt;
    Variant variant;
    variant.family = id();
    variant.in_channels = static_cast<int>(config->in_channels);
    variant.native_size = recognised::stated_size(table.texts());
    if (config->in_channels == 9) variant.name = "inpainting";
    if (config->in_channels == 8) variant.name = "instruct-pix2pix";
    // The tensors do not tell ε from v; all but a handful of 1.x files are ε. Some files say it in other
    // ways.
    const std::string stated = recognised::stated_prediction(table.texts());
    variant.prediction_certain = table.has("v_pred") || !stated.empty();
    if (table.has("v_pred") || stated == "v") {
      variant.prediction = Prediction::kV;
      variant.schedule.zero_terminal_snr =
          table.has("ztsnr") || recognised::states_zero_terminal_snr(table.texts());
    }
    return variant;
  }

  LatentFormat latent_format() const override {
    return {.channels = 4,
            .downscale = 8,
            .scale = 0.18215f,
            .shift = 0,
            .gray = {0.8223f, -0.6876f, 0.6364f, 0.1380f},
            .preview_rows = {{0.3512f, 0.2297f, 0.3227f},
                             {0.3250f, 0.4974f, 0.2350f},
                             {-0.2829f, 0.1762f, 0.2721f},
                             {-0.2120f, -0.2616f, -0.7177f}},
            .preview_bias = {}};
  }

  Defaults defaults(const Variant& variant) const override {
    Defaults out;
    if (variant.native_size > 0) out.width = out.height = variant.native_size / 8 * 8;
    return out;
  }

  MetadataNames metadata_names(const Variant&) const override { return {"stable-diffusion-v1", "sd_v1"}; }

  std::string adapter_module(ModelPart part, std::string_view parameter, AdapterNames names) const override {
    constexpr std::string_view kEnd = ".weight";
    if (!parameter.ends_with(kEnd)) return "";
    parameter.remove_suffix(kEnd.size());
    const bool text = part == ModelPart::kTextEncoder;
    const std::optional<std::string> path =
        text ? std::optional("text_model." + std::string(parameter)) : unet::diffusers_name(parameter, 2);
    if (!path) return "";
    switch (names) {
      case AdapterNames::kDiffusers:
        return (text ? "text_encoder." : "unet.") + *path;
      case AdapterNames::kComfy:
        return text ? "text_encoders.clip_l.transformer." + *path
                    : "diffusion_model." + std::string(parameter);
      case AdapterNames::kSdScripts:
        break;
    }
    std::string name = (text ? "lora_te_" : "lora_unet_") + *path;
    std::replace(name.begin(), name.end(), '.', '_');
    return name;
  }

  std::vector<StoredPart> stored_parts(const ComponentSet& files) const override {
    std::vector<StoredPart> out;
    const auto add = [&](ModelPart part, std::string_view prefix, TensorTable table) {
      if (!table.empty()) out.push_back({part, std::string(prefix), std::move(table), {}});
    };
    add(ModelPart::kDenoiser, "model.diffusion_model.", unet::locate(files.main));
    add(ModelPart::kVae, "first_stage_model.",
        autoencoder_kl::with_kernels(autoencoder_kl::locate(files.vae.empty() ? files.main : files.vae)));
    add(ModelPart::kTextEncoder, "cond_stage_model.transformer.text_model.",
        clip_text::locate(text_source(files), kTextPrefixes));
    if (!out.empty() && out.back().part == ModelPart::kTextEncoder)
      out.back().texts = clip_text::own_texts(out.back().table);
    return out;
  }

  // As the original code zeroes them: the end of residual blocks and transformers, and the last convolution.
  bool starts_at_zero(ModelPart part, std::string_view parameter) const override {
    if (part != ModelPart::kDenoiser) return false;
    return parameter.starts_with("out.2.") || parameter.find(".out_layers.3.") != std::string_view::npos ||
           parameter.find(".proj_out.") != std::string_view::npos;
  }

  Footprint footprint(const ComponentSet& files, Precision precision) const override {
    const TensorTable network = unet::locate(files.main);
    const TensorTable vae = autoencoder_kl::locate(files.vae.empty() ? files.main : files.vae);
    const TensorTable text = clip_text::locate(text_source(files), kTextPrefixes);
    Footprint out;
    out.denoiser = weights::packed_bytes(network, precision);
    out.denoiser_matrices = weights::matrix_bytes(network, precision);
    out.vae = weights::packed_bytes(vae, precision);
    out.text_encoder = weights::packed_bytes(text, precision);
    if (const auto config = clip_text::read_config(text)) out.text_layers = config->layers;
    const std::optional<unet::Config> config = unet::read_config(network);
    if (config)
      out.step_bytes = [config](const StepShape& shape) { return unet::step_bytes(*config, shape); };
    return out;
  }

  std::unique_ptr<Denoiser> load_denoiser(const ComponentSet& files, const Variant&, Device& device,
                                          const weights::LoadOptions& options) const override {
    const UnetTable unet = unet_of(files);
    return std::make_unique<unet::Unet>(unet.table, unet.config, device, options);
  }

  std::unique_ptr<Vae> load_vae(const ComponentSet& files, Device& device, Purpose purpose) const override {
    const TensorTable& from = files.vae.empty() ? files.main : files.vae;
    const TensorTable table = autoencoder_kl::locate(from);
    const std::optional<autoencoder_kl::Config> config = autoencoder_kl::read_config(table);
    if (!config) {
      throw Error(ErrorCode::kNotFound, "there is no VAE in the file")
          .in(from.origin())
          .hint(
              "Give one with --vae FILE; for this family, vae-ft-mse-840000-ema-pruned.safetensors is "
              "common");
    }
    if (config->latent_channels != latent_format().channels) {
      throw Error(ErrorCode::kUnsupported,
                  fmt::format("this VAE has {} latent channels; {} needs {}", config->latent_channels,
                              title(), latent_format().channels))
          .in(from.origin());
    }
    return std::make_unique<autoencoder_kl::AutoencoderKl>(table, *config, device, purpose);
  }

  std::unique_ptr<TextEncoder> load_text_encoder(const ComponentSet& files, Device& device,
                                                 Purpose purpose) const override {
    const TensorTable& from = text_source(files);
    const TensorTable table = clip_text::locate(from, kTextPrefixes);
    const std::optional<clip_text::Config> config = clip_text::read_config(table);
    if (!config) {
      throw Error(ErrorCode::kNotFound, "there is no CLIP text encoder in the file")
          .in(from.origin())
          .hint("Give one with --text-encoder FILE (CLIP-L, 768 wide)");
    }
    // A model with a vocabulary of its own brings the merges along.
    const auto merges = table.texts().find("tokenizer/merges.txt");
    text::ClipTokenizer tokenizer =
        merges != table.texts().end() ? text::ClipTokenizer(merges->second) : text::ClipTokenizer::built_in();
    if (tokenizer.vocabulary_size() != config->vocabulary) {
      throw Error(ErrorCode::kUnsupported,
                  fmt::format("the text encoder knows {} tokens, CLIP's tokenizer has {}", config->vocabulary,
                              tokenizer.vocabulary_size()))
          .in(from.origin());
    }
    clip_text::Usage usage;
    usage.pad_token = tokenizer.end_token();
    return std::make_unique<clip_text::PromptEncoder>(clip_text::ClipText(table, *config, device, purpose),
                                                      std::move(tokenizer), usage);
  }

  ControlFootprint control_footprint(const TensorTable& file, const ComponentSet& model,
                                     Precision precision) const override {
    const UnetTable control = file.empty() ? fresh_control_net_of(model) : control_net_of(file, model);
    // Two maps of 16 channels at the picture's size, where the encoder is widest.
    return {weights::packed_bytes(control.table, precision), weights::numbers(control.table), 2 * 16 * 4};
  }

  std::unique_ptr<ControlNet> new_control_net(const ComponentSet& model, std::uint64_t seed,
                                              Device& device) const override {
    const UnetTable fresh = fresh_control_net_of(model);
    auto net = std::make_unique<unet::UnetControlNet>(fresh.table, fresh.config, device, Purpose::kTrain);
    weights::Parameters reader;
    for (const auto& [name, parameter] : net->parameters()) {
      if (name.starts_with("input_hint_block.")) reader.emplace(name, parameter);
    }
    weights::initialise(reader, seed,
                        [](std::string_view name) { return name.starts_with("input_hint_block.14."); });
    return net;
  }

  std::string control_name(std::string_view parameter, AdapterNames names) const override {
    if (names != AdapterNames::kDiffusers) return std::string(parameter);
    return unet::diffusers_control_name(parameter, 2).value_or("");
  }

  std::unique_ptr<ControlNet> load_control_net(const TensorTable& file, const ComponentSet& model,
                                               Device& device, Purpose purpose) const override {
    const UnetTable control = control_net_of(file, model);
    return std::make_unique<unet::UnetControlNet>(control.table, control.config, device, purpose);
  }

 private:
  // A U-Net, or a control net beside one.
  struct UnetTable {
    TensorTable table;
    unet::Config config;
  };

  static UnetTable unet_of(const ComponentSet& files) {
    TensorTable table = unet::locate(files.main);
    std::optional<unet::Config> config = unet::read_config(table);
    if (!config) throw Error(ErrorCode::kBadFile, "the file holds no U-Net").in(files.main.origin());
    config->heads = 8;
    return {std::move(table), *std::move(config)};
  }

  static UnetTable fresh_control_net_of(const ComponentSet& model) {
    UnetTable base = unet_of(model);
    return {unet::fresh_control_net(base.table, base.config), std::move(base.config)};
  }

  // The control net of a file, when it is one for this model.
  UnetTable control_net_of(const TensorTable& file, const ComponentSet& model) const {
    TensorTable table = unet::locate_control_net(file);
    std::optional<unet::Config> config = unet::read_way_down(table);
    const std::optional<unet::Config> base = unet::read_config(unet::locate(model.main));
    if (!config || !base) {
      throw Error(ErrorCode::kUnsupported, "the file holds no control net that can be read")
          .in(file.origin())
          .hint("`danqing inspect` tells what the file is");
    }
    const auto same_level = [](const unet::Level& a, const unet::Level& b) {
      return a.channels == b.channels && a.input_depths == b.input_depths;
    };
    if (config->in_channels != 4 || config->context_dim != base->context_dim ||
        config->model_channels != base->model_channels || config->vector_dim != base->vector_dim ||
        config->linear_projection != base->linear_projection || config->middle_depth != base->middle_depth ||
        !std::equal(config->levels.begin(), config->levels.end(), base->levels.begin(), base->levels.end(),
                    same_level)) {
      throw Error(ErrorCode::kUnsupported,
                  fmt::format("this control net is for another model than {}", title()))
          .in(file.origin())
          .hint("`danqing inspect` tells which models it is for");
    }
    config->heads = 8;
    return {std::move(table), *std::move(config)};
  }

  static const TensorTable& text_source(const ComponentSet& files) {
    return files.text_encoder.empty() ? files.main : files.text_encoder;
  }

  // 1.x has 1×1 convolutions around its transformers (2.x has matrices), one block each, and no extra vector.
  // Widths are free: smaller models of the same graph belong here too.
  static bool ours(const unet::Config& config) {
    const std::int64_t in = config.in_channels;
    return !config.linear_projection && config.vector_dim == 0 && config.context_dim > 0 &&
           config.levels.size() == 4 && config.out_channels == 4 && (in == 4 || in == 8 || in == 9);
  }
};

}  // namespace

const Family& stable_diffusion_1() {
  static const StableDiffusion1 family;
  return family;
}

}  // namespace dq::models
