// Stopping a painter in the middle of a stage: little more is computed after that.
#include <gtest/gtest.h>

#include <map>

#include "app/cli.h"
#include "base/error.h"
#include "ops/devices.h"
#include "pipeline/painter.h"

namespace dq::test {
namespace {

using pipeline::Progress;
using pipeline::Stage;

pipeline::Request small_request() {
  pipeline::Request request;
  request.model = checkpoint().string();
  request.prompt = "a cat";
  request.width = request.height = 256;
  request.steps = 1;
  return request;
}

// Multiply-adds done when each stage began, and at the end.
struct Work {
  std::map<Stage, double> begin;
  double end = 0;
  bool cancelled = false;
};

Work paint(std::optional<Stage> stop_at) {
  const auto device = ops::make_cpu_device({.threads = 2});
  Work work;
  bool stop = false;
  pipeline::PainterOptions options;
  options.on_progress = [&](const Progress& p) {
    work.begin.emplace(p.stage, device->flops());
    if (p.stage == stop_at) stop = true;
  };
  options.cancelled = [&stop] { return stop; };
  pipeline::Painter painter(*device, options);
  try {
    painter.paint(small_request());
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::kCancelled) << error.what();
    work.cancelled = true;
  }
  work.end = device->flops();
  return work;
}

TEST(Cancelling, TakesEffectWithinAStage) {
  const Work whole = paint(std::nullopt);
  ASSERT_FALSE(whole.cancelled);
  for (const Stage stage : {Stage::kEncodingText, Stage::kLoading, Stage::kDecoding}) {
    ASSERT_TRUE(whole.begin.contains(stage));
    const Work stopped = paint(stage);
    EXPECT_TRUE(stopped.cancelled) << to_string(stage);
    EXPECT_EQ(stopped.begin.at(stage), whole.begin.at(stage));
    // What follows: the stage itself and all later ones in a whole run.
    const double rest = whole.end - whole.begin.at(stage);
    EXPECT_LT(stopped.end - stopped.begin.at(stage), rest / 20) << to_string(stage);
  }
}

}  // namespace
}  // namespace dq::test
