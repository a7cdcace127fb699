// safetensors, as its own specification draws it:
//
//   u64 N, little endian │ N bytes of JSON, padded with spaces │ the tensors, one after another, no gaps
//
// JSON: {"__metadata__": {…}, "name": {"dtype": "F16", "shape": […], "data_offsets": [begin, end]}, …}
#include <nlohmann/json.hpp>

#include "checkpoint/output_file.h"
#include "checkpoint/weight_file.h"

namespace dq::tools {

void write_safetensors(const std::filesystem::path& path, const std::vector<OutputTensor>& tensors) {
  nlohmann::ordered_json header;
  header["__metadata__"] = {{"format", "pt"}};
  std::int64_t offset = 0;
  for (const OutputTensor& tensor : tensors) {
    const std::int64_t bytes = element_count(tensor.shape) * size_of(tensor.dtype);
    header[tensor.name] = {{"dtype", to_string(tensor.dtype)},
                           {"shape", tensor.shape},
                           {"data_offsets", {offset, offset + bytes}}};
    offset += bytes;
  }
  std::string json = header.dump();
  json.append((8 - json.size() % 8) % 8, ' ');
  OutputFile out(path);
  std::string length;
  for (int i = 0; i < 8; ++i) length.push_back(static_cast<char>(json.size() >> (8 * i) & 0xff));
  out.write(length);
  out.write(json);
  for (const OutputTensor& tensor : tensors) {
    tensor.write([&](std::span<const std::byte> bytes) { out.write(bytes); });
  }
  out.commit();
}

}  // namespace dq::tools
