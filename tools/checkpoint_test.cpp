// make_checkpoint against our own readers: every layout and container, small networks.
#include <gtest/gtest.h>

#include <fstream>
#include <sstream>

#include "base/error.h"
#include "checkpoint/checkpoint.h"
#include "files/weight_source.h"
#include "support/temp_dir.h"

namespace dq::tools {
namespace {

constexpr std::size_t kUnet = 684, kVae = 244, kText = 68;  // tensors of the small size

CheckpointOptions small(const std::filesystem::path& out, Layout layout, Container container) {
  CheckpointOptions options;
  options.out = out;
  options.layout = layout;
  options.container = container;
  options.size = "small";
  return options;
}

std::string bytes_of(const std::filesystem::path& path) {
  std::ifstream in(path, std::ios::binary);
  std::ostringstream out;
  out << in.rdbuf();
  return out.str();
}

// The stored bytes of one tensor.
std::string stored(const files::WeightSource& source, const std::string& name) {
  const files::TensorEntry* entry = source.find(name);
  if (!entry) return "missing: " + name;
  const auto data = entry->file->bytes().subspan(entry->offset, entry->bytes);
  return {reinterpret_cast<const char*>(data.data()), data.size()};
}

class EachContainer : public testing::TestWithParam<Container> {};
INSTANTIATE_TEST_SUITE_P(Checkpoint, EachContainer,
                         testing::Values(Container::kSafetensors, Container::kTorchZip));

TEST_P(EachContainer, SingleFilesHoldEveryTensor) {
  const test::TempDir dir;
  struct Case {
    Layout layout;
    std::size_t tensors;
    const char* text_name;
  };
  const Case cases[] = {
      {Layout::kOriginal, kUnet + kVae + kText + 1,
       "cond_stage_model.transformer.text_model.final_layer_norm.bias"},
      {Layout::kOriginalEma, 2 * kUnet + kVae + kText + 5, "model_ema.diffusion_modelout2bias"},
      {Layout::kOldTextPrefix, kUnet + kVae + kText + 1,
       "cond_stage_model.transformer.final_layer_norm.bias"}};
  for (const Case& c : cases) {
    const auto path = dir.path() / "model";
    write_checkpoint(small(path, c.layout, GetParam()));
    const auto source = files::open_weights(path);
    EXPECT_EQ(source->tensors().size(), c.tensors);
    EXPECT_NE(source->find(c.text_name), nullptr) << c.text_name;
    const files::TensorEntry* first = source->find("model.diffusion_model.input_blocks.0.0.weight");
    ASSERT_NE(first, nullptr);
    EXPECT_EQ(first->shape, (Shape{32, 4, 3, 3}));
    EXPECT_EQ(first->dtype, DType::kF16);
  }
}

TEST_P(EachContainer, LayoutsHoldTheSameNumbers) {
  const test::TempDir dir;
  write_checkpoint(small(dir.path() / "one", Layout::kOriginal, GetParam()));
  write_checkpoint(small(dir.path() / "folder", Layout::kDiffusers, GetParam()));
  write_checkpoint(small(dir.path() / "parts", Layout::kParts, GetParam()));
  const std::string end = GetParam() == Container::kSafetensors ? ".safetensors" : ".pt";
  const auto one = files::open_weights(dir.path() / "one");
  EXPECT_TRUE(files::is_diffusers_folder(dir.path() / "folder"));
  const auto unet = files::open_component(dir.path() / "folder" / "unet");
  const auto vae = files::open_component(dir.path() / "folder" / "vae");
  EXPECT_EQ(unet->tensors().size(), kUnet);
  EXPECT_EQ(files::open_component(dir.path() / "folder" / "text_encoder")->tensors().size(), kText);
  EXPECT_EQ(stored(*one, "model.diffusion_model.middle_block.1.proj_in.weight"),
            stored(*unet, "mid_block.attentions.0.proj_in.weight"));
  EXPECT_EQ(stored(*one, "first_stage_model.decoder.mid.attn_1.q.weight"),
            stored(*vae, "decoder.mid_block.attentions.0.to_q.weight"));
  EXPECT_EQ(stored(*one, "first_stage_model.post_quant_conv.bias"),
            stored(*files::open_weights(dir.path() / "parts" / ("vae" + end)), "post_quant_conv.bias"));
}

TEST(Checkpoint, SameSeedSameBytes) {
  const test::TempDir dir;
  auto options = small(dir.path() / "a", Layout::kOriginal, Container::kSafetensors);
  write_checkpoint(options);
  options.out = dir.path() / "b";
  write_checkpoint(options);
  const std::string first = bytes_of(dir.path() / "a");
  EXPECT_GT(first.size(), 14u << 20);
  EXPECT_TRUE(first == bytes_of(dir.path() / "b"));
  options.seed = 2;
  write_checkpoint(options);
  EXPECT_FALSE(first == bytes_of(dir.path() / "b"));
}

TEST(Checkpoint, InputChannelsAndDtypes) {
  const test::TempDir dir;
  auto options = small(dir.path() / "a", Layout::kOriginal, Container::kSafetensors);
  options.channels = 9;
  options.dtype = DType::kBF16;
  write_checkpoint(options);
  const auto source = files::open_weights(options.out);
  const files::TensorEntry* first = source->find("model.diffusion_model.input_blocks.0.0.weight");
  ASSERT_NE(first, nullptr);
  EXPECT_EQ(first->shape, (Shape{32, 9, 3, 3}));
  EXPECT_EQ(first->dtype, DType::kBF16);
  options.channels = 5;
  EXPECT_THROW(write_checkpoint(options), Error);
}

}  // namespace
}  // namespace dq::tools
