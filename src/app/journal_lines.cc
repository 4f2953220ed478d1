#include "app/journal_lines.h"

#include <fmt/format.h>

#include "app/printable.h"
#include "app/units.h"
#include "emlfs/base/error.h"
#include "emlfs/view/names.h"

namespace emlfs::app {
namespace {

constexpr size_t kNamed = 5;

// A mailbox as the tree shows it, near enough.
std::string mailbox(const Json& change, const char* pointer) {
  const Json& wire = at(change, pointer);
  if (!wire.is_string()) return "?";
  const auto bytes = wire.get<std::string>();
  return printable(view::decodeUtf7(bytes).value_or(bytes));
}

std::string message(const Json& change) {
  if (auto name = text(change, "/name"); !name.empty()) return name;
  if (auto id = text(change, "/message_id"); !id.empty()) return id;
  return has(change, "/uid") ? fmt::format("UID {}", number(change, "/uid")) : "a message";
}

// What tells which message it is.
std::string details(const Json& change) {
  std::vector<std::string> words;
  if (auto id = text(change, "/message_id"); !id.empty()) words.push_back(std::move(id));
  if (has(change, "/uid")) words.push_back(fmt::format("UID {}", number(change, "/uid")));
  if (has(change, "/size")) words.push_back(formatSize(number(change, "/size")));
  if (auto file = text(change, "/spool"); !file.empty()) words.push_back(std::move(file));
  std::string line;
  for (const auto& word : words) line += (line.empty() ? "" : ", ") + word;
  return line;
}

std::string plural(uint64_t count, const char* one, const char* many) {
  return formatCount(count) + " " + (count == 1 ? one : many);
}

}  // namespace

std::string changeText(const Json& change) {
  std::string kind = text(change, "/kind");
  if (kind == "move")
    return fmt::format("move {} from {} to {}", message(change), mailbox(change, "/from"),
                       mailbox(change, "/to"));
  if (kind == "append") return fmt::format("add {} to {}", message(change), mailbox(change, "/to"));
  if (kind == "flags") {
    std::string words;
    if (auto add = text(change, "/add"); !add.empty()) words += " +" + add;
    if (auto remove = text(change, "/remove"); !remove.empty()) words += " -" + remove;
    return fmt::format("flags{} of {} in {}", words, message(change), mailbox(change, "/from"));
  }
  if (kind == "delete" || kind == "undelete" || kind == "expunge")
    return fmt::format("{} {} in {}", kind, message(change), mailbox(change, "/from"));
  if (kind == "create_mailbox") return "make the mailbox " + mailbox(change, "/to");
  if (kind == "remove_mailbox") return "remove the mailbox " + mailbox(change, "/to");
  if (kind == "rename_mailbox")
    return fmt::format("rename the mailbox {} to {}", mailbox(change, "/to"),
                       mailbox(change, "/other"));
  return kind;
}

std::string changeAdvice(const Json& change) {
  switch (codeNamed(text(change, "/error")).value_or(Code::refused)) {
    case Code::quota:
      return text(change, "/kind") == "append"
                 ? "make room on the server, then retry; to make it by deleting here, export and "
                   "drop this first, for deletions wait for it"
                 : "make room on the server, then retry";
    case Code::denied:
      return "retry when the server allows it to you, or drop";
    case Code::limit:
      return "it is larger than the server takes: export, then drop";
    case Code::not_found:
      return "make the mailbox, then retry";
    case Code::stale:
      return "drop, and do it again: the message is another one to the server";
    case Code::exists:
      return "drop: there is one of that name";
    case Code::invalid:
      return text(change, "/kind").ends_with("_mailbox")
                 ? "the server will never take it: drop"
                 : "the server will never take it: export, then drop";
    default:
      return "retry, or drop";
  }
}

std::string kindsText(const Json& kinds) {
  std::string line;
  if (!kinds.is_object()) return line;
  for (const auto& [kind, count] : kinds.items())
    if (count.is_number_unsigned())
      line += fmt::format("{}{} {}", line.empty() ? "" : ", ", formatCount(count.get<uint64_t>()),
                          printable(kind));
  return line;
}

bool isRefused(const Json& change) {
  return text(change, "/state") == "refused";
}

std::string journalText(const std::string& mount_point, const Json& journal) {
  const Json& changes = at(journal, "/changes");
  std::string lines;
  uint64_t refused = 0;
  for (const Json& change : changes) {
    lines += fmt::format("{:>6}  {:8} {}\n", number(change, "/number"), text(change, "/state"),
                         changeText(change));
    const std::string indent(16, ' ');
    lines += fmt::format("{} since {}{}\n", indent, text(change, "/since"),
                         details(change).empty() ? "" : "; " + details(change));
    if (!isRefused(change)) continue;
    ++refused;
    lines += fmt::format("{} the server said: {}\n", indent, text(change, "/server"));
    lines += fmt::format("{} what to do: {}\n", indent, changeAdvice(change));
  }
  if (lines.empty()) return "nothing is pending, and nothing was refused\n";
  if (refused != 0)
    lines += fmt::format(
        "'emlfs journal {0} retry N' sends it again, 'drop N' forgets it, 'export N DIR' saves the "
        "message\n",
        printable(mount_point));
  return lines;
}

std::string heldText(const Json& status) {
  if (!flag(status, "/changes/held_by_others")) return "";
  std::string line =
      "deletions wait until new messages in your other accounts are on their servers";
  const std::string path = text(status, "/changes/held_by/path");
  const std::string why = text(status, "/changes/held_by/reason");
  if (!path.empty()) line += ": " + path;
  if (!why.empty())
    line += " (" + why + ")";
  else if (!path.empty())
    line += "; mounting that account sends it, or its 'emlfs journal' says why it can't";
  return line;
}

std::string leftText(const Json& status) {
  const uint64_t pending = number(status, "/changes/pending");
  std::string line = pending == 0 ? "" : plural(pending, "change", "changes");
  std::string names;
  const uint64_t drafts = number(status, "/changes/drafts");
  size_t named = 0;
  for (const Json& draft : at(status, "/drafts")) {
    if (++named > kNamed) break;
    names += (names.empty() ? "" : ", ") + text(draft, "/path");
    if (auto why = text(draft, "/reason"); !why.empty()) names += ": " + why;
  }
  if (drafts == 0) return line;
  if (drafts > kNamed) names += ", ...";
  return line + (line.empty() ? "" : ", and ") +
         plural(drafts, "new message that is not finished", "new messages that are not finished") +
         " (" + names + ")";
}

}  // namespace emlfs::app
