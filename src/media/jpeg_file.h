#pragma once
// JPEG (ITU-T T.81) through libjpeg-turbo, and the segments in front of its pixels.
//
//   FF D8 | FF E0…EF length u16 BE, data (APPn) | FF FE length, data (COM) | … | FF DA (scan) … | FF D9
//
// A segment holds at most 65,533 bytes. Our texts that the EXIF block (APP1) cannot hold are written as COM
// segments, each beginning "key i/n:" (key, part, parts), and joined again when read.
#include <optional>

#include "media/codec.h"

namespace dq::media {

struct JpegSegment {
  std::uint8_t marker = 0;  // 0xE1 APP1, 0xFE COM
  Bytes data;
};

// The segments before the first scan. Damage ends the list; throws kBadFile when the file is no JPEG.
std::vector<JpegSegment> jpeg_segments(Bytes file);

// The EXIF block among them, without "Exif\0\0".
std::optional<Bytes> jpeg_exif(const std::vector<JpegSegment>& segments);

// The texts of EXIF and of comments.
std::vector<TextEntry> read_jpeg_texts(Bytes file);

// Baseline, progressive, gray, YCbCr, RGB, CMYK and YCCK; 8 bits. Orientation is not applied here.
Image decode_jpeg(Bytes file, const ImageLimits& limits);

// 4:2:0 below quality 90, else 4:4:4; Huffman tables optimised.
std::vector<std::byte> encode_jpeg(const Image& image, const EncodeOptions& options);

}  // namespace dq::media
