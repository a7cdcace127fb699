// Moments in 8 bits: the code and its error, AdamW with it against bitsandbytes (tests/golden/
// make_optimizer.py) and against AdamW in f32.
#include <gtest/gtest.h>

#include <cmath>

#include "grad/dynamic_code.h"
#include "grad/optimizer.h"
#include "grad/tape.h"
#include "ops/devices.h"
#include "ops/elementwise.h"
#include "support/golden.h"
#include "tensor/gradient.h"

namespace dq::test {
namespace {

using grad::DynamicCode;
using grad::kCodeBlock;

class AdamW8Bit : public testing::Test {
 protected:
  Tensor from_file(const std::string& name, int row) {
    const Tensor all = golden(*file_, name, *device_);
    Shape shape = all.shape();
    shape.erase(shape.begin());
    return all.slice(0, row, row + 1).reshape(shape);
  }

  std::unique_ptr<Device> device_ = ops::make_cpu_device({.threads = 2});
  std::shared_ptr<const files::WeightSource> file_ =
      files::open_weights(golden_path("optimizer.safetensors"));
};

TEST_F(AdamW8Bit, CodesStandForTheValuesOfBitsandbytes) {
  const DynamicCode with_sign(DynamicCode::Sign::kSigned), without(DynamicCode::Sign::kUnsigned);
  const Tensor expected_with = golden(*file_, "map.signed", *device_),
               expected_without = golden(*file_, "map.unsigned", *device_);
  for (std::size_t i = 0; i < 256; ++i) {
    const float a = expected_with.data<float>()[i], b = expected_without.data<float>()[i];
    EXPECT_NEAR(with_sign.values()[i], a, std::abs(a) * 1e-6f) << i;
    EXPECT_NEAR(without.values()[i], b, b * 1e-6f) << i;
  }
}

// Half the distance of two values of a decade, or of its last and the first of the next.
TEST_F(AdamW8Bit, TheErrorStaysWithinHalfADistance) {
  for (const auto sign : {DynamicCode::Sign::kSigned, DynamicCode::Sign::kUnsigned}) {
    const bool is_signed = sign == DynamicCode::Sign::kSigned;
    const DynamicCode code(sign);
    std::array<float, kCodeBlock> x{}, y{};
    std::array<std::uint8_t, kCodeBlock> codes{};
    const float peak = 37;
    for (std::uint64_t round = 0; round < 40; ++round) {
      const std::vector<float> exponents = random_values(x.size(), round, -7, 0);
      for (std::size_t i = 0; i < x.size(); ++i)
        x[i] = peak * std::pow(10.0f, exponents[i]) * (is_signed && i % 2 == 1 ? -1.0f : 1.0f);
      x[5] = is_signed ? -peak : peak;
      x[6] = 0;
      ASSERT_EQ(code.encode(x.data(), kCodeBlock, codes.data()), peak);
      code.decode(codes.data(), kCodeBlock, peak, y.data());
      EXPECT_EQ(y[6], 0);
      for (std::size_t i = 0; i < x.size(); ++i) {
        if (i == 6) continue;
        const double size = std::abs(static_cast<double>(x[i])) / peak;
        // −peak has no code of its own: it is as far from its neighbour as others may be.
        const int decade = std::min(6, static_cast<int>(std::floor(std::log10(size) + 1e-6)) + 7);
        const double parts = is_signed ? std::exp2(decade) : std::exp2(decade + 1);
        const double bound = 0.45 / parts * std::pow(10.0, decade - 6);
        EXPECT_LE(std::abs(static_cast<double>(x[i] - y[i])) / peak, bound * (1 + 1e-5)) << size;
      }
    }
  }
}

TEST_F(AdamW8Bit, ZerosStayAndSecondMomentsNeverVanish) {
  const DynamicCode with_sign(DynamicCode::Sign::kSigned), without(DynamicCode::Sign::kUnsigned);
  const std::array<float, 3> zeros{}, spread{1, 1e-9f, 0};
  std::array<std::uint8_t, 3> codes{};
  std::array<float, 3> back{1, 1, 1};
  for (const DynamicCode* code : {&with_sign, &without}) {
    const float peak = code->encode(zeros.data(), 3, codes.data());
    EXPECT_EQ(peak, 0);
    code->decode(codes.data(), 3, peak, back.data());
    EXPECT_EQ(back, zeros);
  }
  without.decode(codes.data(), 3, without.encode(spread.data(), 3, codes.data()), back.data());
  EXPECT_EQ(back[0], 1);
  EXPECT_GT(back[1], 0);
  EXPECT_EQ(back[2], 0);
}

TEST_F(AdamW8Bit, FollowsBitsandbytes) {
  std::vector<grad::Trained> trained;
  for (const char* name : {"large", "vector"}) {
    Tensor leaf = golden(*file_, std::string("coded.") + name + ".start", *device_);
    ask_gradient(leaf);
    trained.push_back({name, leaf, 1, std::string(name) != "vector"});
  }
  const auto optimizer = grad::make_adamw_8bit(trained, {.weight_decay = 0.1});
  const std::map<int, int> kept{{0, 0}, {4, 1}, {19, 2}};
  for (int step = 0; step < 20; ++step) {
    for (const grad::Trained& t : trained)
      grad::set_gradient(t.leaf, from_file("coded." + t.name + ".gradients", step));
    optimizer->step(1e-2);
    EXPECT_LE(relative_error(trained[1].leaf, from_file("coded.vector.path", step)), 1e-6);
    const auto row = kept.find(step);
    if (row == kept.end()) continue;
    EXPECT_LE(relative_error(trained[0].leaf, from_file("coded.large.path", row->second)), 1e-5) << step;
    const auto state = optimizer->state();
    for (const std::string name : {"first", "second"}) {
      EXPECT_LE(relative_error(state.at(name + ".large.peaks"),
                               from_file("coded.large." + name + ".peaks", row->second)),
                1e-5);
      const Tensor codes = ops::convert(state.at(name + ".large"), DType::kF32),
                   expected = from_file("coded.large." + name, row->second);
      int different = 0;
      for (std::int64_t i = 0; i < codes.count(); ++i) {
        const float off = std::abs(codes.data<float>()[i] - expected.data<float>()[i]);
        EXPECT_LE(off, 1) << name << " " << i;
        different += off > 0 ? 1 : 0;
      }
      EXPECT_LE(different, codes.count() / 1000) << name << " after step " << step;
    }
  }
  EXPECT_EQ(optimizer->state().at("first.large").dtype(), DType::kU8);
  EXPECT_EQ(optimizer->state().at("first.vector").dtype(), DType::kF32);
}

// How far from AdamW in f32 the leaf ends, as a share of the way it went, when gradients of sizes from
// 10^-decades to 1 lie side by side.
double apart(Device& device, int decades) {
  const Shape shape{64, 80};
  const Tensor start = random_tensor(device, shape, 1);
  Tensor coded = ops::copied(start), exact = ops::copied(start);
  ask_gradient(coded);
  ask_gradient(exact);
  const auto a = grad::make_adamw_8bit({{"w", coded}}), b = grad::make_adamw({{"w", exact}});
  for (std::uint64_t step = 0; step < 200; ++step) {
    Tensor g = random_tensor(device, shape, 100 + step, -0.5f, 1);
    for (std::int64_t i = 0; i < g.count(); ++i)
      g.data<float>()[i] *= std::pow(10.0f, -static_cast<float>(i % (decades + 1)));
    grad::set_gradient(coded, g);
    grad::set_gradient(exact, g);
    a->step(1e-3);
    b->step(1e-3);
  }
  double squares = 0, way = 0;
  for (std::int64_t i = 0; i < start.count(); ++i) {
    const double to = exact.data<float>()[i];
    squares += std::pow(to - coded.data<float>()[i], 2);
    way += std::pow(to - start.data<float>()[i], 2);
  }
  return std::sqrt(squares / way);
}

// Found: 0.0074, 0.0163 and 0.056. Second moments are stored relative to the greatest of their block, and a
// decade of gradients is two of theirs: the smaller a gradient beside its neighbours, the fewer values there
// are for its second moment.
TEST_F(AdamW8Bit, StaysNearAdamWInF32) {
  EXPECT_LE(apart(*device_, 0), 0.01);
  EXPECT_LE(apart(*device_, 1), 0.02);
  EXPECT_LE(apart(*device_, 2), 0.07);
}

}  // namespace
}  // namespace dq::test
