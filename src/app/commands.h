#pragma once
// The commands of the program. Each adds its options to the command line and answers what to run.
#include <CLI/CLI.hpp>
#include <functional>
#include <string>
#include <vector>

namespace dq::app {

// A command's body; returns the exit status.
using Run = std::function<int()>;

// Each registers a sub-command and stores its body in `run` when the person chose it. `words`: the whole
// command line; `paint --from IMG` reads the picture's request first, so that the other options then change
// it.
void add_paint(CLI::App& app, Run& run, const std::vector<std::string>& words);
void add_train(CLI::App& app, Run& run);
void add_show(CLI::App& app, Run& run);
void add_inspect(CLI::App& app, Run& run);
void add_bench(CLI::App& app, Run& run);
void add_bench_mini(CLI::App& bench, Run& run);  // `danqing bench mini`

}  // namespace dq::app
