#pragma once
// What is shipped beside the program: the folder "share", and in it the built-in model, which a request calls
// by a name of its own, so that the request means the same on every machine.
#include <filesystem>
#include <optional>
#include <string>

namespace dq::pipeline {

// What Request::model says instead of a file's path. A file that is really called so is named "./built-in".
inline constexpr const char* kBuiltInModel = "built-in";

// The folder of shipped files for a program at `executable`: `environment` ($DANQING_SHARE) when it is not
// empty; else the first that is there of "share" beside the program, "../share/danqing" (installed) and
// "../../share" (built in a checkout, as build/release/danqing). Nothing when none is a folder.
std::optional<std::filesystem::path> share_folder(const std::filesystem::path& executable,
                                                  const std::string& environment);
// The same for this program.
std::optional<std::filesystem::path> share_folder();

// The built-in model's file, mini/danqing-mini.safetensors of the shared folder, when it is there.
std::optional<std::filesystem::path> built_in_model();

// The path of what a request calls its model: other names than kBuiltInModel stand for themselves. Throws
// kNotFound when the built-in model is asked for and is not there.
std::string model_path(const std::string& model);

}  // namespace dq::pipeline
