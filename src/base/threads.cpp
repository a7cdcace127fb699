#include "base/threads.h"

#include <sched.h>

#include <atomic>

#include "base/error.h"

namespace dq {

struct ThreadPool::Job {
  Job(std::int64_t count, const std::function<void(std::int64_t, int)>* body) : n(count), task(body) {}
  std::int64_t n;
  const std::function<void(std::int64_t, int)>* task;
  std::atomic<std::int64_t> next{0};
  std::mutex error_mutex;
  std::exception_ptr error;
};

int usable_cores() {
  cpu_set_t set;
  CPU_ZERO(&set);
  if (sched_getaffinity(0, sizeof(set), &set) != 0) return 1;
  const int count = CPU_COUNT(&set);
  return count > 0 ? count : 1;
}

ThreadPool::ThreadPool(int count) {
  if (count <= 0) count = usable_cores();
  workers_.reserve(static_cast<std::size_t>(count - 1));
  for (int thread = 1; thread < count; ++thread) {
    workers_.emplace_back([this, thread] { work(thread); });
  }
}

ThreadPool::~ThreadPool() {
  {
    const std::lock_guard lock(mutex_);
    stop_ = true;
  }
  wake_.notify_all();
  workers_.clear();  // joins, while the mutex is still there
}

void ThreadPool::check_cancelled() const {
  if (cancelled_ && cancelled_()) throw Error(ErrorCode::kCancelled, "stopped");
}

void ThreadPool::drain(Job& job, int thread) const {
  for (;;) {
    const std::int64_t i = job.next.fetch_add(1, std::memory_order_relaxed);
    if (i >= job.n) return;
    try {
      if (thread == 0) check_cancelled();
      (*job.task)(i, thread);
    } catch (...) {
      const std::lock_guard lock(job.error_mutex);
      if (!job.error) job.error = std::current_exception();
      job.next.store(job.n, std::memory_order_relaxed);
    }
  }
}

void ThreadPool::work(int thread) {
  std::uint64_t seen = 0;
  std::unique_lock lock(mutex_);
  for (;;) {
    wake_.wait(lock, [&] { return stop_ || (job_ && generation_ != seen); });
    if (stop_) return;
    seen = generation_;
    Job* job = job_;
    ++running_;
    lock.unlock();
    drain(*job, thread);
    lock.lock();
    if (--running_ == 0) done_.notify_one();
  }
}

void ThreadPool::parallel_for(std::int64_t n, const std::function<void(std::int64_t, int)>& task) {
  if (n <= 0) return;
  if (n == 1 || workers_.empty()) {
    for (std::int64_t i = 0; i < n; ++i) {
      check_cancelled();
      task(i, 0);
    }
    return;
  }
  Job job(n, &task);
  {
    const std::lock_guard lock(mutex_);
    job_ = &job;
    ++generation_;
  }
  wake_.notify_all();
  drain(job, 0);
  std::unique_lock lock(mutex_);
  job_ = nullptr;  // a worker that wakes up from now on finds nothing to do
  done_.wait(lock, [&] { return running_ == 0; });
  if (job.error) std::rethrow_exception(job.error);
}

}  // namespace dq
