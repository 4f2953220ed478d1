// emlfs journal MOUNTPOINT [list|retry|drop|export]
#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>
#include <cstdio>

#include <array>
#include <cerrno>
#include <map>

#include "app/commands.h"
#include "app/exit_code.h"
#include "app/failure.h"
#include "app/journal_lines.h"
#include "app/live_status.h"
#include "app/mount_attribute.h"
#include "app/printable.h"
#include "app/question.h"
#include "app/units.h"
#include "emlfs/base/file.h"

namespace emlfs::app {
namespace {

constexpr const char* kJournal = "user.emlfs.journal";
constexpr size_t kMostWords = 60'000;  // bytes of an attribute's value

// By number; those that were refused, or all.
using Chosen = std::map<uint64_t, Json>;

Chosen choose(const Json& journal, const std::vector<std::string>& words, bool only_refused) {
  Chosen all;
  for (const Json& change : at(journal, "/changes"))
    if (!only_refused || isRefused(change)) all.emplace(number(change, "/number"), change);
  if (words.size() == 1 && words[0] == "all") return all;
  if (words.empty()) throw badInput("which ones? Say their numbers, or 'all'");
  Chosen chosen;
  for (const auto& word : words) {
    const auto wanted = parseNumber(word);
    if (!wanted) throw badInput(fmt::format("'{}' is not the number of a change", word));
    const auto found = all.find(*wanted);
    if (found == all.end())
      throw badInput(fmt::format("there is no change {}{}", word,
                                 only_refused ? " that the server refused" : ""));
    chosen.insert(*found);
  }
  return chosen;
}

// False if a message of theirs is no longer there: then the others were told all the same.
bool tell(const std::string& mount_point, const std::string& verb, const Chosen& chosen) {
  bool all = true;
  std::string words = verb;
  for (auto at = chosen.begin(); at != chosen.end();) {
    words += fmt::format(" {}", at->first);
    if (++at != chosen.end() && words.size() < kMostWords) continue;
    try {
      writeAttribute(mount_point, kJournal, words);
    } catch (const Error& error) {
      if (error.code != Code::not_empty) throw;
      all = false;
    }
    words = verb;
  }
  return all;
}

std::string counted(size_t count) {
  return count == 1 ? "1 change" : formatCount(count) + " changes";
}

int retry(const std::string& mount_point, const Chosen& chosen) {
  if (!chosen.empty() && !tell(mount_point, "retry", chosen)) {
    ::fprintf(stderr,
              "emlfs: some can't be sent again, since their messages are no longer there: drop "
              "those that 'emlfs journal' still calls refused\n");
    return static_cast<int>(ExitCode::incomplete);
  }
  ::printf("%s to be sent again; 'emlfs flush' waits for the server\n",
           (counted(chosen.size()) + (chosen.size() == 1 ? " is" : " are")).c_str());
  return static_cast<int>(ExitCode::ok);
}

// A new message is nowhere else.
int drop(const std::string& mount_point, const Chosen& chosen, bool yes) {
  size_t messages = 0;
  for (const auto& [number, change] : chosen)
    if (text(change, "/kind") == "append") ++messages;
  if (messages != 0 && !yes &&
      !agrees(fmt::format("{} new messages are nowhere else, and go with it. Drop them?", messages),
              "new messages are nowhere else: 'export' saves them; then say --yes"))
    return static_cast<int>(ExitCode::other);
  if (!chosen.empty()) tell(mount_point, "drop", chosen);
  ::printf("%s dropped\n", counted(chosen.size()).c_str());
  return static_cast<int>(ExitCode::ok);
}

void copy(const Fd& from, const Fd& to, const std::string& path) {
  std::array<char, 65536> buffer{};
  for (;;) {
    const ssize_t got = ::read(from.get(), buffer.data(), buffer.size());
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) throw mountAnswer(path, errno);
    if (got == 0) break;
    for (ssize_t at = 0; at < got;) {
      const ssize_t written = ::write(to.get(), buffer.data() + at, static_cast<size_t>(got - at));
      if (written < 0 && errno == EINTR) continue;
      if (written < 0) throw systemError(path, errno);
      at += written;
    }
  }
  if (::fsync(to.get()) != 0) throw systemError(path, errno);
}

// Where the bytes of its message are to be read; empty if nobody knows.
std::string bytesOf(const std::string& mount_point, const Json& change) {
  const Json& spool = at(change, "/spool");
  if (spool.is_string()) return spool.get<std::string>();
  const Json& path = at(change, "/path");
  return path.is_string() ? mount_point + "/" + path.get<std::string>() : "";
}

// Never over a file that is there.
std::string exportOne(const std::string& source, const Fd& directory, const Json& change) {
  const Fd from(::open(source.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW));
  if (!from) throw mountAnswer(source, errno);
  const Json& name = at(change, "/name");
  const auto wanted =
      name.is_string() ? name.get<std::string>() : fmt::format("{}.eml", number(change, "/number"));
  std::string given = wanted;
  const auto create = [&] {
    return Fd(
        ::openat(directory.get(), given.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600));
  };
  Fd to = create();
  if (!to && errno == EEXIST) {
    given = fmt::format("{}-{}", number(change, "/number"), wanted);
    to = create();
  }
  if (!to) throw systemError(given, errno);
  try {
    copy(from, to, source);
  } catch (...) {
    ::unlinkat(directory.get(), given.c_str(), 0);
    throw;
  }
  return given;
}

int exportTo(const std::string& mount_point, const Chosen& chosen, const std::string& directory) {
  const Fd into(::open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!into) throw systemError(directory, errno);
  size_t failed = 0;
  for (const auto& [number, change] : chosen) {
    const std::string source = bytesOf(mount_point, change);
    try {
      if (source.empty())
        throw failure(Code::not_found, "its message is removed: there is nothing to export");
      const std::string name = exportOne(source, into, change);
      ::printf("%s/%s\n", printable(directory).c_str(), printable(name).c_str());
    } catch (const Error& error) {
      ++failed;
      ::fprintf(stderr, "emlfs: change %llu: %s\n", static_cast<unsigned long long>(number),
                errorLine(error).c_str());
    }
  }
  return static_cast<int>(failed == 0 ? ExitCode::ok : ExitCode::incomplete);
}

}  // namespace

int journalCommand(const JournalArguments& arguments) {
  const NamedMount mount = mountAround(arguments.mount_point);
  const auto& [mount_point, name, inside] = mount;
  requireAnswer(mount);
  const Json journal = readPages(mount_point, kJournal);
  auto words = arguments.words;
  switch (arguments.action) {
    case JournalAction::list: {
      const auto shown = arguments.json
                             ? journal.dump(2, ' ', true, Json::error_handler_t::replace) + "\n"
                             : journalText(name, journal);
      if (::fwrite(shown.data(), 1, shown.size(), stdout) != shown.size() || ::fflush(stdout) != 0)
        throw systemError("standard output", errno);
      return static_cast<int>(ExitCode::ok);
    }
    case JournalAction::retry:
      return retry(mount_point, choose(journal, words, true));
    case JournalAction::drop:
      return drop(mount_point, choose(journal, words, true), arguments.yes);
    case JournalAction::save: {
      if (words.size() < 2) throw badInput("export needs numbers, or 'all', and a directory");
      const std::string directory = words.back();
      words.pop_back();
      return exportTo(mount_point, choose(journal, words, false), directory);
    }
  }
  return static_cast<int>(ExitCode::other);
}

}  // namespace emlfs::app
