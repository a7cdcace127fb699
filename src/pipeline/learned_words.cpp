#include "pipeline/learned_words.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>

#include "base/error.h"
#include "ops/elementwise.h"
#include "weights/component_set.h"

namespace dq::pipeline {
namespace fs = std::filesystem;
namespace {

constexpr std::size_t kMostTensors = 8;     // an embedding is small; a file with more is a model
constexpr std::size_t kMaxFiles = 100'000;  // a mistyped folder must not be walked for ever

bool is_embedding_file(const fs::path& path) {
  const std::string extension = path.extension().string();
  return extension == ".pt" || extension == ".bin" || extension == ".safetensors";
}

std::string lower(std::string_view text) {
  std::string out(text);
  for (char& c : out) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return out;
}

Tensor as_rows(const files::TensorEntry& entry, Device& device) {
  const Tensor stored = ops::convert(files::WeightSource::view(entry, device), DType::kF32);
  return stored.rank() == 1 ? stored.reshape({1, -1}) : stored;
}

bool is_vectors(const files::TensorEntry& entry) {
  const std::size_t rank = entry.shape.size();
  return is_floating(entry.dtype) && (rank == 1 || rank == 2) && entry.shape.back() >= 8 &&
         entry.shape.front() > 0;
}

}  // namespace

std::map<std::string, fs::path> list_learned_words(const std::vector<fs::path>& folders) {
  std::map<std::string, fs::path> out;
  std::size_t seen = 0;
  for (const fs::path& folder : folders) {
    std::error_code error;
    fs::recursive_directory_iterator it(folder, fs::directory_options::skip_permission_denied, error), end;
    for (; !error && it != end && seen < kMaxFiles; it.increment(error), ++seen) {
      std::error_code ignored;
      if (it->is_regular_file(ignored) && is_embedding_file(it->path()))
        out.emplace(it->path().stem().string(), it->path());
    }
  }
  return out;
}

std::vector<fs::path> embedding_folders(const fs::path& model) {
  // ComfyUI: models/checkpoints/x and models/embeddings; WebUI: models/Stable-diffusion/x and ../embeddings.
  const fs::path folder = fs::absolute(model).parent_path();
  return {folder / "embeddings", folder.parent_path() / "embeddings",
          folder.parent_path().parent_path() / "embeddings"};
}

models::LearnedWord read_learned_word(const fs::path& file, Device& device) {
  const weights::TensorTable table = weights::open_table(file);
  models::LearnedWord word;
  for (const auto& [name, entry] : table.entries()) {
    if (!is_vectors(entry)) continue;
    // One tensor an encoder by its name; without a name there can be one tensor only.
    if (name.starts_with("clip_"))
      word.vectors.emplace(name, as_rows(entry, device));
    else if (table.size() == 1 || name == "emb_params" || name.starts_with("string_to_param")) {
      word.vectors.emplace("clip_l", as_rows(entry, device));
    }
  }
  if (word.vectors.empty() || table.size() > kMostTensors) {
    throw Error(ErrorCode::kUnsupported, "this is no textual-inversion embedding")
        .in(file.string())
        .hint("`danqing inspect` says what it is");
  }
  return word;
}

std::map<std::string, models::LearnedWord> words_in(const std::vector<std::string>& texts,
                                                    const std::map<std::string, fs::path>& available,
                                                    Device& device, std::vector<std::string>* passed_over) {
  std::map<std::string, models::LearnedWord> out;
  for (const auto& [name, file] : available) {
    const std::string wanted = lower(name);
    const bool used = std::any_of(texts.begin(), texts.end(), [&](const std::string& text) {
      return lower(text).find(wanted) != std::string::npos;
    });
    if (!used) continue;
    try {
      out.emplace(name, read_learned_word(file, device));
    } catch (const Error& e) {
      if (!passed_over) throw;
      passed_over->push_back(
          fmt::format("{} cannot be used as an embedding, so “{}” counts as plain words: {}.",
                      printable(file.string()), printable(name, 60), e.message()));
    }
  }
  return out;
}

}  // namespace dq::pipeline
