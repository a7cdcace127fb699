#include "checkpoint/zip_file.h"

#include <zlib.h>

#include "base/error.h"

namespace dq::tools {
namespace {

constexpr std::uint64_t kAlignment = 64;
constexpr std::uint32_t kOverflow = 0xffffffffu;  // "see the zip64 field"
constexpr int kVersion = 45;                      // zip64

// Little-endian fields, appended to a string.
class Fields {
 public:
  Fields& u16(std::uint64_t v) { return put(v, 2); }
  Fields& u32(std::uint64_t v) { return put(v, 4); }
  Fields& u64(std::uint64_t v) { return put(v, 8); }
  Fields& text(std::string_view v) {
    bytes_ += v;
    return *this;
  }
  const std::string& bytes() const { return bytes_; }

 private:
  Fields& put(std::uint64_t v, int n) {
    for (int i = 0; i < n; ++i) bytes_.push_back(static_cast<char>(v >> (8 * i) & 0xff));
    return *this;
  }
  std::string bytes_;
};

// signature │ version, flags, method, time, date │ crc, size, size │ name length, extra length │ name │ extra
std::string local_header(const std::string& name, std::uint32_t crc, std::uint64_t size,
                         std::size_t padding) {
  Fields f;
  f.u32(0x04034b50).u16(kVersion).u16(0).u16(0).u16(0).u16(0x21).u32(crc).u32(size).u32(size);
  f.u16(name.size()).u16(4 + padding).text(name);
  f.u16(0x4246).u16(padding).text(std::string(padding, 'Z'));  // "FB": PyTorch's padding field
  return f.bytes();
}

}  // namespace

void ZipFile::add(const std::string& name, std::uint64_t size,
                  const std::function<void(const Sink&)>& write) {
  if (size >= kOverflow) throw Error(ErrorCode::kInternal, "a zip entry of 4 GiB or more").key(name);
  Entry entry{name, 0, size, out_.size()};
  const std::uint64_t data = entry.offset + local_header(name, 0, size, 0).size();
  const std::size_t padding = (kAlignment - data % kAlignment) % kAlignment;
  out_.write(local_header(name, 0, size, padding));
  const std::uint64_t begin = out_.size();
  uLong crc = ::crc32(0, nullptr, 0);
  write([&](std::span<const std::byte> bytes) {
    crc = ::crc32(crc, reinterpret_cast<const Bytef*>(bytes.data()), static_cast<uInt>(bytes.size()));
    out_.write(bytes);
  });
  if (out_.size() - begin != size)
    throw Error(ErrorCode::kInternal, "a tensor wrote too much or too little").key(name);
  entry.crc = static_cast<std::uint32_t>(crc);
  out_.patch(entry.offset, local_header(name, entry.crc, size, padding));  // the sum is known only now
  entries_.push_back(std::move(entry));
}

void ZipFile::add(const std::string& name, std::string_view content) {
  add(name, content.size(), [&](const Sink& sink) { sink(std::as_bytes(std::span(content))); });
}

void ZipFile::finish() {
  const std::uint64_t start = out_.size();
  for (const Entry& e : entries_) {
    const bool far = e.offset >= kOverflow;
    Fields f;
    f.u32(0x02014b50)
        .u16(kVersion)
        .u16(kVersion)
        .u16(0)
        .u16(0)
        .u16(0)
        .u16(0x21)
        .u32(e.crc)
        .u32(e.size)
        .u32(e.size);
    f.u16(e.name.size())
        .u16(far ? 12 : 0)
        .u16(0)
        .u16(0)
        .u16(0)
        .u32(0)
        .u32(far ? kOverflow : e.offset)
        .text(e.name);
    if (far) f.u16(1).u16(8).u64(e.offset);
    out_.write(f.bytes());
  }
  const std::uint64_t end = out_.size(), size = end - start, count = entries_.size();
  Fields f;
  if (start >= kOverflow || count >= 0xffff) {  // the zip64 end record and its locator
    f.u32(0x06064b50)
        .u64(44)
        .u16(kVersion)
        .u16(kVersion)
        .u32(0)
        .u32(0)
        .u64(count)
        .u64(count)
        .u64(size)
        .u64(start);
    f.u32(0x07064b50).u32(0).u64(end).u32(1);
    f.u32(0x06054b50).u16(0).u16(0).u16(0xffff).u16(0xffff).u32(kOverflow).u32(kOverflow).u16(0);
  } else {
    f.u32(0x06054b50).u16(0).u16(0).u16(count).u16(count).u32(size).u32(start).u16(0);
  }
  out_.write(f.bytes());
  out_.commit();
}

}  // namespace dq::tools
