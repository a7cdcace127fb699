#pragma once
// One pool of pinned-count worker threads. Work is split by index, never by time, so that results do not
// depend on how many threads there are.
#include <condition_variable>
#include <cstdint>
#include <exception>
#include <functional>
#include <mutex>
#include <thread>
#include <vector>

namespace dq {

using Cancelled = std::function<bool()>;

class ThreadPool {
 public:
  // `count` threads take part in parallel_for, the caller among them; 0 means one per core that this
  // process may run on.
  explicit ThreadPool(int count = 0);
  ~ThreadPool();
  ThreadPool(const ThreadPool&) = delete;
  ThreadPool& operator=(const ThreadPool&) = delete;

  int size() const { return static_cast<int>(workers_.size()) + 1; }

  // Asked before each task that the calling thread takes: true ends the loop with kCancelled, so that whoever
  // computes anything on this pool can be stopped within one piece of work. An empty one asks nothing. Set it
  // while no loop runs; see StopScope.
  void stop_when(Cancelled cancelled) { cancelled_ = std::move(cancelled); }

  // Calls task(i, thread) for each i in [0, n), in any order; thread is in [0, size()). Returns when all are
  // done; rethrows the first exception. Not re-entrant: a task must not call parallel_for on the same pool.
  void parallel_for(std::int64_t n, const std::function<void(std::int64_t i, int thread)>& task);

 private:
  struct Job;
  void work(int thread);
  void drain(Job& job, int thread) const;
  void check_cancelled() const;

  std::vector<std::jthread> workers_;
  std::mutex mutex_;
  std::condition_variable wake_, done_;
  Job* job_ = nullptr;
  std::uint64_t generation_ = 0;
  int running_ = 0;
  bool stop_ = false;
  Cancelled cancelled_;
};

// Loops on a pool can be cancelled as long as this lives.
class StopScope {
 public:
  StopScope(ThreadPool& pool, Cancelled cancelled) : pool_(pool) { pool.stop_when(std::move(cancelled)); }
  ~StopScope() { pool_.stop_when({}); }
  StopScope(const StopScope&) = delete;
  StopScope& operator=(const StopScope&) = delete;

 private:
  ThreadPool& pool_;
};

// The number of cores this process may run on (its affinity mask), at least 1.
int usable_cores();

}  // namespace dq
