#include "support/world.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <optional>
#include <sstream>

namespace emlfs::test {
namespace {

std::string lower(std::string text) {
  for (char& byte : text)
    if (byte >= 'A' && byte <= 'Z') byte = static_cast<char>(byte - 'A' + 'a');
  return text;
}

bool isIn(const std::string& path, const std::string& directory) {
  return path == directory || path.starts_with(directory + "/");
}

struct Judge {
  const World& allowed;
  const Observation& found;
  Verdict verdict{};

  void complain(uint64_t& count, const std::string& line) {
    ++count;
    verdict.complaints += line + "\n";
  }

  void judgeCopy(const std::string& name, const Copy& wanted, const Copy& got) {
    if (got.mailbox != wanted.mailbox)
      complain(verdict.misplaced,
               fmt::format("misplaced: {} is {} instead of {}", name, text(got), text(wanted)));
    else if (!same(got, wanted))
      complain(verdict.altered,
               fmt::format("altered: {} is {} instead of {}", name, text(got), text(wanted)));
  }

  void judgeMessage(const std::string& name, std::vector<Copy> wanted) {
    const auto at = found.world.messages.find(name);
    std::vector<Copy> got = at != found.world.messages.end() ? at->second : std::vector<Copy>();
    std::sort(wanted.begin(), wanted.end());
    std::sort(got.begin(), got.end());
    if (got.size() < wanted.size()) {
      complain(verdict.lost, fmt::format("lost: {} from {}", name, text(wanted.front())));
    } else if (got.size() > wanted.size()) {
      std::string where;
      for (const auto& copy : got) where += " " + text(copy);
      complain(verdict.doubled, fmt::format("doubled: {}:{}", name, where));
    } else {
      for (size_t i = 0; i < got.size(); ++i) judgeCopy(name, wanted[i], got[i]);
    }
  }

  Verdict operator()() {
    for (const auto& line : found.wrong) complain(verdict.wrong, "wrong: " + line);
    for (const auto& [name, wanted] : allowed.messages) judgeMessage(name, wanted);
    for (const auto& [name, copies] : found.world.messages)
      if (allowed.messages.count(name) == 0)
        complain(verdict.strange, fmt::format("too much: {} {}", name, text(copies.front())));
    for (const auto& mailbox : allowed.mailboxes)
      if (found.world.mailboxes.count(mailbox) == 0)
        complain(verdict.strange, "no mailbox " + mailbox);
    for (const auto& mailbox : found.world.mailboxes)
      if (allowed.mailboxes.count(mailbox) == 0)
        complain(verdict.strange, "a mailbox too much: " + mailbox);
    return std::move(verdict);
  }
};

}  // namespace

bool same(const Copy& a, const Copy& b) {
  return a.mailbox == b.mailbox && a.flags == b.flags &&
         (a.date == b.date || a.date == kAnyDate || b.date == kAnyDate);
}

std::string text(const Copy& copy) {
  return fmt::format("in {} ({}; {})", copy.mailbox, fmt::join(copy.flags, " "), copy.date);
}

void World::move(const std::string& message, const std::string& mailbox) {
  const auto at = messages.find(message);
  if (at == messages.end()) return;
  for (auto& copy : at->second) copy.mailbox = mailbox;
}

void World::changeFlags(const std::string& message, const std::string& changes) {
  const auto at = messages.find(message);
  if (at == messages.end()) return;
  std::istringstream words(changes);
  bool add = true;
  for (std::string word; words >> word;) {
    if (word[0] == '+' || word[0] == '-') {
      add = word[0] == '+';
      word.erase(0, 1);
    }
    for (auto& copy : at->second) {
      if (add)
        copy.flags.insert(lower(word));
      else
        copy.flags.erase(lower(word));
    }
  }
}

void World::give(const std::string& message, const std::string& name) {
  if (messages.count(message) != 0) names[message] = name;
}

void World::renameMailbox(const std::string& from, const std::string& to) {
  const auto renamed = [&](const std::string& path) {
    return isIn(path, from) ? to + path.substr(from.size()) : path;
  };
  std::set<std::string> now;
  for (const auto& mailbox : mailboxes) now.insert(renamed(mailbox));
  mailboxes = std::move(now);
  for (auto& [name, copies] : messages)
    for (auto& copy : copies) copy.mailbox = renamed(copy.mailbox);
}

Verdict judge(const std::vector<World>& allowed, const Observation& found) {
  std::optional<Verdict> nearest;
  for (size_t index = 0; index < allowed.size(); ++index) {
    Verdict verdict = Judge{allowed[index], found}();
    verdict.nearest = index;
    const auto lines = [](const Verdict& each) {
      return std::count(each.complaints.begin(), each.complaints.end(), '\n');
    };
    if (!nearest || lines(verdict) < lines(*nearest)) nearest = std::move(verdict);
  }
  return nearest.value();
}

World shown(World world) {
  for (auto at = world.messages.begin(); at != world.messages.end();) {
    std::erase_if(at->second, [](const Copy& copy) { return copy.flags.count("\\deleted") != 0; });
    if (at->second.empty()) {
      world.names.erase(at->first);
      at = world.messages.erase(at);
    } else {
      ++at;
    }
  }
  return world;
}

}  // namespace emlfs::test
