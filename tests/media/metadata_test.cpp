// Where texts hide, what is refused, and every program's grammar.
#include <gtest/gtest.h>
#include <zlib.h>

#include "media/exif.h"
#include "media/generation_info.h"
#include "media/metadata.h"
#include "media/png_text.h"
#include "media_goldens.h"

namespace dq::media {
namespace {

using test::media_expected;
using test::media_file;

class Program : public testing::TestWithParam<std::string> {};

void expect_fields(const nlohmann::json& want, const GenerationInfo& info) {
  const auto text = [&](const char* key, const std::string& value) {
    if (!want.contains(key)) return;
    EXPECT_EQ(value, want[key].get<std::string>()) << key;
  };
  const auto number = [&](const char* key, const auto& value) {
    if (!want.contains(key)) return;
    ASSERT_TRUE(value.has_value()) << key;
    EXPECT_EQ(*value, want[key].get<std::decay_t<decltype(*value)>>()) << key;
  };
  text("program", info.program);
  text("version", info.version);
  text("prompt", info.prompt);
  text("negative_prompt", info.negative_prompt);
  text("sampler", info.sampler);
  text("scheduler", info.scheduler);
  text("model", info.model);
  text("model_hash", info.model_hash);
  text("vae", info.vae);
  text("rng", info.rng);
  number("steps", info.steps);
  number("cfg", info.cfg);
  number("seed", info.seed);
  number("width", info.width);
  number("height", info.height);
  number("clip_skip", info.clip_skip);
  number("denoise", info.denoise);
  number("ensd", info.ensd);
  if (want.contains("loras")) {
    ASSERT_EQ(info.loras.size(), want["loras"].size());
    for (std::size_t i = 0; i < info.loras.size(); ++i) {
      EXPECT_EQ(info.loras[i].name, want["loras"][i][0].get<std::string>());
      EXPECT_EQ(info.loras[i].strength, want["loras"][i][1].get<double>());
      EXPECT_EQ(info.loras[i].hash, want["loras"][i][2].get<std::string>());
    }
  }
  if (want.contains("setting")) {
    const std::string* value = info.setting(want["setting"][0].get<std::string>());
    ASSERT_NE(value, nullptr);
    EXPECT_EQ(*value, want["setting"][1].get<std::string>());
  }
}

TEST_P(Program, IsRead) {
  const std::vector<TextEntry> texts = read_texts_and_stealth(media_file(GetParam()));
  const auto info = parse_generation_info(texts);
  ASSERT_TRUE(info.has_value());
  EXPECT_EQ(info->raw, texts);
  EXPECT_FALSE(info->settings.empty());
  expect_fields(media_expected("info")[GetParam()], *info);
}

std::vector<std::string> files() {
  std::vector<std::string> names;
  const nlohmann::json all = media_expected("info");
  for (const auto& [name, value] : all.items()) names.push_back(name);
  return names;
}

INSTANTIATE_TEST_SUITE_P(Every, Program, testing::ValuesIn(files()),
                         [](const auto& row) { return test::test_name(row.param); });

TEST(OwnRequest, IsGivenBackUntouched) {
  const std::string request = "{\"schema\": 1,  \"x\":NaN}";
  const auto info = parse_generation_info(
      {{"parameters", "cat\nSteps: 3, Sampler: Euler, CFG scale: 1, Seed: 2"}, {"danqing", request}});
  ASSERT_TRUE(info.has_value());
  EXPECT_EQ(info->program, "Danqing");
  EXPECT_EQ(info->danqing_request, request);
  EXPECT_EQ(info->prompt, "cat");
  EXPECT_EQ(info->steps, 3);
}

TEST(Nothing, IsFoundInPlainPictures) {
  EXPECT_TRUE(read_texts_and_stealth(media_file("rgba8.png")).empty());
  EXPECT_FALSE(parse_generation_info({}).has_value());
  EXPECT_FALSE(parse_generation_info({{"exif:Model", "Canon EOS 5D"}, {"comment", "holiday"}}).has_value());
}

void append(std::vector<std::byte>& out, Bytes more) {
  out.insert(out.end(), more.begin(), more.end());
}

void append_chunk(std::vector<std::byte>& out, std::string_view type, Bytes data) {
  for (int shift = 24; shift >= 0; shift -= 8)
    out.push_back(static_cast<std::byte>((data.size() >> shift) & 0xff));
  append(out, test::as_bytes(type));
  append(out, data);
  append(out, test::as_bytes("crc."));
}

std::vector<std::byte> png_with(std::string_view type, std::string_view head, std::string body,
                                int copies = 1) {
  std::vector<std::byte> out;
  append(out, test::as_bytes("\x89PNG\r\n\x1a\n"));
  std::vector<std::byte> data;
  append(data, test::as_bytes(head));
  append(data, test::as_bytes(body));
  for (int i = 0; i < copies; ++i) append_chunk(out, type, data);
  return out;
}

std::string deflated(const std::string& text) {
  std::string out(compressBound(text.size()), '\0');
  uLongf size = out.size();
  compress2(reinterpret_cast<Bytef*>(out.data()), &size, reinterpret_cast<const Bytef*>(text.data()),
            text.size(), 9);
  out.resize(size);
  return out;
}

ErrorCode text_error(Bytes file) {
  try {
    read_texts(file);
  } catch (const Error& error) {
    return error.code();
  }
  return ErrorCode::kInternal;
}

TEST(PngTextLimits, LargeTextsAreRefused) {
  const std::string_view ztxt("k\0\0", 3), text("k\0", 2);
  EXPECT_EQ(text_error(png_with("zTXt", ztxt, deflated(std::string(kMaxTextBytes + 1, 'a')))),
            ErrorCode::kUnsupported);
  EXPECT_EQ(read_texts(png_with("zTXt", ztxt, deflated(std::string(kMaxTextBytes, 'a')))).front().text.size(),
            kMaxTextBytes);
  EXPECT_EQ(text_error(png_with("tEXt", text, std::string(kMaxTextBytes + 1, 'a'))), ErrorCode::kUnsupported);
  EXPECT_EQ(text_error(png_with("tEXt", text, std::string(6 << 20, 'a'), 3)), ErrorCode::kUnsupported);
  EXPECT_EQ(text_error(png_with("tEXt", text, "a", 1001)), ErrorCode::kUnsupported);
  EXPECT_EQ(read_texts(png_with("tEXt", text, "a", 1000)).size(), 1000u);
}

TEST(PngText, DamageDoesNotHideTheRest) {
  std::vector<std::byte> file = png_with("zTXt", std::string_view("k\0\0", 3), "not zlib");
  append_chunk(file, "iTXt", test::as_bytes("no end"));
  append_chunk(file, "tEXt", test::as_bytes(std::string_view("k2\0fine", 7)));
  append(file, test::as_bytes(std::string_view("\xff\xff\xff\xfftEXt....", 12)));
  EXPECT_EQ(read_texts(file), (std::vector<TextEntry>{{"k2", "fine"}}));
}

TEST(PngText, BytesThatAreUtf8AreTakenSo) {
  EXPECT_EQ(read_texts(png_with("tEXt", std::string_view("k\0", 2), "墨")).front().text, "墨");
  EXPECT_EQ(read_texts(png_with("tEXt", std::string_view("k\0", 2), "caf\xe9")).front().text, "café");
}

TEST(Exif, FieldsOutsideTheBlockAreLeftOut) {
  // One directory with two fields: an ASCII field whose offset is far away, and one whose count overflows.
  const std::string_view block(
      "II*\0\x08\0\0\0"
      "\x02\0"
      "\x0f\x01\x02\0\x10\0\0\0\xf0\xff\xff\xff"
      "\x10\x01\x0c\0\xff\xff\xff\xff\0\0\0\0"
      "\0\0\0\0",
      38);
  EXPECT_TRUE(read_exif(test::as_bytes(block)).fields.empty());
  EXPECT_THROW(read_exif(test::as_bytes("nothing")), Error);
  EXPECT_THROW(read_exif({}), Error);
}

TEST(Exif, UserCommentEncodings) {
  const auto read = [](std::string_view text) { return user_comment_text(test::as_bytes(text)); };
  EXPECT_EQ(read(std::string_view("UNICODE\0\x72\xac\0a", 12)), "犬a");
  EXPECT_EQ(read(std::string_view("UNICODE\0\xff\xfe\x61\0", 12)), "a");
  EXPECT_EQ(read(std::string_view("UNICODE\0\xd8\x3d\xdc\x31", 12)), "🐱");
  EXPECT_EQ(read(std::string_view("UNICODE\0\0a\xd8\x3d", 12)), "a\xef\xbf\xbd");
  EXPECT_EQ(read(std::string_view("ASCII\0\0\0hi\0\0", 12)), "hi");
  EXPECT_EQ(read("{\"c\":1}"), "{\"c\":1}");
  EXPECT_EQ(read(std::string_view("JIS\0\0\0\0\0xx", 10)), "");
}

TEST(Exif, WhatIsWrittenIsRead) {
  const std::vector<std::byte> block = write_exif({{kTagModel, "b"}, {kTagMake, "a long one"}}, "丹青");
  const Exif exif = read_exif(block);
  ASSERT_EQ(exif.fields.size(), 4u);
  EXPECT_EQ(exif.order, std::endian::big);
  EXPECT_EQ(user_comment_text(exif.find(ExifDirectory::kExif, kTagUserComment)->value), "丹青");
  EXPECT_EQ(exif.orientation(), 1);
}

}  // namespace
}  // namespace dq::media
