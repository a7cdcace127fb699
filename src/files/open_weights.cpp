// Opening by content: sniff, parse, and put the file's name and a way out into every complaint.
#include <fmt/format.h>

#include <utility>

#include "base/error.h"
#include "files/safetensors.h"
#include "files/sharded_index.h"
#include "files/sniff.h"
#include "files/torch_legacy.h"
#include "files/torch_zip.h"
#include "files/weight_source.h"

namespace dq::files {
namespace {

namespace fs = std::filesystem;

constexpr const char* kDamaged = "The file is damaged, or its download was cut: fetch it again";

// Runs a parser and adds what it cannot know.
template <class Work>
auto with_place(const fs::path& path, Work work) {
  try {
    return work();
  } catch (Error& error) {
    if (error.file().empty()) error.in(path.string());
    if (error.hint().empty() && error.code() == ErrorCode::kBadFile) error.hint(kDamaged);
    throw;
  }
}

[[noreturn]] void refuse(FileKind kind) {
  const auto say = [](ErrorCode code, const char* what, const char* hint) {
    throw Error(code, what).hint(hint);
  };
  switch (kind) {
    case FileKind::kEmpty:
      say(ErrorCode::kBadFile, "the file is empty", kDamaged);
      break;
    case FileKind::kGguf:
      say(ErrorCode::kUnsupported, "this is a GGUF file, which is not supported yet",
          "Look for the same model as .safetensors");
      break;
    case FileKind::kGitLfsPointer:
      say(ErrorCode::kBadFile, "this is a git-lfs pointer, a small text that stands for the real file",
          "Run 'git lfs pull' in its folder, or download the file itself from the web page");
      break;
    case FileKind::kWebPage:
      say(ErrorCode::kBadFile, "this is a web page: the download page was saved instead of the file",
          "Open it in a browser to see why (a log-in, a licence to accept), then download the file itself");
      break;
    case FileKind::kOnnx:
      say(ErrorCode::kUnsupported, "this looks like an ONNX model, which is not supported",
          "Look for the same model as .safetensors");
      break;
    case FileKind::kOtherArchive:
      say(ErrorCode::kUnsupported, "this is a packed archive (tar, gzip, 7z or rar)",
          "Unpack it and open what is inside");
      break;
    case FileKind::kHdf5:
      say(ErrorCode::kUnsupported, "this is an HDF5 (Keras) file, which is not supported",
          "Look for the same model as .safetensors");
      break;
    case FileKind::kImage:
      say(ErrorCode::kBadFile, "this is a picture, not a weight file", "Choose another file");
      break;
    default:
      say(ErrorCode::kBadFile, "this is no weight file that Danqing knows",
          "It reads .safetensors and PyTorch's .ckpt, .pt, .pth and .bin. If this should be one, fetch it "
          "again");
  }
  throw Error(ErrorCode::kInternal, "an unknown kind of file");
}

[[noreturn]] void refuse_folder(const fs::path& path) {
  if (is_diffusers_folder(path)) {
    throw Error(ErrorCode::kUnsupported, "this is a diffusers folder, not a single weight file")
        .in(path.string())
        .hint("Give it as the model itself; here one file of it is asked for, such as unet/*.safetensors");
  }
  throw Error(ErrorCode::kUnsupported, "this is a folder, not a weight file")
      .in(path.string())
      .hint("Choose a file in it, or a diffusers folder (one with a model_index.json)");
}

std::shared_ptr<const WeightSource> finish(const std::shared_ptr<const MappedFile>& file, Format format,
                                           ParsedWeights parsed) {
  auto source = std::make_shared<WeightSource>(file->path(), format);
  for (TensorEntry& entry : parsed.tensors) entry.file = file;
  source->take(std::move(parsed.tensors));
  source->set_metadata(std::move(parsed.metadata));
  source->finish();
  return source;
}

std::shared_ptr<const WeightSource> open_single(const std::shared_ptr<const MappedFile>& file) {
  const FileKind kind = sniff(file->bytes());
  const Release release = [&](std::uint64_t offset, std::uint64_t size) { file->drop(offset, size); };
  switch (kind) {
    case FileKind::kSafetensors:
      return finish(file, Format::kSafetensors, parse_safetensors(file->bytes(), release));
    case FileKind::kZip:
      return finish(file, Format::kTorchZip, parse_torch_zip(file->bytes()));
    case FileKind::kPickle:
      return finish(file, Format::kTorchLegacy, parse_torch_legacy(file->bytes()));
    default:
      refuse(kind);
  }
}

// Opens the shards and holds them against the index, both ways.
std::shared_ptr<const WeightSource> open_sharded(const fs::path& path, const ShardedIndex& index) {
  auto source = std::make_shared<WeightSource>(path, Format::kShardedSafetensors);
  std::vector<std::shared_ptr<const WeightSource>> shards;
  for (const std::string& name : index.shards) {
    const fs::path shard = path.parent_path() / name;
    if (!fs::exists(shard)) {
      throw Error(ErrorCode::kNotFound, fmt::format("the shard {} is missing", printable(name)))
          .hint("Download all shards into the folder of the index");
    }
    shards.push_back(with_place(shard, [&] { return open_single(MappedFile::open(shard)); }));
  }
  for (const auto& [tensor, shard] : index.places) {
    if (!shards[shard]->find(tensor)) {
      throw Error(ErrorCode::kBadFile, fmt::format("the index says this tensor is in {}, but it is not there",
                                                   printable(index.shards[shard])))
          .key(tensor)
          .hint("Index and shards belong to different downloads: fetch them again together");
    }
  }
  // A tensor that the index forgot is kept; one that two shards hold is refused by finish().
  for (const auto& shard : shards) {
    for (const TensorEntry& entry : shard->tensors()) source->add(entry);
  }
  source->set_metadata(index.metadata);
  source->finish();
  return source;
}

}  // namespace

std::shared_ptr<const WeightSource> open_weights(const fs::path& path) {
  std::error_code ignored;
  if (fs::is_directory(path, ignored)) refuse_folder(path);
  const auto file = MappedFile::open(path);
  return with_place(path, [&] {
    if (sniff(file->bytes()) != FileKind::kJson) return open_single(file);
    return open_sharded(path, parse_sharded_index(file->bytes()));
  });
}

}  // namespace dq::files
