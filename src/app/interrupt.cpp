#include "app/interrupt.h"

#include <csignal>
#include <cstdlib>
#include <ctime>
#include <stop_token>

#include <pthread.h>
#include <unistd.h>

namespace dq::app {

Interrupt::Interrupt() {
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGINT);
  sigaddset(&signals, SIGTERM);
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  waiter_ = std::jthread([this, signals](const std::stop_token& stop) {
    const timespec tick{0, 50'000'000};
    while (!stop.stop_requested()) {
      const int signal = sigtimedwait(&signals, nullptr, &tick);
      if (signal <= 0) continue;
      if (requested_.exchange(true)) ::_exit(128 + signal);
    }
  });
}

Interrupt::~Interrupt() = default;

}  // namespace dq::app
