#include "support/oracle.h"

#include <fmt/format.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "emlfs/base/error.h"
#include "emlfs/base/file.h"
#include "support/imap_client.h"
#include "support/proof_mail.h"
#include "support/tree.h"

namespace emlfs::test {
namespace {

namespace fs = std::filesystem;

void take(Observation& seen, std::string_view bytes, Copy copy) {
  ++seen.bodies;
  const auto proof = proofOf(bytes);
  const std::string name = proof ? proofName(*proof) : "unknown";
  const std::string wrong =
      proof ? wrongness(name, bytes, 0, true) : fmt::format("{} bytes prove nothing", bytes.size());
  if (!wrong.empty()) seen.wrong.push_back(fmt::format("{} {}: {}", name, text(copy), wrong));
  seen.world.messages[name].push_back(std::move(copy));
}

std::string lower(std::string text) {
  std::transform(text.begin(), text.end(), text.begin(),
                 [](unsigned char byte) { return static_cast<char>(std::tolower(byte)); });
  return text;
}

// Number and name, a line each; in a file's name the numbers are letters.
std::map<char, std::string> readKeywords(const std::string& file) {
  std::map<char, std::string> keywords;
  std::ifstream lines(file);
  int number = 0;
  for (std::string name; lines >> number >> name;)
    keywords[static_cast<char>('a' + number)] = lower(name);
  return keywords;
}

std::set<std::string> flagsOf(const std::string& file,
                              const std::map<char, std::string>& keywords) {
  static const std::map<char, std::string> kFlags{{'D', "\\draft"},
                                                  {'F', "\\flagged"},
                                                  {'R', "\\answered"},
                                                  {'S', "\\seen"},
                                                  {'T', "\\deleted"}};
  std::set<std::string> flags;
  const size_t at = file.rfind(":2,");
  if (at == file.npos) return flags;
  for (const char letter : file.substr(at + 3)) {
    const auto flag = kFlags.find(letter);
    if (flag != kFlags.end()) flags.insert(flag->second);
    const auto keyword = keywords.find(letter);
    if (keyword != keywords.end()) flags.insert(keyword->second);
  }
  return flags;
}

void readMailbox(Observation& seen, const fs::path& directory, const fs::path& control,
                 const std::string& mailbox) {
  const auto keywords = readKeywords(control / "dovecot-keywords");
  seen.world.mailboxes.insert(mailbox);
  for (const char* part : {"cur", "new"}) {
    for (const auto& file : fs::directory_iterator(directory / part)) {
      struct stat st{};
      if (::stat(file.path().c_str(), &st) != 0) throw systemError(file.path(), errno);
      take(seen, readFile(file.path()),
           {mailbox, flagsOf(file.path().filename(), keywords), st.st_mtim.tv_sec});
    }
  }
}

// FETCH's answer to the message with that UID, without the literal: `name` of what stands behind.
std::string between(const std::string& text, const std::string& before, char end) {
  const size_t at = text.find(before);
  if (at == text.npos) throw std::runtime_error(before + " is missing in " + text);
  const size_t from = at + before.size();
  return text.substr(from, text.find(end, from) - from);
}

int64_t parseDate(const std::string& date) {  // "20-Nov-2026 10:00:00 +0000"
  std::tm time{};
  std::istringstream in(date);
  std::string zone;
  in.imbue(std::locale::classic());
  in >> std::get_time(&time, "%d-%b-%Y %H:%M:%S") >> zone;
  if (!in || zone.size() != 5) throw std::runtime_error("not a date: " + date);
  const int east = (std::stoi(zone.substr(1, 2)) * 60 + std::stoi(zone.substr(3))) * 60;
  return ::timegm(&time) - (zone[0] == '-' ? -east : east);
}

std::set<std::string> parseFlags(const std::string& words) {
  std::set<std::string> flags;
  std::istringstream in(words);
  for (std::string word; in >> word;)
    if (lower(word) != "\\recent") flags.insert(lower(word));
  return flags;
}

}  // namespace

Observation readMaildir(const Dovecot& server) {
  const fs::path root = server.mailDirectory();
  const fs::path control = root.parent_path() / "control";
  // While the server renames files, one can be missed or gone before it is read: once more then.
  constexpr int kTries = 20;
  for (int tries = 1;; ++tries) {
    try {
      Observation seen;
      readMailbox(seen, root, control / "INBOX", "INBOX");
      for (auto entry = fs::recursive_directory_iterator(root);
           entry != fs::recursive_directory_iterator(); ++entry) {
        if (!entry->is_directory()) continue;
        const std::string name = entry->path().filename();
        if (name == "cur" || name == "new" || name == "tmp" || name.starts_with('.')) {
          entry.disable_recursion_pending();
          continue;
        }
        const fs::path path = fs::relative(entry->path(), root);
        if (fs::exists(entry->path() / "cur"))
          readMailbox(seen, entry->path(), control / path, path);
      }
      return seen;
    } catch (const fs::filesystem_error&) {
      if (tries == kTries) throw;
    } catch (const Error&) {
      if (tries == kTries) throw;
    }
  }
}

Observation readOverImap(const ImapServer& server) {
  Observation seen;
  ImapClient client(server);
  for (const auto& mailbox : client.mailboxes()) {
    const std::string path = server.pathOf(mailbox);
    seen.world.mailboxes.insert(path);
    client.expectOk(fmt::format("EXAMINE \"{}\"", mailbox));
    for (const auto& line :
         client.expectOk("UID FETCH 1:* (UID FLAGS INTERNALDATE BODY.PEEK[])").untagged) {
      const size_t literal = line.find("}\r\n");
      if (literal == line.npos) continue;
      const size_t size = std::stoul(line.substr(line.rfind('{', literal) + 1));
      const std::string_view body = std::string_view(line).substr(literal + 3, size);
      const std::string rest = line.substr(0, literal) + line.substr(literal + 3 + size);
      take(seen, body,
           {path, parseFlags(between(rest, "FLAGS (", ')')),
            parseDate(between(rest, "INTERNALDATE \"", '"'))});
    }
  }
  return seen;
}

Observation readMount(const std::string& mount_point, const std::set<std::string>& unsent) {
  Observation seen;
  const Tree tree = readTree(
      mount_point, [&](const std::string& path, const Entry& entry, std::string_view bytes) {
        if (unsent.count(path) != 0) return;
        const fs::path place(path);
        const auto proof = proofOf(bytes);
        if (proof) seen.world.names[proofName(*proof)] = place.filename();
        take(seen, bytes, {place.parent_path(), parseFlags(entry.flags), entry.mtime});
      });
  for (const auto& [path, entry] : tree)
    if (entry.directory) seen.world.mailboxes.insert(path);
  return seen;
}

Observation observe(const ImapServer& server) {
  const auto* dovecot = dynamic_cast<const Dovecot*>(&server);
  return dovecot != nullptr ? readMaildir(*dovecot) : readOverImap(server);
}

}  // namespace emlfs::test
