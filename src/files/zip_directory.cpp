#include "files/zip_directory.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <string>

#include "base/checked.h"
#include "base/error.h"

namespace dq::files {
namespace {

constexpr std::size_t kMaxEntries = 65'636;  // kMaxTensors storages, and what goes with them
constexpr std::uint32_t kLocalSignature = 0x04034b50;
constexpr std::uint32_t kCentralSignature = 0x02014b50;
constexpr std::uint32_t kEndSignature = 0x06054b50;
constexpr std::uint32_t kEnd64Signature = 0x06064b50;
constexpr std::uint32_t kLocator64Signature = 0x07064b50;
constexpr std::uint64_t kEndSize = 22, kEnd64Size = 56, kLocator64Size = 20;
constexpr std::uint16_t kEncrypted = 1u << 0, kSizesFollow = 1u << 3, kStrongEncryption = 1u << 6,
                        kMaskedHeaders = 1u << 13;
constexpr std::uint32_t kUse64 = 0xffffffffu;
constexpr std::uint16_t kZip64Extra = 1;

[[noreturn]] void fail(const std::string& message, std::uint64_t offset) {
  throw Error(ErrorCode::kBadFile, "the zip archive is malformed: " + message).at(offset);
}

struct Directory {
  std::uint64_t offset = 0, size = 0, entries = 0;
};

// What both headers of an entry say.
struct Header {
  std::uint16_t flags = 0, method = 0;
  std::uint32_t crc = 0;
  std::uint64_t packed = 0, size = 0, local_offset = 0;
  std::string_view name;
};

Directory read_end64(Bytes file, std::uint64_t end) {
  ByteReader locator(file.subspan(static_cast<std::size_t>(end - kLocator64Size), kLocator64Size),
                     end - kLocator64Size);
  locator.skip(4, "the zip64 locator");
  const auto disk = locator.little<std::uint32_t>("the zip64 locator");
  const auto at = locator.little<std::uint64_t>("the zip64 locator");
  if (disk != 0) fail("it has several disks", end - kLocator64Size);
  if (end < kLocator64Size + kEnd64Size || at != end - kLocator64Size - kEnd64Size) {
    fail("the zip64 end record is not where it should be", end - kLocator64Size);
  }
  ByteReader in(file.subspan(static_cast<std::size_t>(at), kEnd64Size), at);
  if (in.little<std::uint32_t>("the zip64 end record") != kEnd64Signature) fail("no zip64 end record", at);
  if (in.little<std::uint64_t>("the zip64 end record") != kEnd64Size - 12) fail("odd zip64 end record", at);
  in.skip(4, "the zip64 end record");  // versions
  const auto disks = in.little<std::uint64_t>("the zip64 end record");
  Directory out;
  const auto entries_here = in.little<std::uint64_t>("the zip64 end record");
  out.entries = in.little<std::uint64_t>("the zip64 end record");
  out.size = in.little<std::uint64_t>("the zip64 end record");
  out.offset = in.little<std::uint64_t>("the zip64 end record");
  if (disks != 0 || entries_here != out.entries) fail("it has several disks", at);
  if (checked_add(out.offset, out.size, "the zip directory's end") != at) {
    fail("the directory does not end where the end record begins", at);
  }
  return out;
}

// The end record must be the last thing in the file: a comment could hide a second archive.
Directory read_end(Bytes file) {
  if (file.size() < kEndSize) fail("it is too short", 0);
  const std::uint64_t end = file.size() - kEndSize;
  ByteReader in(file.subspan(static_cast<std::size_t>(end)), end);
  if (in.little<std::uint32_t>("the end record") != kEndSignature) {
    throw Error(ErrorCode::kBadFile,
                "the zip archive's end record is missing: the file was cut short, or something follows it")
        .at(end);
  }
  const auto disks = in.little<std::uint32_t>("the end record");
  const auto entries_here = in.little<std::uint16_t>("the end record");
  const auto entries = in.little<std::uint16_t>("the end record");
  const auto size = in.little<std::uint32_t>("the end record");
  const auto offset = in.little<std::uint32_t>("the end record");
  const auto comment = in.little<std::uint16_t>("the end record");
  if (disks != 0 || entries_here != entries) fail("it has several disks", end);
  if (comment != 0) fail("it has a comment", end);
  if (end >= kLocator64Size) {
    ByteReader locator(file.subspan(static_cast<std::size_t>(end - kLocator64Size)));
    if (locator.little<std::uint32_t>("the zip64 locator") == kLocator64Signature) {
      const Directory out = read_end64(file, end);
      const bool agree = (entries == 0xffff || entries == out.entries) &&
                         (size == kUse64 || size == out.size) && (offset == kUse64 || offset == out.offset);
      if (!agree) fail("its two end records disagree", end);
      return out;
    }
  }
  if (std::uint64_t{offset} + size != end)
    fail("the directory does not end where the end record begins", end);
  return {offset, size, entries};
}

// Replaces the numbers that did not fit into 32 bits by those of the zip64 extra field.
void apply_zip64(Bytes extra, std::uint64_t base, std::initializer_list<std::uint64_t*> numbers) {
  ByteReader in(extra, base);
  const bool wanted =
      std::any_of(numbers.begin(), numbers.end(), [](const std::uint64_t* n) { return *n == kUse64; });
  bool found = false;
  while (in.left() >= 4) {
    const auto id = in.little<std::uint16_t>("an extra field");
    const auto size = in.little<std::uint16_t>("an extra field");
    ByteReader field(in.take(size, "an extra field"), in.offset() - size);
    if (id != kZip64Extra || found) continue;
    found = true;
    for (std::uint64_t* number : numbers) {
      if (*number == kUse64) *number = field.little<std::uint64_t>("a zip64 field");
    }
  }
  if (wanted && !found) fail("a zip64 number is missing", base);
}

Header read_central(ByteReader& in) {
  const std::uint64_t start = in.offset();
  constexpr const char* kWhat = "a directory entry of the zip archive";
  if (in.little<std::uint32_t>(kWhat) != kCentralSignature)
    fail("a directory entry has a wrong signature", start);
  const auto made_by = in.little<std::uint16_t>(kWhat);
  in.skip(2, kWhat);  // version needed
  Header out;
  out.flags = in.little<std::uint16_t>(kWhat);
  out.method = in.little<std::uint16_t>(kWhat);
  in.skip(4, kWhat);  // time
  out.crc = in.little<std::uint32_t>(kWhat);
  out.packed = in.little<std::uint32_t>(kWhat);
  out.size = in.little<std::uint32_t>(kWhat);
  const auto name_size = in.little<std::uint16_t>(kWhat);
  const auto extra_size = in.little<std::uint16_t>(kWhat);
  const auto comment_size = in.little<std::uint16_t>(kWhat);
  const auto disk = in.little<std::uint16_t>(kWhat);
  in.skip(2, kWhat);  // internal attributes
  const auto attributes = in.little<std::uint32_t>(kWhat);
  out.local_offset = in.little<std::uint32_t>(kWhat);
  out.name = in.take_text(name_size, kWhat);
  const Bytes extra = in.take(extra_size, kWhat);
  apply_zip64(extra, in.offset() - extra_size, {&out.size, &out.packed, &out.local_offset});
  if (comment_size != 0) fail("an entry has a comment", start);
  if (disk != 0) fail("it has several disks", start);
  if (out.flags & (kEncrypted | kStrongEncryption | kMaskedHeaders)) fail("an entry is encrypted", start);
  constexpr std::uint32_t kFileTypeMask = 0170000, kLink = 0120000;
  if (made_by >> 8 == 3 && ((attributes >> 16) & kFileTypeMask) == kLink) fail("an entry is a link", start);
  return out;
}

void check_entry_name(std::string_view name, std::uint64_t offset) {
  if (name.empty() || name.size() > 512) fail("an entry has an odd name", offset);
  const bool odd = std::any_of(name.begin(), name.end(), [](char c) {
    const auto u = static_cast<unsigned char>(c);
    return u < 0x20 || u == 0x7f || c == '\\' || c == ':';
  });
  const bool climbs = name.starts_with('/') || name.starts_with("../") || name.ends_with("/..") ||
                      name == ".." || name.find("/../") != std::string_view::npos;
  if (odd || climbs) fail(fmt::format("the entry name '{}' is not allowed", printable(name, 80)), offset);
}

// Holds the local header against the directory and returns where the data starts.
std::uint64_t data_offset(Bytes file, const Header& central, std::uint64_t directory) {
  const std::uint64_t start = central.local_offset;
  constexpr const char* kWhat = "a local header of the zip archive";
  if (start >= directory) fail("an entry points behind the directory", start);
  ByteReader in(file.subspan(static_cast<std::size_t>(start), static_cast<std::size_t>(directory - start)),
                start);
  if (in.little<std::uint32_t>(kWhat) != kLocalSignature) fail("a local header has a wrong signature", start);
  in.skip(2, kWhat);  // version needed
  const auto flags = in.little<std::uint16_t>(kWhat);
  const auto method = in.little<std::uint16_t>(kWhat);
  in.skip(4, kWhat);  // time
  const auto crc = in.little<std::uint32_t>(kWhat);
  std::uint64_t packed = in.little<std::uint32_t>(kWhat);
  std::uint64_t size = in.little<std::uint32_t>(kWhat);
  const auto name_size = in.little<std::uint16_t>(kWhat);
  const auto extra_size = in.little<std::uint16_t>(kWhat);
  const std::string_view name = in.take_text(name_size, kWhat);
  const Bytes extra = in.take(extra_size, kWhat);
  const bool later = (flags & kSizesFollow) && size == 0 && packed == 0;
  if (!later) apply_zip64(extra, in.offset() - extra_size, {&size, &packed});
  if (flags != central.flags || method != central.method || name != central.name) {
    fail("a local header disagrees with the directory", start);
  }
  if (!later && (size != central.size || packed != central.packed || crc != central.crc)) {
    fail("a local header disagrees with the directory about the size", start);
  }
  if (central.packed > in.left()) fail("an entry runs into the directory", start);
  return in.offset();
}

struct Range {
  std::uint64_t begin, end;
};

void check_no_overlap(std::vector<Range> ranges) {
  std::sort(ranges.begin(), ranges.end(), [](const Range& a, const Range& b) { return a.begin < b.begin; });
  for (std::size_t i = 1; i < ranges.size(); ++i) {
    if (ranges[i].begin < ranges[i - 1].end) fail("two entries overlap", ranges[i].begin);
  }
}

}  // namespace

std::vector<ZipEntry> read_zip_directory(Bytes file) {
  const Directory directory = read_end(file);
  if (directory.entries > kMaxEntries)
    fail(fmt::format("it has {} entries", directory.entries), directory.offset);
  ByteReader in(
      file.subspan(static_cast<std::size_t>(directory.offset), static_cast<std::size_t>(directory.size)),
      directory.offset);
  std::vector<ZipEntry> entries;
  std::vector<Range> ranges;
  for (std::uint64_t i = 0; i < directory.entries; ++i) {
    const std::uint64_t start = in.offset();
    const Header header = read_central(in);
    check_entry_name(header.name, start);
    ZipEntry entry{header.name, data_offset(file, header, directory.offset), header.size, header.method == 0};
    if (entry.stored && header.packed != header.size) fail("a stored entry has two sizes", start);
    ranges.push_back({header.local_offset, entry.offset + header.packed});
    entries.push_back(entry);
  }
  if (!in.at_end()) fail("the directory holds more than its entries", in.offset());
  check_no_overlap(std::move(ranges));
  std::sort(entries.begin(), entries.end(),
            [](const ZipEntry& a, const ZipEntry& b) { return a.name < b.name; });
  const auto twice = std::adjacent_find(
      entries.begin(), entries.end(), [](const ZipEntry& a, const ZipEntry& b) { return a.name == b.name; });
  if (twice != entries.end()) {
    throw Error(ErrorCode::kBadFile, "the zip archive holds an entry twice")
        .key(std::string(twice->name))
        .at(twice->offset);
  }
  return entries;
}

const ZipEntry* find_entry(const std::vector<ZipEntry>& entries, std::string_view name) {
  const auto it = std::lower_bound(entries.begin(), entries.end(), name,
                                   [](const ZipEntry& e, std::string_view n) { return e.name < n; });
  return it != entries.end() && it->name == name ? &*it : nullptr;
}

}  // namespace dq::files
