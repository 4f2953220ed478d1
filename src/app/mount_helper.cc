#include "app/mount_helper.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sched.h>
#include <unistd.h>
#include <cstdio>

#include <algorithm>
#include <cerrno>

#include "app/become_user.h"
#include "app/commands.h"
#include "app/exit_code.h"
#include "app/failure.h"
#include "app/options.h"
#include "app/settings.h"
#include "emlfs/base/file.h"

namespace emlfs::app {
namespace {

// Those of mount(8), which passes on what its helpers give.
enum MountStatus { kMounted = 0, kMisused = 1, kSystem = 2, kFailed = 32 };

int statusOf(ExitCode code) {
  switch (code) {
    case ExitCode::ok:
      return kMounted;
    case ExitCode::usage:
      return kMisused;
    case ExitCode::other:
      return kSystem;
    default:
      return kFailed;
  }
}

constexpr const char* kUsage =
    "usage: mount.emlfs SOURCE DIR [-sfnv] [-N namespace] [-t type.subtype] [-o options]";

bool isKnown(std::string_view name) {
  const auto table = optionTable();
  return isMountWord(name) || name == "ro" || name == "rw" || name == "async" ||
         name == "remount" || std::any_of(table.begin(), table.end(), [&](const auto& spec) {
           return spec.name == name;
         });
}

// As splitOptions() reads it.
std::string written(const Assignment& one) {
  if (!one.value) return one.name;
  std::string text = one.name + "=\"";
  for (const char c : *one.value) {
    if (c == '"' || c == '\\') text += '\\';
    text += c;
  }
  return text + '"';
}

void addOptions(MountHelperCall& call, std::string_view text, bool sloppy) {
  for (const Assignment& one : splitOptions(text)) {
    if (one.name == "setuid")
      call.user = one.value.value_or("");
    else if (sloppy && !isKnown(one.name))
      call.notices.push_back(fmt::format("unknown option '{}' is ignored", one.name));
    else
      call.options.push_back(written(one));
    if (one.name == "setuid" && call.user.empty())
      throw badInput("option setuid needs a value: setuid=USER");
  }
}

// mount(8) makes the name of a file in the working directory a whole path; no account is one.
std::string sourceOf(const std::string& word) {
  return word.starts_with('/') ? word.substr(word.rfind('/') + 1) : word;
}

void enterNamespace(const std::string& path) {
  const Fd there(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!there || ::setns(there.get(), CLONE_NEWNS) != 0)
    throw systemError("the mount namespace " + path, errno);
}

int carryOut(const MountHelperCall& call) {
  printNotices(call.notices);
  if (!call.mount_namespace.empty()) enterNamespace(call.mount_namespace);
  // Before anything of a user's is read.
  if (!call.user.empty()) becomeUser(call.user);
  if (!call.check_only)
    return mountCommand({call.source, call.mount_point, call.options, /*foreground=*/false});
  printNotices(resolveSettings(call.source, call.options).notices);
  return static_cast<int>(ExitCode::ok);
}

}  // namespace

bool isMountHelper(std::string_view name) {
  const size_t slash = name.rfind('/');
  return name.substr(slash == std::string_view::npos ? 0 : slash + 1) == "mount.emlfs";
}

MountHelperCall parseMountHelperCall(const std::vector<std::string>& arguments) {
  MountHelperCall call;
  std::vector<std::string> words;
  std::vector<std::string> option_texts;
  bool sloppy = false;
  for (auto word = arguments.begin(); word != arguments.end(); ++word) {
    if (word->size() < 2 || word->front() != '-') {
      words.push_back(*word);
      continue;
    }
    for (size_t i = 1; i < word->size(); ++i) {
      const char letter = (*word)[i];
      if (letter == 's') sloppy = true;
      if (letter == 'f') call.check_only = true;
      if (std::string_view("sfnv").find(letter) != std::string_view::npos) continue;
      if (std::string_view("oNt").find(letter) == std::string_view::npos)
        throw badInput(fmt::format("unknown option -{}; {}", letter, kUsage));
      std::string value = word->substr(i + 1);
      if (value.empty()) {
        if (++word == arguments.end()) throw badInput(fmt::format("-{} needs a value", letter));
        value = *word;
      }
      if (letter == 'o') option_texts.push_back(value);
      if (letter == 'N') call.mount_namespace = value;
      break;
    }
  }
  if (words.size() != 2) throw badInput(kUsage);
  call.source = sourceOf(words[0]);
  call.mount_point = words[1];
  for (const std::string& text : option_texts) addOptions(call, text, sloppy);
  return call;
}

int mountHelper(int argc, char** argv) {
  try {
    const std::vector<std::string> arguments(argv + 1, argv + argc);
    return statusOf(static_cast<ExitCode>(carryOut(parseMountHelperCall(arguments))));
  } catch (const std::exception& error) {
    ::fprintf(stderr, "mount.emlfs: %s\n", errorLine(error).c_str());
    return statusOf(exitCodeOf(error));
  }
}

}  // namespace emlfs::app
