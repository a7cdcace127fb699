#include "files/torch_zip.h"

#include <fmt/format.h>

#include <algorithm>
#include <string>

#include "base/error.h"
#include "files/torch_checkpoint.h"
#include "files/zip_directory.h"

namespace dq::files {
namespace {

constexpr std::size_t kMaxSmallEntry = 4096;

[[noreturn]] void unsupported(const char* what, const char* hint) {
  throw Error(ErrorCode::kUnsupported, what).hint(hint);
}

bool is_storage_name(std::string_view name) {
  constexpr std::string_view kFolder = "data/";
  if (!name.starts_with(kFolder) || name.size() == kFolder.size()) return false;
  name.remove_prefix(kFolder.size());
  return std::all_of(name.begin(), name.end(), [](char c) { return c >= '0' && c <= '9'; });
}

// `name` without the archive's folder.
bool is_checkpoint_entry(std::string_view name) {
  return name == "data.pkl" || name == "version" || name == "byteorder" || name == ".data/serialization_id" ||
         name == ".format_version" || name == ".storage_alignment" || is_storage_name(name);
}

// Archives that are not checkpoints, told by what is in them.
void refuse_other_archives(const std::vector<ZipEntry>& entries) {
  for (const ZipEntry& entry : entries) {
    const std::string_view name = entry.name;
    if (name.find("/code/") != std::string_view::npos || name.ends_with("/constants.pkl")) {
      unsupported("this is a TorchScript program, not a checkpoint",
                  "Danqing runs no code from files: look for the model as .safetensors");
    }
    if (name.ends_with("/archive_format") || name.find("/aotinductor/") != std::string_view::npos ||
        name == "serialized_exported_program.json") {
      unsupported("this is an exported PyTorch program (.pt2), not a checkpoint",
                  "Danqing runs no code from files: look for the model as .safetensors");
    }
    if (name.ends_with(".npy"))
      unsupported("this is a NumPy archive (.npz)", "Convert it to .safetensors first");
    if (name.ends_with(".safetensors") || name.ends_with(".ckpt") || name.ends_with(".pt")) {
      unsupported("this is a zip archive with weight files in it", "Unpack it and open what is inside");
    }
  }
}

// The folder that all entries lie in, with its slash.
std::string_view find_folder(const std::vector<ZipEntry>& entries) {
  for (const ZipEntry& entry : entries) {
    const std::size_t slash = entry.name.find('/');
    if (slash != std::string_view::npos && entry.name.substr(slash + 1) == "data.pkl")
      return entry.name.substr(0, slash + 1);
  }
  throw Error(ErrorCode::kBadFile, "this zip archive is no PyTorch checkpoint: it has no data.pkl")
      .hint("If it was downloaded as an archive, unpack it and open what is inside");
}

std::string_view content(Bytes file, const ZipEntry& entry) {
  return {reinterpret_cast<const char*>(file.data()) + entry.offset, static_cast<std::size_t>(entry.size)};
}

void check_byte_order(Bytes file, const ZipEntry* entry) {
  if (!entry) return;  // PyTorch before 2.1 did not say; it wrote little-endian on all machines that matter
  const std::string_view order = entry->size <= kMaxSmallEntry ? content(file, *entry) : "";
  if (order == "little") return;
  if (order == "big") {
    unsupported("the checkpoint was written on a big-endian machine",
                "Load and save it again on an ordinary computer");
  }
  throw Error(ErrorCode::kBadFile, "the entry byteorder says neither little nor big").at(entry->offset);
}

void check_entries(const std::vector<ZipEntry>& entries, std::string_view folder) {
  for (const ZipEntry& entry : entries) {
    if (!entry.name.starts_with(folder) || !is_checkpoint_entry(entry.name.substr(folder.size()))) {
      throw Error(ErrorCode::kBadFile, "the archive holds an entry that no PyTorch checkpoint has")
          .key(std::string(entry.name))
          .at(entry.offset);
    }
    if (!entry.stored) {
      throw Error(ErrorCode::kUnsupported, "the archive was packed again: its entries are compressed")
          .key(std::string(entry.name))
          .at(entry.offset)
          .hint("Fetch the original file; a checkpoint's entries are stored as they are");
    }
  }
}

}  // namespace

ParsedWeights parse_torch_zip(Bytes file) {
  const std::vector<ZipEntry> entries = read_zip_directory(file);
  refuse_other_archives(entries);
  const std::string folder(find_folder(entries));
  check_entries(entries, folder);
  check_byte_order(file, find_entry(entries, folder + "byteorder"));
  const ZipEntry& pickle = *find_entry(entries, folder + "data.pkl");
  if (pickle.size > kMaxPickleBytes)
    throw Error(ErrorCode::kBadFile, "data.pkl is larger than 64 MiB").at(pickle.offset);
  const PickleTree tree = parse_pickle(
      file.subspan(static_cast<std::size_t>(pickle.offset), static_cast<std::size_t>(pickle.size)),
      pickle.offset);
  if (tree.size != pickle.size) {
    throw Error(ErrorCode::kBadFile, "something follows the end of the pickle").at(pickle.offset + tree.size);
  }
  return read_checkpoint(tree, [&](std::string_view key, std::uint64_t) -> StorageBytes {
    const ZipEntry* entry = find_entry(entries, folder + "data/" + std::string(key));
    if (!entry) {
      throw Error(ErrorCode::kBadFile, fmt::format("the archive has no storage '{}'", printable(key, 40)))
          .at(pickle.offset);
    }
    return {entry->offset, entry->size};
  });
}

}  // namespace dq::files
