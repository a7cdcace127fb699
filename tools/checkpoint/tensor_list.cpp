#include "checkpoint/tensor_list.h"

#include <fmt/format.h>

#include <fstream>
#include <sstream>

#include "base/error.h"

namespace dq::tools {
namespace {

std::vector<std::string> split(const std::string& text, char separator) {
  std::vector<std::string> out;
  std::istringstream in(text);
  for (std::string part; std::getline(in, part, separator);) out.push_back(part);
  return out;
}

Shape parse_shape(const std::string& text) {
  Shape shape;
  for (const std::string& size : split(text, ',')) shape.push_back(std::stoll(size));
  return shape;
}

}  // namespace

std::vector<ListedTensor> read_tensor_list(const std::filesystem::path& path) {
  std::ifstream in(path);
  if (!in) throw Error(ErrorCode::kNotFound, "the list of tensors is missing").in(path.string());
  std::vector<ListedTensor> out;
  for (std::string line; std::getline(in, line);) {
    const auto fields = split(line, '\t');
    if (fields.size() != 7) {
      throw Error(ErrorCode::kBadFile,
                  fmt::format("line {} has {} fields, not 7", out.size() + 1, fields.size()))
          .in(path.string());
    }
    out.push_back({fields[0], fields[1], parse_shape(fields[2]), fields[3], parse_shape(fields[4]),
                   std::stof(fields[5]), std::stof(fields[6])});
  }
  return out;
}

}  // namespace dq::tools
