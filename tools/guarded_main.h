#pragma once
// What the main() of every tool does: errors become one line on standard error.
#include <cstdio>
#include <exception>

namespace dq::tools {

// run's exit status, or 1 when it throws.
inline int guarded_main(const char* name, int (*run)(int, char**), int argc, char** argv) {
  try {
    return run(argc, argv);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "%s: %s\n", name, error.what());
  } catch (...) {
    std::fprintf(stderr, "%s: an unknown error\n", name);
  }
  return 1;
}

}  // namespace dq::tools
