#include "support/state_sample.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <sys/stat.h>

#include <bit>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <stdexcept>
#include <vector>

#include "emlfs/base/file.h"
#include "emlfs/store/journal.h"
#include "emlfs/store/spool.h"
#include "store/journal_tables.h"
#include "store/pages.h"
#include "support/paths.h"

namespace emlfs::test {
namespace {

namespace fs = std::filesystem;
using store::Change;

constexpr const char* kModes = "modes";        // of the spool's files, a line each
constexpr const char* kContents = "contents";  // what stateContents() gave then

std::string kindOf(const Change& change) {
  static const std::vector<std::string> kNames = {
      "move", "flags", "append", "create mailbox", "rename mailbox", "remove mailbox", "expunge"};
  return kNames.at(static_cast<size_t>(change.kind));
}

std::string stateOf(const Change& change) {
  static const std::vector<std::string> kNames = {"pending", "begun", "copied", "parked"};
  return kNames.at(static_cast<size_t>(change.state));
}

std::string lineOf(const Change& change) {
  return fmt::format(
      "change {}: {} {}, id {}; source {:?} {}/{} {:?} {}; mailbox {:?} other {:?}; +({}) -({}); "
      "date {} {}; spool {:?} {}; acknowledged {}; destination {}/{}/{}; error {} {:?}; {}{} begun "
      "{}\n",
      change.number, stateOf(change), kindOf(change), change.id.value, change.source.mailbox,
      change.source.uid_validity, change.source.uid, change.source.message_id, change.source.size,
      change.mailbox, change.other, change.add.text(), change.remove.text(), change.date.seconds,
      change.date.zone_minutes, change.spool, change.size, change.acknowledged,
      change.destination.uid_validity, change.destination.uid_next, change.destination.uid,
      name(change.error), change.server, change.recovered ? "recovered" : "known",
      change.deletion ? " deletion" : "", change.begun_at);
}

std::string lineOf(const store::GivenName& name) {
  return fmt::format("name {:?} in {:?}: of {:?} {}/{} id {}; {:?} {}\n", name.name, name.directory,
                     name.key.mailbox, name.key.uid_validity, name.key.uid, name.key.id.value,
                     name.message_id, name.date);
}

unsigned modeOf(const fs::path& path) {
  return static_cast<unsigned>(fs::status(path).permissions()) & 0777;
}

void write(const fs::path& path, const std::string& text) {
  std::ofstream out(path, std::ios::binary | std::ios::trunc);
  out << text;
  if (!out.flush()) throw std::runtime_error("writing " + path.string());
}

// LMDB leaves room behind the last page.
void trimStore(const std::string& path) {
  const Fd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!fd) throw systemError("opening " + path, errno);
  const auto header = store::readHeader(fd.get(), store::kJournalMapBytes);
  fs::resize_file(path, (header.last_page + 1) * header.page_bytes);
}

}  // namespace

std::string samplePath(const std::string& name) {
  return std::string(kSourceDirectory) + "/tests/samples/" + name;
}

bool canReadSamples() {
  return sizeof(size_t) == 8 && std::endian::native == std::endian::little;
}

void copyStateSample(const std::string& name, const std::string& to) {
  fs::copy(samplePath(name), to, fs::copy_options::recursive);
  fs::permissions(to, fs::perms::owner_all);
  std::istringstream modes(readFile(to + "/" + kModes));
  std::string file;
  for (unsigned mode = 0; modes >> std::oct >> mode >> file;)
    fs::permissions(fs::path(to) / "spool" / file, static_cast<fs::perms>(mode));
  for (const char* beside : {kModes, kContents}) fs::remove(to + "/" + beside);
}

void saveStateSample(const std::string& from, const std::string& name) {
  const std::string to = samplePath(name);
  fs::remove_all(to);
  fs::create_directories(to);
  fs::copy(from, to, fs::copy_options::recursive);
  for (const char* file : {"lock", "account", "journal.mdb-lock", "ids.mdb-lock"})
    fs::remove(fs::path(to) / file);
  for (const char* file : {"journal.mdb", "ids.mdb"}) trimStore(to + "/" + file);
  std::string modes;
  for (const auto& entry : fs::directory_iterator(to + "/spool")) {
    modes += fmt::format("{:o} {}\n", modeOf(entry.path()), entry.path().filename().string());
    fs::permissions(entry.path(), fs::perms(0600));
  }
  write(to + "/" + kContents, stateContents(from));
  write(to + "/" + kModes, modes);
}

std::string stateContents(const std::string& directory) {
  std::string text;
  const auto journal = store::Journal::open(directory);
  if (!journal->notice().empty()) text += journal->notice() + "\n";
  for (const Change& change : journal->changes()) text += lineOf(change);
  journal->eachName([&](const store::GivenName& name) {
    text += lineOf(name);
    return true;
  });
  const store::Spool spool(directory);
  for (const auto& name : spool.list()) {
    const fs::path path = fs::path(directory) / "spool" / name;
    text += fmt::format("spool {} {:o} {:?}\n", name, modeOf(path), readFile(path.string()));
  }
  return text;
}

}  // namespace emlfs::test
