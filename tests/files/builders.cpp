#include "files/builders.h"

#include <fstream>
#include <sstream>

namespace dq::test {

std::string read_file(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  std::ostringstream out;
  out << in.rdbuf();
  return out.str();
}

std::string safetensors(std::string_view header, std::string_view data) {
  return little<std::uint64_t>(header.size()) + std::string(header) + std::string(data);
}

namespace {

template <class T>
T shifted(std::size_t value, std::int64_t error) {
  return static_cast<T>(static_cast<std::int64_t>(value) + error);
}

std::string local_header(const ZipItem& item) {
  const std::string name = item.local_name.empty() ? item.name : item.local_name;
  const auto size = shifted<std::uint64_t>(item.data.size(), item.local_size_error);
  std::string extra;
  if (item.zip64) extra = little<std::uint16_t>(1) + little<std::uint16_t>(16) + little(size) + little(size);
  const std::uint32_t small = item.zip64 ? 0xffffffffu : static_cast<std::uint32_t>(size);
  return little<std::uint32_t>(0x04034b50) + little<std::uint16_t>(45) + little(item.flags) +
         little(item.method) + little<std::uint32_t>(0) + little<std::uint32_t>(0) + little(small) +
         little(small) + little(static_cast<std::uint16_t>(name.size())) +
         little(static_cast<std::uint16_t>(extra.size())) + name + extra;
}

std::string central_header(const ZipItem& item, std::size_t offset) {
  const auto size = shifted<std::uint64_t>(item.data.size(), item.central_size_error);
  const auto where = shifted<std::uint64_t>(offset, item.offset_error);
  std::string extra;
  if (item.zip64)
    extra =
        little<std::uint16_t>(1) + little<std::uint16_t>(24) + little(size) + little(size) + little(where);
  const std::uint32_t small = item.zip64 ? 0xffffffffu : static_cast<std::uint32_t>(size);
  const std::uint32_t small_offset = item.zip64 ? 0xffffffffu : static_cast<std::uint32_t>(where);
  return little<std::uint32_t>(0x02014b50) + little(item.made_by) + little<std::uint16_t>(45) +
         little(item.flags) + little(item.method) + little<std::uint32_t>(0) + little<std::uint32_t>(0) +
         little(small) + little(small) + little(static_cast<std::uint16_t>(item.name.size())) +
         little(static_cast<std::uint16_t>(extra.size())) + little<std::uint16_t>(0) +
         little<std::uint16_t>(0) + little<std::uint16_t>(0) + little(item.attributes) +
         little(small_offset) + item.name + extra;
}

}  // namespace

std::string zip(const std::vector<ZipItem>& items, const ZipOptions& options) {
  std::string out, directory;
  for (const ZipItem& item : items) {
    directory += central_header(item, out.size());
    out += local_header(item) + item.data;
  }
  const auto offset = shifted<std::uint64_t>(out.size(), options.directory_offset_error);
  const auto size = shifted<std::uint64_t>(directory.size(), options.directory_size_error);
  const auto entries = shifted<std::uint64_t>(items.size(), options.entries_error);
  out += directory;
  if (options.end64) {
    const std::uint64_t end64 = out.size();
    out += little<std::uint32_t>(0x06064b50) + little<std::uint64_t>(44) + little<std::uint32_t>(0) +
           little<std::uint64_t>(0) + little(entries) + little(entries) + little(size) + little(offset);
    out += little<std::uint32_t>(0x07064b50) + little<std::uint32_t>(0) + little(end64) +
           little<std::uint32_t>(1);
  }
  out += little<std::uint32_t>(0x06054b50) + little<std::uint32_t>(0) +
         little(static_cast<std::uint16_t>(entries)) + little(static_cast<std::uint16_t>(entries)) +
         little(static_cast<std::uint32_t>(size)) + little(static_cast<std::uint32_t>(offset)) +
         little(static_cast<std::uint16_t>(options.comment.size()));
  return out + options.comment + options.tail;
}

namespace pickle {

std::string text(std::string_view s) {
  return "X" + little(static_cast<std::uint32_t>(s.size())) + std::string(s);
}

std::string integer(std::int64_t value) {
  if (value == static_cast<std::int32_t>(value)) return "J" + little(static_cast<std::int32_t>(value));
  return std::string("\x8a\x08") + little(value);
}

std::string global(std::string_view module, std::string_view name) {
  return "c" + std::string(module) + "\n" + std::string(name) + "\n";
}

std::string tuple(const std::vector<std::string>& items) {
  std::string out = "(";
  for (const std::string& item : items) out += item;
  return out + "t";
}

std::string list(const std::vector<std::string>& items) {
  std::string out = "](";
  for (const std::string& item : items) out += item;
  return out + "e";
}

std::string dict(const std::vector<std::string>& keys_and_values) {
  std::string out = "}(";
  for (const std::string& item : keys_and_values) out += item;
  return out + "u";
}

std::string call(const std::string& callee, const std::vector<std::string>& arguments) {
  return callee + tuple(arguments) + "R";
}

std::string integers(const std::vector<std::int64_t>& values) {
  std::vector<std::string> items;
  for (const std::int64_t value : values) items.push_back(integer(value));
  return tuple(items);
}

std::string storage(std::string_view type, std::string_view key, std::int64_t elements) {
  return tuple({text("storage"), global("torch", type), text(key), text("cpu"), integer(elements)}) + "Q";
}

std::string tensor(const std::string& storage, std::int64_t offset, const std::vector<std::int64_t>& sizes,
                   const std::vector<std::int64_t>& strides) {
  return call(global("torch._utils", "_rebuild_tensor_v2"),
              {storage, integer(offset), integers(sizes), integers(strides), "\x89",
               global("collections", "OrderedDict") + ")R"});
}

std::string whole(const std::string& body, int protocol) {
  return std::string("\x80") + static_cast<char>(protocol) + body + ".";
}

}  // namespace pickle

std::string torch_zip(const std::string& pickle, const std::vector<std::string>& storages) {
  std::vector<ZipItem> items;
  items.push_back({.name = "archive/data.pkl", .data = pickle});
  items.push_back({.name = "archive/byteorder", .data = "little"});
  for (std::size_t i = 0; i < storages.size(); ++i) {
    items.push_back({.name = "archive/data/" + std::to_string(i), .data = storages[i]});
  }
  items.push_back({.name = "archive/version", .data = "3\n"});
  return zip(items);
}

std::string torch_legacy(const std::string& pickle,
                         const std::vector<std::pair<std::string, std::string>>& storages,
                         std::size_t element_size) {
  using namespace std::string_literals;
  std::string out = pickle::whole("\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19"s) +
                    pickle::whole(pickle::integer(1001)) +
                    pickle::whole(pickle::dict({pickle::text("little_endian"), "\x88"})) + pickle;
  std::vector<std::string> keys;
  for (const auto& [key, data] : storages) keys.push_back(pickle::text(key));
  out += pickle::whole(pickle::list(keys));
  for (const auto& [key, data] : storages) out += little<std::uint64_t>(data.size() / element_size) + data;
  return out;
}

Error error_of(const std::function<void()>& work) {
  try {
    work();
  } catch (const Error& error) {
    return error;
  }
  return Error(ErrorCode::kInternal, "");
}

}  // namespace dq::test
