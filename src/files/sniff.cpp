#include "files/sniff.h"

#include <algorithm>
#include <array>
#include <string>
#include <string_view>

namespace dq::files {
namespace {

using namespace std::string_view_literals;

struct Magic {
  std::string_view bytes;
  FileKind kind;
};

// Signatures at the start of the file.
constexpr std::array kMagics = {
    Magic{"GGUF"sv, FileKind::kGguf},
    Magic{"PK\x03\x04"sv, FileKind::kZip},
    Magic{"PK\x05\x06"sv, FileKind::kZip},
    Magic{"version https://git-lfs"sv, FileKind::kGitLfsPointer},
    Magic{"\x1f\x8b"sv, FileKind::kOtherArchive},
    Magic{"7z\xbc\xaf\x27\x1c"sv, FileKind::kOtherArchive},
    Magic{"Rar!"sv, FileKind::kOtherArchive},
    Magic{"\x28\xb5\x2f\xfd"sv, FileKind::kOtherArchive},
    Magic{"\x89HDF\r\n\x1a\n"sv, FileKind::kHdf5},
    Magic{"\x89PNG"sv, FileKind::kImage},
    Magic{"\xff\xd8\xff"sv, FileKind::kImage},
    Magic{"RIFF"sv, FileKind::kImage},
};

// The first 512 bytes in lower case, without a byte order mark and blanks in front.
std::string text_start(std::string_view head) {
  head = head.substr(0, 512);
  if (head.starts_with("\xef\xbb\xbf")) head.remove_prefix(3);
  while (!head.empty() && " \t\r\n"sv.find(head.front()) != std::string_view::npos) head.remove_prefix(1);
  std::string out(head);
  std::transform(out.begin(), out.end(), out.begin(),
                 [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; });
  return out;
}

bool is_web_page(const std::string& start) {
  if (start.starts_with("<!doctype html") || start.starts_with("<html") || start.starts_with("<head"))
    return true;
  return start.starts_with("<?xml") || start.starts_with("<!--");
}

// An ONNX model is a protobuf message that begins with field 1, ir_version, a small number, and goes on with
// field 2 (producer_name), 7 (graph) or 8 (opset).
bool is_onnx(std::string_view head) {
  return head.size() > 3 && head[0] == 0x08 && head[1] > 0 && head[1] < 0x20 &&
         (head[2] == 0x12 || head[2] == 0x3a || head[2] == 0x42);
}

}  // namespace

FileKind sniff(Bytes file) {
  if (file.empty()) return FileKind::kEmpty;
  const std::string_view head(reinterpret_cast<const char*>(file.data()),
                              std::min<std::size_t>(file.size(), 1024));
  // The ninth byte of a safetensors file is '{'; the eighth, of a length below 10⁸, is zero.
  if (head.size() > 8 && head[8] == '{' && head[7] == 0) return FileKind::kSafetensors;
  for (const Magic& magic : kMagics) {
    if (head.starts_with(magic.bytes)) return magic.kind;
  }
  if (head.size() >= 2 && head[0] == '\x80' && head[1] >= 1 && head[1] <= 5) return FileKind::kPickle;
  if (head.size() >= 262 && head.substr(257, 5) == "ustar") return FileKind::kOtherArchive;
  if (is_onnx(head)) return FileKind::kOnnx;
  const std::string start = text_start(head);
  if (is_web_page(start)) return FileKind::kWebPage;
  if (start.starts_with('{')) return FileKind::kJson;
  return FileKind::kUnknown;
}

}  // namespace dq::files
