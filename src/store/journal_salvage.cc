#include "store/journal_salvage.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstdio>
#include <filesystem>
#include <vector>

#include "emlfs/base/file.h"
#include "store/aside.h"
#include "store/environment.h"
#include "store/journal_scan.h"
#include "store/journal_tables.h"
#include "store/pages.h"

namespace emlfs::store {
namespace {

// Where the numbers of changes go on when the last may be lost: above all that is found by more
// than a batch, and above the clock, of whose seconds each owns 2^20 numbers.
constexpr unsigned kNumbersPerSecond = 20;
constexpr uint64_t kJump = uint64_t{1} << 20;

struct Salvaged {
  bool certain = false;  // it is all there was, as it was
  JournalEntries changes = {};
  JournalEntries names = {};
  uint64_t next = 1;
  std::optional<uint64_t> expected = {};  // changes there were
};

void syncDirectory(const std::string& path) {
  const Fd fd(::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!fd || ::fsync(fd.get()) != 0) throw systemError("syncing " + path, errno);
}

bool isThere(const std::string& path) {
  return ::access(path.c_str(), F_OK) == 0;
}

// What is wrong, or nothing.
std::string examine(const std::string& path, const JournalScan& scan) {
  if (isThere(Environment::condemnedPath(path))) return "that was seen in an earlier run";
  struct stat file{};
  if (::stat(path.c_str(), &file) != 0) throw systemError("looking at " + path, errno);
  if (file.st_size == 0) return "it is empty";
  try {
    checkClosedFile(path, kJournalMapBytes);
  } catch (const Error& error) {
    if (error.code != Code::damaged) throw;
    return error.what();
  }
  for (const JournalView& view : scan.views)
    if (!view.exact) return fmt::format("state {} is not as it was written", view.transaction);
  return {};
}

void merge(JournalEntries& into, const JournalEntries& from, uint64_t above) {
  for (const auto& [key, value] : from) {
    if (stampOf(value) <= above) continue;
    const auto at = into.find(key);
    if (at == into.end())
      into.emplace(key, value);
    else if (stampOf(at->second) < stampOf(value))
      at->second = value;
  }
}

uint64_t nextAfterLoss(const JournalScan& scan) {
  uint64_t highest = scan.anywhere.state ? scan.anywhere.state->next : 0;
  if (!scan.anywhere.changes.empty())
    highest = std::max(highest, changeNumber(scan.anywhere.changes.rbegin()->first));
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(now).count();
  return std::max(highest + kJump, static_cast<uint64_t>(seconds) << kNumbersPerSecond);
}

// If one view is exact and nothing was written later, that is it. Else whatever either view shows,
// of each record the latest, and what was written later than they are. So a change that was
// removed by the last transaction may come back; one that is missing would be worse.
Salvaged salvage(const JournalScan& scan) {
  Salvaged all;
  for (const JournalView& view : scan.views) {
    if (!view.exact || !view.state || view.transaction < scan.latest) continue;
    return {.certain = true,
            .changes = view.changes,
            .names = view.names,
            .next = view.state->next,
            .expected = view.state->changes};
  }
  uint64_t known_to = 0;
  for (const JournalView& view : scan.views) {
    if (!view.free_known) continue;
    merge(all.changes, view.changes, 0);
    merge(all.names, view.names, 0);
    known_to = std::max(known_to, view.transaction);
  }
  merge(all.changes, scan.anywhere.changes, known_to);
  merge(all.names, scan.anywhere.names, known_to);
  all.next = nextAfterLoss(scan);
  if (scan.anywhere.state) all.expected = scan.anywhere.state->changes;
  return all;
}

// How many changes were carried over.
uint64_t write(const std::string& path, const Salvaged& salvaged) {
  Environment environment(path, kJournalFlags, kJournalMapBytes, Environment::OnDamage::only_throw);
  const JournalTables tables = openJournalTables(environment.get());
  JournalUpdate update(environment.get(), tables);
  uint64_t carried = 0;
  for (const auto& [key, value] : salvaged.changes) {
    try {
      Change change = decodeChange(changeNumber(key), recordOf(value));
      change.recovered = change.recovered || !salvaged.certain;
      // As it was, fields that a later emlfs has appended included.
      if (salvaged.certain)
        update.putChange(change.number, recordOf(value));
      else
        update.putChange(change.number, encode(change));
      ++carried;
    } catch (const Error& error) {
      if (error.code != Code::damaged) throw;  // else it is one of those that are counted as lost
    }
  }
  for (const auto& [key, value] : salvaged.names) update.putName(key, recordOf(value));
  update.setNext(salvaged.next);
  update.writeState();
  update.commit();
  return carried;
}

void removeNew(const std::string& path) {
  removeFile(path);
  removeFile(path + "-lock");
}

// Gives the file a second name, one that is not taken.
std::string keepAside(const std::string& path) {
  for (unsigned number = 1;; ++number) {
    std::string aside = fmt::format("{}.damaged-{}", path, number);
    if (::link(path.c_str(), aside.c_str()) == 0) return aside;
    if (errno == EEXIST) continue;
    if (errno != EPERM && errno != EOPNOTSUPP) throw systemError("keeping " + aside, errno);
    std::error_code failure;  // a file system without hard links
    if (std::filesystem::copy_file(path, aside, failure)) return aside;
    if (failure != std::errc::file_exists) throw systemError("keeping " + aside, failure.value());
  }
}

std::string describe(const Salvaged& salvaged, uint64_t carried) {
  if (salvaged.certain) return fmt::format("all {} pending changes were carried over", carried);
  std::string text = fmt::format("{} pending changes were carried over", carried);
  if (carried > 0) text += ", each to be looked into before it is sent";
  if (!salvaged.expected) return text + "; how many are lost can't be told";
  if (*salvaged.expected > carried)
    return text + fmt::format("; {} or more are lost", *salvaged.expected - carried);
  return text + fmt::format(" (there were {}); others may be lost", *salvaged.expected);
}

// LMDB's files never shrink. After a burst of changes this one would be read, whole, at every
// start.
bool isMostlyEmpty(const std::string& path, const JournalScan& scan) {
  constexpr uint64_t kNotWorthIt = 8 << 20;
  constexpr uint64_t kFactor = 8;
  struct stat file{};
  if (::stat(path.c_str(), &file) != 0) throw systemError("looking at " + path, errno);
  uint64_t used = kNotWorthIt / kFactor;
  for (const JournalEntries* entries : {&scan.views[0].changes, &scan.views[0].names})
    for (const auto& [key, value] : *entries) used += key.size() + value.size();
  return static_cast<uint64_t>(file.st_size) > used * kFactor;
}

// How many changes the new file holds.
uint64_t make(const std::string& made, const Salvaged& salvaged) {
  try {
    const uint64_t carried = write(made, salvaged);
    removeFile(made + "-lock");
    return carried;
  } catch (const Error&) {
    removeNew(made);
    throw;
  }
}

}  // namespace

std::string mendJournal(const std::string& directory, const std::string& path) {
  const JournalScan scan = scanJournal(path);
  // What an earlier transaction has left doesn't count: what was later in it is done.
  if (scan.format > kJournalFormat || (!scan.views.empty() && scan.views.front().later))
    throw Error(Code::invalid, Scope::account,
                path +
                    " was written by a later emlfs: mount with that one, since changes in it may "
                    "not have reached the server yet");
  const std::string made = path + ".new";
  removeNew(made);
  const bool there = isThere(path);
  const bool lost = !there && isThere(path + "-lock");  // is made when there is a journal
  const std::string reason = there ? examine(path, scan) : "";
  const bool sound = there && reason.empty();
  if (sound && !isMostlyEmpty(path, scan)) return {};

  const Salvaged salvaged = there || lost ? salvage(scan) : Salvaged{.certain = true};
  if (sound && !salvaged.certain) return {};  // a crash has left the beginning of a transaction
  const uint64_t carried = make(made, salvaged);
  const std::string kept = there && !sound ? keepAside(path) : "";
  if (::rename(made.c_str(), path.c_str()) != 0) throw systemError("renaming " + made, errno);
  syncDirectory(directory);
  removeFile(Environment::condemnedPath(path));
  if (lost) return fmt::format("{} is missing: what was in it, if anything, is lost with it", path);
  if (kept.empty()) return {};
  return fmt::format("{} was damaged ({}) and is kept as {}: {}", path, reason, kept,
                     describe(salvaged, carried));
}

}  // namespace emlfs::store
