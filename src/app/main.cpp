// danqing: wiring only. Errors of every folder become messages here and nowhere else.
#include <fmt/format.h>

#include <cstdio>
#include <new>

#include "app/commands.h"
#include "base/error.h"

namespace dq::app {
namespace {

constexpr int kFailed = 1, kCancelled = 130;

int guarded(const Run& run) {
  try {
    return run();
  } catch (const Error& error) {
    fmt::print(stderr, "danqing: {}\n", error.what());
    return error.code() == ErrorCode::kCancelled ? kCancelled : kFailed;
  } catch (const std::bad_alloc&) {
    fmt::print(stderr, "danqing: out of memory. Try a smaller --size, --batch 1 or a lower --memory\n");
    return kFailed;
  } catch (const std::exception& error) {
    fmt::print(stderr, "danqing: internal error: {}\n", error.what());
    return kFailed;
  }
}

int main_with(int argc, char** argv) {
  CLI::App app{"Danqing 丹青 makes pictures with open diffusion models on your own computer.", "danqing"};
  app.require_subcommand(1);
  app.set_version_flag("--version", "danqing 0.1.0");
  app.get_formatter()->column_width(34);
  Run run;
  std::vector<std::string> words;
  for (int i = 1; i < argc; ++i) words.emplace_back(argv[i]);
  add_paint(app, run, words);
  add_train(app, run);
  add_show(app, run);
  add_inspect(app, run);
  add_bench(app, run);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error);
  }
  return run();
}

}  // namespace
}  // namespace dq::app

int main(int argc, char** argv) {
  return dq::app::guarded([argc, argv] { return dq::app::main_with(argc, argv); });
}
