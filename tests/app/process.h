#pragma once
// Another program, run as a person would run it, but without a shell.
#include <cstdint>
#include <filesystem>
#include <map>
#include <string>
#include <vector>

namespace dq::test {

struct Program {
  std::filesystem::path file;
  std::vector<std::string> arguments;
  std::filesystem::path folder;                    // where it runs
  std::map<std::string, std::string> environment;  // over our own
  int signal = 0;                                  // sent once its errors contain `signal_after`
  std::string signal_after;
  int second_signal = 0;  // sent right after it
};

struct Outcome {
  int status = -1;              // of exit; −1 when a signal ended it
  int killed_by = 0;            // that signal
  std::string out, err;         // standard output and standard error
  std::int64_t peak_bytes = 0;  // resident memory at its most
  bool signal_was_sent = false;
};

// Waits for its end; a program that hangs is killed after two minutes.
Outcome run(const Program& program);

}  // namespace dq::test
