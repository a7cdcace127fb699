#pragma once
// The directory of a zip archive whose entries are stored, not packed, as PyTorch writes them (PKWARE
// APPNOTE):
//
//   local header │ name │ extra │ data │ [descriptor]     once an entry
//   central header │ name │ extra │ comment               once an entry: the directory
//   [zip64 end record │ zip64 locator] │ end record       the last 22 bytes: where the directory is
//
// Nothing is unpacked: an entry is a range of the file.
#include <string_view>
#include <vector>

#include "base/byte_reader.h"

namespace dq::files {

struct ZipEntry {
  std::string_view name;  // points into the file
  std::uint64_t offset = 0;
  std::uint64_t size = 0;
  bool stored = true;  // false: packed, so offset and size mean nothing to us
};

// Sorted by name. Throws kBadFile on anything odd: a comment, encryption, links, repeated names, '..',
// overlaps, local headers that disagree with the directory, numbers that lead out of the file.
std::vector<ZipEntry> read_zip_directory(Bytes file);

// Null when absent.
const ZipEntry* find_entry(const std::vector<ZipEntry>& entries, std::string_view name);

}  // namespace dq::files
