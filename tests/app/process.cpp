#include "app/process.h"

#include <fcntl.h>
#include <poll.h>
#include <spawn.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <csignal>
#include <stdexcept>

namespace dq::test {
namespace {

constexpr auto kPatience = std::chrono::minutes(2);

class Pipe {
 public:
  Pipe() {
    if (::pipe2(ends_.data(), O_CLOEXEC) != 0) throw std::runtime_error("cannot make a pipe");
  }
  ~Pipe() {
    close_end(0);
    close_end(1);
  }
  Pipe(const Pipe&) = delete;
  Pipe& operator=(const Pipe&) = delete;

  int from() const { return ends_[0]; }
  int to() const { return ends_[1]; }
  void close_end(std::size_t end) {
    if (ends_[end] >= 0) ::close(ends_[end]);
    ends_[end] = -1;
  }

 private:
  std::array<int, 2> ends_{-1, -1};
};

// The environment as "name=value" lines: ours, with the program's own in place of those of the same name.
std::vector<std::string> environment_of(const Program& program) {
  std::vector<std::string> lines;
  for (char** line = environ; *line; ++line) {
    const std::string text = *line;
    if (!program.environment.contains(text.substr(0, text.find('=')))) lines.push_back(text);
  }
  for (const auto& [name, value] : program.environment) lines.push_back(name + "=" + value);
  return lines;
}

std::vector<char*> pointers(std::vector<std::string>& texts) {
  std::vector<char*> out;
  for (std::string& text : texts) out.push_back(text.data());
  out.push_back(nullptr);
  return out;
}

pid_t start(const Program& program, const Pipe& out, const Pipe& err) {
  std::vector<std::string> words{program.file.string()};
  words.insert(words.end(), program.arguments.begin(), program.arguments.end());
  std::vector<std::string> lines = environment_of(program);
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
  posix_spawn_file_actions_adddup2(&actions, out.to(), STDOUT_FILENO);
  posix_spawn_file_actions_adddup2(&actions, err.to(), STDERR_FILENO);
  if (!program.folder.empty()) posix_spawn_file_actions_addchdir_np(&actions, program.folder.c_str());
  pid_t pid = 0;
  const int error = posix_spawn(&pid, program.file.c_str(), &actions, nullptr, pointers(words).data(),
                                pointers(lines).data());
  posix_spawn_file_actions_destroy(&actions);
  if (error != 0) throw std::runtime_error("cannot start " + program.file.string());
  return pid;
}

// Takes what is there; false at the end of the stream.
bool take(int fd, std::string& text) {
  std::array<char, 4096> buffer{};
  const ssize_t n = ::read(fd, buffer.data(), buffer.size());
  if (n <= 0) return false;
  text.append(buffer.data(), static_cast<std::size_t>(n));
  return true;
}

}  // namespace

Outcome run(const Program& program) {
  Pipe out, err;
  Outcome outcome;
  const pid_t pid = start(program, out, err);
  out.close_end(1);
  err.close_end(1);
  const auto end = std::chrono::steady_clock::now() + kPatience;
  std::array<pollfd, 2> streams{pollfd{out.from(), POLLIN, 0}, pollfd{err.from(), POLLIN, 0}};
  while (streams[0].fd >= 0 || streams[1].fd >= 0) {
    if (std::chrono::steady_clock::now() > end) ::kill(pid, SIGKILL);
    ::poll(streams.data(), streams.size(), 1000);
    if (streams[0].revents != 0 && !take(streams[0].fd, outcome.out)) streams[0].fd = -1;
    if (streams[1].revents != 0 && !take(streams[1].fd, outcome.err)) streams[1].fd = -1;
    if (program.signal != 0 && !outcome.signal_was_sent &&
        outcome.err.find(program.signal_after) != std::string::npos) {
      ::kill(pid, program.signal);
      if (program.second_signal != 0) ::kill(pid, program.second_signal);
      outcome.signal_was_sent = true;
    }
  }
  int status = 0;
  rusage usage{};
  ::wait4(pid, &status, 0, &usage);
  outcome.peak_bytes = static_cast<std::int64_t>(usage.ru_maxrss) * 1024;
  if (WIFEXITED(status)) outcome.status = WEXITSTATUS(status);
  if (WIFSIGNALED(status)) outcome.killed_by = WTERMSIG(status);
  return outcome;
}

}  // namespace dq::test
