// Every file that torch and the safetensors library wrote is read as they meant it: names, types, numbers,
// metadata.
#include <gtest/gtest.h>

#include <fstream>
#include <nlohmann/json.hpp>

#include "files/builders.h"
#include "files/weight_source.h"
#include "support/golden.h"
#include "support/host_device.h"

namespace dq::files {
namespace {

const std::map<std::string, std::string>& type_names() {
  static const std::map<std::string, std::string> kNames = {{"float64", "F64"},
                                                            {"float32", "F32"},
                                                            {"float16", "F16"},
                                                            {"bfloat16", "BF16"},
                                                            {"float8_e4m3fn", "F8_E4M3"},
                                                            {"float8_e5m2", "F8_E5M2"},
                                                            {"int64", "I64"},
                                                            {"int32", "I32"},
                                                            {"int16", "I16"},
                                                            {"int8", "I8"},
                                                            {"uint8", "U8"},
                                                            {"uint16", "U16"},
                                                            {"uint32", "U32"},
                                                            {"uint64", "U64"},
                                                            {"bool", "BOOL"}};
  return kNames;
}

// The elements of a view, in row-major order, as bytes.
std::string gathered(const Tensor& tensor) {
  std::string out;
  const auto element = static_cast<std::size_t>(size_of(tensor.dtype()));
  for (std::int64_t i = 0; i < tensor.count(); ++i) {
    std::int64_t rest = i, at = 0;
    for (int axis = tensor.rank() - 1; axis >= 0; --axis) {
      at += rest % tensor.dim(axis) * tensor.strides()[static_cast<std::size_t>(axis)];
      rest /= tensor.dim(axis);
    }
    out.append(reinterpret_cast<const char*>(tensor.raw()) + static_cast<std::size_t>(at) * element, element);
  }
  return out;
}

class GoldenFile : public testing::TestWithParam<std::string> {};

TEST_P(GoldenFile, IsReadAsWritten) {
  std::ifstream in(test::golden_path("files/expected.json"));
  const auto facts = nlohmann::json::parse(in).at(GetParam());
  const auto expected = open_weights(test::golden_path("files/expected.safetensors"));
  const auto source = open_weights(test::golden_path("files/" + GetParam()));
  test::HostDevice device;

  EXPECT_EQ(source->tensors().size(), facts.at("dtypes").size());
  for (const auto& [name, dtype] : facts.at("dtypes").items()) {
    SCOPED_TRACE(name);
    const TensorEntry* entry = source->find(name);
    const TensorEntry* wanted = expected->find(GetParam() + "/" + name);
    ASSERT_NE(entry, nullptr);
    ASSERT_NE(wanted, nullptr);
    EXPECT_EQ(to_string(entry->dtype), type_names().at(dtype.get<std::string>()));
    EXPECT_EQ(entry->shape, wanted->shape);
    EXPECT_EQ(gathered(WeightSource::view(*entry, device)), gathered(WeightSource::view(*wanted, device)));
  }
  std::map<std::string, std::string> metadata;
  for (const auto& [key, value] : facts.at("metadata").items()) metadata[key] = value;
  EXPECT_EQ(source->metadata(), metadata);
}

INSTANTIATE_TEST_SUITE_P(Torch, GoldenFile,
                         testing::Values("types.pt", "types_legacy.pt", "views.pt", "views_legacy.pt",
                                         "state_dict.pt", "parameters.pt", "shared.pt", "lightning.ckpt",
                                         "lightning_legacy.ckpt", "upscaler.pth", "model_alone.pth",
                                         "model_beside.pth", "ip_adapter.bin", "embedding.pt",
                                         "learned_embeds.bin", "lone.pt", "protocol3.pt", "protocol4.pt",
                                         "protocol5.pt"));
INSTANTIATE_TEST_SUITE_P(Safetensors, GoldenFile, testing::Values("types.safetensors", "empty.safetensors"));

TEST(GoldenFiles, ViewsKeepTheirStrides) {
  for (const char* name : {"files/views.pt", "files/views_legacy.pt"}) {
    const auto source = open_weights(test::golden_path(name));
    EXPECT_EQ(source->find("transposed")->strides, (Shape{1, 8}));
    EXPECT_EQ(source->find("repeated")->strides, (Shape{0, 1}));
    EXPECT_EQ(source->find("every_other")->strides, (Shape{16, 3}));
    EXPECT_EQ(source->find("window")->offset, source->find("base")->offset + (1 * 8 + 2) * 4);
    EXPECT_EQ(source->find("window")->bytes, (2 * 8 + 4 + 1) * 4u);
  }
}

TEST(GoldenFiles, WhatIsNoTableOfTensorsIsRefused) {
  const Error complex = test::error_of([] { open_weights(test::golden_path("files/complex.pt")); });
  EXPECT_EQ(complex.code(), ErrorCode::kUnsupported);
  EXPECT_EQ(complex.key(), "c");
  const Error object = test::error_of([] { open_weights(test::golden_path("files/object.pt")); });
  EXPECT_EQ(object.code(), ErrorCode::kUnsupported);
  EXPECT_NE(object.message().find("Python object"), std::string::npos);
  const Error script = test::error_of([] { open_weights(test::golden_path("files/torchscript.pt")); });
  EXPECT_EQ(script.code(), ErrorCode::kUnsupported);
  EXPECT_NE(script.message().find("TorchScript"), std::string::npos);
}

}  // namespace
}  // namespace dq::files
