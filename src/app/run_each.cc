#include "app/run_each.h"

#include <sys/wait.h>
#include <cstdio>

#include <chrono>
#include <filesystem>
#include <future>

#include "app/exit_code.h"
#include "app/failure.h"
#include "app/process.h"
#include "app/terminal_turn.h"

namespace emlfs::app {
namespace {

// Each bounds its own waits; a password may be asked for meanwhile.
constexpr Milliseconds kLimit = std::chrono::hours(24);

constexpr std::string_view kSpeaker = "emlfs: ";

int codeOf(int status) {
  return WIFEXITED(status) ? WEXITSTATUS(status) : static_cast<int>(ExitCode::other);
}

void say(const std::string& name, std::string_view text) {
  while (!text.empty()) {
    const size_t end = std::min(text.find('\n'), text.size());
    const std::string line = saidBy(name, text.substr(0, end));
    ::fprintf(stderr, "%s\n", line.c_str());
    text.remove_prefix(std::min(end + 1, text.size()));
  }
}

}  // namespace

std::string ownProgram() {
  std::error_code error;
  const auto path = std::filesystem::read_symlink("/proc/self/exe", error);
  if (error) throw systemError("/proc/self/exe", error.value());
  return path;
}

std::string saidBy(const std::string& name, std::string_view line) {
  if (line.starts_with(kSpeaker)) line.remove_prefix(kSpeaker.size());
  const bool names_it = line.starts_with(name + ":") || line.starts_with(name + " ");
  return std::string(kSpeaker) + (names_it ? "" : name + ": ") + std::string(line);
}

int runEach(const std::vector<Task>& tasks) {
  const std::string program = ownProgram();
  shareTerminal();
  std::vector<std::future<Finished>> running;
  running.reserve(tasks.size());
  for (const Task& task : tasks) {
    std::vector<std::string> argv{program};
    argv.insert(argv.end(), task.arguments.begin(), task.arguments.end());
    running.push_back(std::async(std::launch::async, [argv = std::move(argv)] {
      return run(argv, kLimit, Capture::standard_error, nullptr, Group::ours);
    }));
  }
  int code = 0;
  for (size_t i = 0; i < tasks.size(); ++i) {
    try {
      const Finished finished = running[i].get();
      say(tasks[i].name, finished.output.reveal());
      if (code == 0) code = codeOf(finished.status);
    } catch (const Error& error) {
      say(tasks[i].name, error.what());
      if (code == 0) code = static_cast<int>(exitCodeOf(error));
    }
  }
  return code;
}

}  // namespace emlfs::app
