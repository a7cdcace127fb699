#include "media/stealth.h"

#include "media/inflate.h"
#include "media/metadata.h"
#include "media/unicode.h"

namespace dq::media {

namespace {

class LowBits {
 public:
  // Channels [first, first + count) of each pixel give one bit each.
  LowBits(const Image& image, int first, int count) : image_(image), first_(first), count_(count) {}

  std::uint64_t left() const {
    return static_cast<std::uint64_t>(image_.width) * static_cast<std::uint64_t>(image_.height) *
               static_cast<std::uint64_t>(count_) -
           used_;
  }

  std::uint32_t bits(int n) {
    std::uint32_t value = 0;
    for (int i = 0; i < n; ++i) value = (value << 1) | next();
    return value;
  }

  std::string bytes(std::size_t n) {
    std::string out(n, '\0');
    for (char& c : out) c = static_cast<char>(bits(8));
    return out;
  }

 private:
  std::uint32_t next() {
    const std::uint64_t pixel = used_ / static_cast<std::uint64_t>(count_);
    const auto channel = first_ + static_cast<int>(used_ % static_cast<std::uint64_t>(count_));
    ++used_;
    const auto height = static_cast<std::uint64_t>(image_.height);
    const auto x = static_cast<int>(pixel / height), y = static_cast<int>(pixel % height);
    return image_.row(y)[x * image_.channels + channel] & 1u;
  }

  const Image& image_;
  int first_, count_;
  std::uint64_t used_ = 0;
};

std::optional<std::string> read_from(LowBits bits, std::string_view plain, std::string_view compressed) {
  if (bits.left() < 15 * 8 + 32) return {};
  const std::string signature = bits.bytes(15);
  if (signature != plain && signature != compressed) return {};
  const std::uint32_t length = bits.bits(32);
  if (length > bits.left() || length / 8 > kMaxTextBytes) return {};
  const std::string text = bits.bytes(length / 8);
  if (signature == plain) return to_utf8(text);
  try {
    return to_utf8(
        inflate_text({reinterpret_cast<const std::byte*>(text.data()), text.size()}, kMaxTextBytes));
  } catch (const Error&) {
    return {};
  }
}

}  // namespace

std::optional<std::string> read_stealth(const Image& image) {
  if (image.channels == 4) {
    if (auto text = read_from(LowBits(image, 3, 1), "stealth_pnginfo", "stealth_pngcomp")) return text;
  }
  if (image.channels < 3) return {};
  return read_from(LowBits(image, 0, 3), "stealth_rgbinfo", "stealth_rgbcomp");
}

}  // namespace dq::media
