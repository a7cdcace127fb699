#include "train/event_file.h"

#include <array>
#include <bit>
#include <cstring>
#include <string>

#include "base/error.h"

namespace dq::train {
namespace {

constexpr std::array<std::uint32_t, 256> make_table() {
  std::array<std::uint32_t, 256> table{};
  for (std::uint32_t i = 0; i < 256; ++i) {
    std::uint32_t c = i;
    for (int bit = 0; bit < 8; ++bit) c = (c & 1) ? (c >> 1) ^ 0x82f63b78u : c >> 1;
    table[i] = c;
  }
  return table;
}
constexpr std::array<std::uint32_t, 256> kTable = make_table();

std::uint32_t masked(std::uint32_t crc) {
  return ((crc >> 15) | (crc << 17)) + 0xa282ead8u;
}

template <class T>
void put_little(std::string& to, T value) {
  for (std::size_t i = 0; i < sizeof(T); ++i)
    to += static_cast<char>(static_cast<std::uint64_t>(value) >> (8 * i));
}

void put_varint(std::string& to, std::uint64_t value) {
  for (; value >= 0x80; value >>= 7) to += static_cast<char>(value | 0x80);
  to += static_cast<char>(value);
}

// Field numbers below 16 and their wire types: 0 varint, 1 eight bytes, 2 length and bytes, 5 four bytes.
void put_key(std::string& to, int field, int type) {
  to += static_cast<char>(field << 3 | type);
}

void put_bytes(std::string& to, int field, std::string_view bytes) {
  put_key(to, field, 2);
  put_varint(to, bytes.size());
  to += bytes;
}

std::string record(std::string_view event) {
  std::string out;
  put_little(out, static_cast<std::uint64_t>(event.size()));
  put_little(out, masked(crc32c(out)));
  out += event;
  put_little(out, masked(crc32c(event)));
  return out;
}

}  // namespace

std::uint32_t crc32c(std::string_view bytes) {
  std::uint32_t crc = ~0u;
  for (const char c : bytes) crc = (crc >> 8) ^ kTable[(crc ^ static_cast<unsigned char>(c)) & 0xff];
  return ~crc;
}

EventFile::EventFile(const std::filesystem::path& path) {
  std::error_code failed;
  const bool fresh = !std::filesystem::exists(path, failed) || std::filesystem::file_size(path, failed) == 0;
  out_.open(path, std::ios::binary | std::ios::app);
  if (!out_) throw Error(ErrorCode::kIo, "the log cannot be opened for writing").in(path.string());
  if (!fresh) return;
  std::string event;
  put_key(event, 1, 1);
  put_little(event, std::bit_cast<std::uint64_t>(0.0));
  put_bytes(event, 3, "brain.Event:2");
  out_ << record(event);
}

void EventFile::add(std::string_view tag, std::int64_t step, double value, double wall_seconds) {
  std::string entry;
  put_bytes(entry, 1, tag);
  put_key(entry, 2, 5);
  put_little(entry, std::bit_cast<std::uint32_t>(static_cast<float>(value)));
  std::string summary;
  put_bytes(summary, 1, entry);
  std::string event;
  put_key(event, 1, 1);
  put_little(event, std::bit_cast<std::uint64_t>(wall_seconds));
  put_key(event, 2, 0);
  put_varint(event, static_cast<std::uint64_t>(step));
  put_bytes(event, 5, summary);
  out_ << record(event);
}

void EventFile::flush() {
  out_.flush();
}

}  // namespace dq::train
