#pragma once
// Builds the bytes of weight files by hand, right or wrong in any place one likes.
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "files/parsed_weights.h"

namespace dq::test {

inline Bytes bytes_of(std::string_view text) {
  return std::as_bytes(std::span(text));
}

std::string read_file(const std::string& path);

template <class T>
std::string little(T value) {
  std::string out(sizeof(T), '\0');
  for (std::size_t i = 0; i < sizeof(T); ++i)
    out[i] = static_cast<char>((static_cast<std::uint64_t>(value) >> (8 * i)) & 0xff);
  return out;
}

// ---- safetensors ----

// A header with its length in front, and data.
std::string safetensors(std::string_view header, std::string_view data);

// ---- zip ----

struct ZipItem {
  std::string name = {}, data = {};
  // What the headers say, where they shall lie.
  std::uint16_t method = 0, flags = 0;
  std::string local_name = {};          // empty: the same as name
  std::int64_t local_size_error = 0;    // added to the size in the local header
  std::int64_t central_size_error = 0;  // … and in the directory
  std::uint32_t attributes = 0;         // external, in the directory
  std::uint16_t made_by = 0;
  std::int64_t offset_error = 0;  // added to the entry's offset in the directory
  bool zip64 = false;             // sizes and offset in extra fields
};

struct ZipOptions {
  bool end64 = true;  // the zip64 end record and its locator, as torch writes them
  std::string comment = {};
  std::string tail = {};  // after everything
  std::int64_t entries_error = 0, directory_offset_error = 0, directory_size_error = 0;
};

std::string zip(const std::vector<ZipItem>& items, const ZipOptions& options = {});

// ---- pickles ----

namespace pickle {
std::string text(std::string_view s);     // BINUNICODE
std::string integer(std::int64_t value);  // BININT or LONG1
std::string global(std::string_view module, std::string_view name);
std::string tuple(const std::vector<std::string>& items);
std::string list(const std::vector<std::string>& items);
std::string dict(const std::vector<std::string>& keys_and_values);
std::string call(const std::string& callee, const std::vector<std::string>& arguments);  // REDUCE
std::string integers(const std::vector<std::int64_t>& values);                           // a tuple
std::string storage(std::string_view type, std::string_view key, std::int64_t elements);
// torch._utils._rebuild_tensor_v2 over a storage.
std::string tensor(const std::string& storage, std::int64_t offset, const std::vector<std::int64_t>& sizes,
                   const std::vector<std::int64_t>& strides);
std::string whole(const std::string& body, int protocol = 2);  // PROTO … STOP
}  // namespace pickle

// A checkpoint as torch.save writes it, around a pickle, with storages "0", "1", ….
std::string torch_zip(const std::string& pickle, const std::vector<std::string>& storages);
std::string torch_legacy(const std::string& pickle,
                         const std::vector<std::pair<std::string, std::string>>& storages,
                         std::size_t element_size);

// ---- expectations ----

// Runs a parser; the error it threw. Code kInternal with an empty message when it threw none.
Error error_of(const std::function<void()>& work);

}  // namespace dq::test
