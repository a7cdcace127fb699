#pragma once
// Ctrl-C, without a signal handler: the signal is blocked everywhere and waited for by one thread.
#include <atomic>
#include <thread>

namespace dq::app {

class Interrupt {
 public:
  // Must be made before any other thread, so that all of them inherit the blocked signals. The first SIGINT
  // or SIGTERM asks to stop; a second one ends the process at once (files being written have no name
  // yet, see base/atomic_file.h).
  Interrupt();
  ~Interrupt();
  Interrupt(const Interrupt&) = delete;
  Interrupt& operator=(const Interrupt&) = delete;

  bool requested() const { return requested_; }

 private:
  std::atomic<bool> requested_ = false;
  std::jthread waiter_;
};

}  // namespace dq::app
