#include <algorithm>
#include <array>
#include <set>

#include "media/comfy_graph.h"
#include "media/program_grammars.h"
#include "media/prompt_loras.h"

// From a graph to a few fields: take the node that saves the picture, walk against the wires to the nearest
// sampler, and from its inputs to the texts, the model with its LoRAs, the latent and the noise. A graph can
// compute anything, so this reads what ordinary workflows say and leaves the rest unset.

namespace dq::media {

namespace {

using Node = Json;

bool contains(const std::string& text, std::string_view part) {
  return text.find(part) != std::string::npos;
}

// KSampler and its kin have steps; SamplerCustom(Advanced) and its kin have sigmas.
bool is_sampler(const Node& node) {
  const bool steps = ComfyGraph::input(node, "steps") || ComfyGraph::input(node, "sigmas");
  const bool prompts = ComfyGraph::input(node, "positive") || ComfyGraph::input(node, "guider");
  return steps && prompts;
}

// The first node that `wanted` accepts, nearest first against the wires from `start`. Nodes in `seen` lead
// nowhere.
template <class F>
const Node* find_upstream(const ComfyGraph& graph, const Node& start, F wanted, std::set<const Node*>& seen) {
  if (!seen.insert(&start).second) return nullptr;
  std::vector<const Node*> queue = {&start};
  for (std::size_t i = 0; i < queue.size(); ++i) {
    if (wanted(*queue[i])) return queue[i];
    for (const Node* next : graph.linked_nodes(*queue[i])) {
      if (seen.insert(next).second) queue.push_back(next);
    }
  }
  return nullptr;
}

template <class F>
const Node* find_upstream(const ComfyGraph& graph, const Node& start, F wanted) {
  std::set<const Node*> seen;
  return find_upstream(graph, start, wanted, seen);
}

struct Ends {
  const Node* output = nullptr;
  const Node* sampler = nullptr;
};

// The last saving (else previewing) node that a sampler reaches; without any, the last sampler.
Ends find_ends(const ComfyGraph& graph) {
  const std::vector<const Node*> nodes = graph.nodes();
  std::set<const Node*> dead;  // reach no sampler
  for (const std::string_view kind : {"Save", "Preview", ""}) {
    for (auto it = nodes.rbegin(); it != nodes.rend(); ++it) {
      const bool saves = ComfyGraph::input(**it, "images") && contains(ComfyGraph::class_of(**it), kind);
      if (!(kind.empty() ? is_sampler(**it) : saves)) continue;
      if (const Node* sampler = find_upstream(graph, **it, is_sampler, dead)) return {*it, sampler};
    }
  }
  return {};
}

// Texts that a conditioning wire gathers, in the order met.
class PromptReader {
 public:
  explicit PromptReader(const ComfyGraph& graph) : graph_(graph) {}

  std::string read(std::optional<ComfyGraph::Link> link, bool negative) {
    seen_.clear();
    texts_.clear();
    visit(link, negative, 0);
    std::string out;
    for (const std::string& text : texts_) {
      if (!out.empty()) out += "\n";
      out += text;
    }
    return out;
  }

 private:
  void visit(const std::optional<ComfyGraph::Link>& link, bool negative, int depth) {
    if (!link || depth > 64 || !seen_.insert(link->node).second) return;
    const Node& node = *link->node;
    if (contains(ComfyGraph::class_of(node), "ZeroOut")) return;
    if (add_texts(node)) return;
    // A node with both sides (ControlNet, inpaint conditioning) gives the positive in slot 0.
    if (ComfyGraph::input(node, "positive") && ComfyGraph::input(node, "negative")) {
      const bool other = link->slot == 0 ? false : link->slot == 1 ? true : negative;
      return visit(graph_.link(node, other ? "negative" : "positive"), other, depth + 1);
    }
    constexpr std::array<std::string_view, 9> kThrough = {"conditioning",
                                                          "conditioning_1",
                                                          "conditioning_2",
                                                          "conditioning_to",
                                                          "conditioning_from",
                                                          "positive",
                                                          "negative",
                                                          "cond",
                                                          "any"};
    for (const std::string_view name : kThrough) visit(graph_.link(node, name), negative, depth + 1);
  }

  bool add_texts(const Node& node) {
    constexpr std::array<std::string_view, 8> kTexts = {"text",   "text_g", "text_l", "clip_l",
                                                        "clip_g", "t5xxl",  "prompt", "string"};
    bool found = false;
    for (const std::string_view name : kTexts) {
      if (!ComfyGraph::input(node, name)) continue;
      found = true;
      const std::string text = graph_.text(node, name);
      if (!text.empty() && std::find(texts_.begin(), texts_.end(), text) == texts_.end())
        texts_.push_back(text);
    }
    return found;
  }

  const ComfyGraph& graph_;
  std::set<const Node*> seen_;
  std::vector<std::string> texts_;
};

// One LoRA node: lora_name with strengths, or stacks whose inputs are {"on", "lora", "strength"}.
void read_loras(const ComfyGraph& graph, const Node& node, std::vector<LoraUse>& out) {
  if (const std::string name = graph.text(node, "lora_name"); !name.empty()) {
    LoraUse use{name, graph.number(node, "strength_model").value_or(1), {}, {}};
    const auto clip = graph.number(node, "strength_clip");
    if (clip && *clip != use.strength) use.text_encoder_strength = clip;
    out.push_back(std::move(use));
  }
  const Json* inputs = member(node, "inputs");
  if (!inputs || !inputs->is_object()) return;
  std::vector<LoraUse> stack;
  for (const Json& value : *inputs) {
    const std::string name = text_member(value, "lora");
    const Json* on = member(value, "on");
    if (name.empty() || name == "None" || (on && on->is_boolean() && !on->get<bool>())) continue;
    stack.push_back({name, number_member(value, "strength").value_or(1), {}, {}});
  }
  out.insert(out.end(), stack.rbegin(), stack.rend());  // the caller reverses the whole chain
}

// Against the model wires from the sampler to the loader. The LoRA next to the loader comes first.
void read_model(const ComfyGraph& graph, const Node& sampler, GenerationInfo& info) {
  auto link = graph.link(sampler, "model");
  if (!link) {
    if (const auto guider = graph.link(sampler, "guider")) link = graph.link(*guider->node, "model");
  }
  std::set<const Node*> seen;
  while (link && seen.insert(link->node).second) {
    const Node& node = *link->node;
    read_loras(graph, node, info.loras);
    for (const std::string_view name : {"ckpt_name", "unet_name", "model_name", "gguf_name"}) {
      if (info.model.empty()) info.model = graph.text(node, name);
    }
    const auto next = graph.link(node, "model");
    link = next ? next : graph.link(node, "any");
  }
  std::reverse(info.loras.begin(), info.loras.end());
}

// stop_at_clip_layer −2 is WebUI's clip skip 2.
void read_clip_skip(const ComfyGraph& graph, const Node& sampler, GenerationInfo& info) {
  const auto stops = [](const Node& node) {
    return ComfyGraph::input(node, "stop_at_clip_layer") != nullptr;
  };
  const Node* node = find_upstream(graph, sampler, stops);
  const auto layer = node ? graph.number(*node, "stop_at_clip_layer") : std::nullopt;
  if (layer && *layer <= -1 && *layer >= -100) info.clip_skip = static_cast<int>(-*layer);
}

void read_size(const ComfyGraph& graph, const Node& sampler, GenerationInfo& info) {
  auto link = graph.link(sampler, "latent_image");
  if (!link) link = graph.link(sampler, "latent");
  std::set<const Node*> seen;
  while (link && seen.insert(link->node).second) {
    const Node& node = *link->node;
    const auto width = graph.number(node, "width"), height = graph.number(node, "height");
    if (width && height && *width >= 1 && *height >= 1 && *width <= 1e6 && *height <= 1e6) {
      info.width = static_cast<int>(*width);
      info.height = static_cast<int>(*height);
      return;
    }
    std::optional<ComfyGraph::Link> next;
    for (const std::string_view name : {"samples", "latent_image", "latent", "pixels", "image"}) {
      if (!next) next = graph.link(node, name);
    }
    link = next;
  }
}

// A number of the sampler itself, or of a node it is wired to (noise, sigmas, guider).
template <class Read>
auto own_or_wired(const ComfyGraph& graph, const Node& sampler, std::string_view wire, Read read) {
  auto value = read(sampler);
  if (!value) {
    if (const auto link = graph.link(sampler, wire)) value = read(*link->node);
  }
  return value;
}

void read_sampling(const ComfyGraph& graph, const Node& sampler, GenerationInfo& info) {
  const auto number = [&](std::string_view wire, std::string_view name) {
    return own_or_wired(graph, sampler, wire, [&](const Node& node) { return graph.number(node, name); });
  };
  const auto text = [&](std::string_view wire, std::string_view name) {
    return own_or_wired(graph, sampler, wire,
                        [&](const Node& node) {
                          const std::string found = graph.text(node, name);
                          return found.empty() ? std::optional<std::string>() : found;
                        })
        .value_or("");
  };
  const auto seed = [&](const Node& node) {
    for (const std::string_view name : {"seed", "noise_seed"}) {
      const Json* value = graph.value(node, name);
      if (value && value->is_number_unsigned()) return std::optional(value->get<std::uint64_t>());
    }
    return std::optional<std::uint64_t>();
  };
  const auto steps = number("sigmas", "steps");
  if (steps && *steps >= 0 && *steps <= 1e6) info.steps = static_cast<int>(*steps);
  info.cfg = number("guider", "cfg");
  info.denoise = number("sigmas", "denoise");
  info.sampler = text("sampler", "sampler_name");
  info.scheduler = text("sigmas", "scheduler");
  info.seed = own_or_wired(graph, sampler, "noise", seed);
  if (const auto guider = graph.link(sampler, "guider"); guider && !info.cfg)
    info.cfg = 1;  // a guider without CFG
}

// The settings that people look for, as text, for showing.
void list_settings(GenerationInfo& info) {
  const auto add = [&](const char* key, const std::string& value) {
    if (!value.empty()) info.settings.emplace_back(key, value);
  };
  const auto print = [](const auto& value) { return value ? json_to_text(Json(*value)) : std::string(); };
  add("steps", print(info.steps));
  add("sampler_name", info.sampler);
  add("scheduler", info.scheduler);
  add("cfg", print(info.cfg));
  add("seed", print(info.seed));
  add("denoise", print(info.denoise));
  add("width", print(info.width));
  add("height", print(info.height));
  add("model", info.model);
  add("vae", info.vae);
}

}  // namespace

std::optional<GenerationInfo> read_comfy_graph(const Json& json) {
  const ComfyGraph graph(json);
  if (graph.nodes().empty()) return {};
  GenerationInfo info;
  info.program = "ComfyUI";
  const Ends ends = find_ends(graph);
  if (!ends.sampler) return info;
  const Node& sampler = *ends.sampler;
  read_sampling(graph, sampler, info);

  PromptReader prompts(graph);
  const auto guider = graph.link(sampler, "guider");
  const Node& sides = guider ? *guider->node : sampler;
  auto positive = graph.link(sides, "positive");
  if (!positive) positive = graph.link(sides, "conditioning");
  info.prompt = prompts.read(positive, false);
  info.negative_prompt = prompts.read(graph.link(sides, "negative"), true);

  read_model(graph, sampler, info);
  for (LoraUse& lora : loras_in_prompt(info.prompt)) info.loras.push_back(std::move(lora));
  read_clip_skip(graph, sampler, info);
  read_size(graph, sampler, info);
  const auto has_vae_name = [](const Node& node) { return ComfyGraph::input(node, "vae_name") != nullptr; };
  if (const Node* vae = find_upstream(graph, *ends.output, has_vae_name))
    info.vae = graph.text(*vae, "vae_name");
  list_settings(info);
  return info;
}

}  // namespace dq::media
