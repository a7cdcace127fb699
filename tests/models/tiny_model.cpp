#include "models/tiny_model.h"

#include <fstream>
#include <nlohmann/json.hpp>

#include "support/golden.h"
#include "text/clip_tokenizer.h"

namespace dq::test {

using weights::TensorTable;

namespace {

// "tensors": original name → component and name in the folder, and the shape it has in a single file.
// "old_vae_names": how older diffusers folders call the VAE's attention.
nlohmann::json name_tables() {
  std::ifstream file(golden_path("models/tiny/original_names.json"));
  return nlohmann::json::parse(file);
}

void put(TensorTable& table, const std::string& name, files::TensorEntry entry, const Shape& shape) {
  // Linear layers that single files store as 1×1 convolutions gain two axes of size 1.
  entry.strides.resize(shape.size(), 1);
  entry.shape = shape;
  table.insert(name, std::move(entry));
}

}  // namespace

TensorTable tiny_folder() {
  return weights::open_table(golden_path("models/tiny"));
}

TensorTable tiny_old_folder() {
  const nlohmann::json renamed = name_tables().at("old_vae_names");
  return tiny_folder().renamed([&renamed](std::string_view name) -> std::optional<std::string> {
    if (!name.starts_with("vae.")) return std::string(name);
    const auto it = renamed.find(std::string(name.substr(4)));
    return it == renamed.end() ? std::string(name) : "vae." + it->get<std::string>();
  });
}

TensorTable tiny_original() {
  const TensorTable folder = tiny_folder();
  TensorTable table;
  table.set_origin("tiny.safetensors");
  const nlohmann::json names = name_tables().at("tensors");
  for (const auto& [name, where] : names.items()) {
    const std::string stored =
        where.at("component").get<std::string>() + "." + where.at("name").get<std::string>();
    put(table, name, *folder.find(stored), where.at("shape").get<Shape>());
  }
  return table;
}

TensorTable tiny_old_text_prefix() {
  return tiny_original().renamed([](std::string_view name) -> std::optional<std::string> {
    constexpr std::string_view kNew = "cond_stage_model.transformer.text_model.";
    if (!name.starts_with(kNew)) return std::string(name);
    return "cond_stage_model.transformer." + std::string(name.substr(kNew.size()));
  });
}

TensorTable tiny_with_ema() {
  TensorTable table = tiny_original();
  const TensorTable unet = table.under("model.diffusion_model.");
  for (const auto& [name, entry] : unet.entries()) {
    std::string flat = "diffusion_model" + name;
    std::erase(flat, '.');
    table.insert("model_ema." + flat, entry);
  }
  const files::TensorEntry some = *table.find("model.diffusion_model.out.2.bias");
  for (const char* junk : {"alphas_cumprod", "betas", "sqrt_recip_alphas_cumprod", "model_ema.decay",
                           "cond_stage_model.transformer.text_model.embeddings.position_ids",
                           "optimizer_states.0.state.0.exp_avg", "cond_stage_model.logit_scale"}) {
    table.insert(junk, some);
  }
  return table;
}

TensorTable tiny_inpaint() {
  const TensorTable conv(files::open_weights(golden_path("models/tiny_inpaint_conv_in.safetensors")));
  TensorTable table = tiny_original().renamed([](std::string_view name) -> std::optional<std::string> {
    if (name == "model.diffusion_model.input_blocks.0.0.weight") return std::nullopt;
    return std::string(name);
  });
  table.insert("model.diffusion_model.input_blocks.0.0.weight", *conv.find("conv_in.weight"));
  return table;
}

std::string tiny_merges() {
  const std::string merges = text::ClipTokenizer::built_in().merges_text();
  std::size_t end = merges.starts_with("#version") ? merges.find('\n') + 1 : 0;
  for (int i = 0; i < 486; ++i) end = merges.find('\n', end) + 1;
  return merges.substr(0, end);
}

}  // namespace dq::test
