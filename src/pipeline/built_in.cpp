#include "pipeline/built_in.h"

#include <cstdlib>

#include "base/error.h"

namespace dq::pipeline {
namespace fs = std::filesystem;
namespace {

constexpr const char* kModelFile = "mini/danqing-mini.safetensors";

}  // namespace

std::optional<fs::path> share_folder(const fs::path& executable, const std::string& environment) {
  std::error_code ignored;
  if (!environment.empty()) {
    return fs::is_directory(environment, ignored) ? std::optional<fs::path>(environment) : std::nullopt;
  }
  const fs::path beside = executable.parent_path();
  if (beside.empty()) return std::nullopt;
  for (const fs::path& place : {beside / "share", beside / "../share/danqing", beside / "../../share"}) {
    // Only ours: other programs have folders called "share" too.
    if (fs::is_directory(place / "mini", ignored)) return place.lexically_normal();
  }
  return std::nullopt;
}

std::optional<fs::path> share_folder() {
  const char* environment = std::getenv("DANQING_SHARE");
  std::error_code ignored;
  return share_folder(fs::read_symlink("/proc/self/exe", ignored), environment ? environment : "");
}

std::optional<fs::path> built_in_model() {
  const std::optional<fs::path> share = share_folder();
  std::error_code ignored;
  if (!share || !fs::is_regular_file(*share / kModelFile, ignored)) return std::nullopt;
  return *share / kModelFile;
}

std::string model_path(const std::string& model) {
  if (model != kBuiltInModel) return model;
  if (const std::optional<fs::path> file = built_in_model()) return file->string();
  throw Error(ErrorCode::kNotFound, "the built-in model is not there")
      .hint(std::string("It lies in the program's folder share as ") + kModelFile +
            ", which $DANQING_SHARE may name. Or give a checkpoint with -m FILE");
}

}  // namespace dq::pipeline
