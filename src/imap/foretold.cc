// Commands that go out behind another one (RFC 9051 section 5.5): a server works them off in their
// order, since the first of them decides what the others are about.
#include "imap/connection.h"

namespace emlfs::imap {
namespace {

// Such as "UID FETCH".
std::string_view verbOf(std::string_view text) {
  const size_t from = text.starts_with("UID ") ? 4 : 0;
  return text.substr(0, text.find(' ', from));
}

}  // namespace

bool isAboutMessages(std::string_view verb) {
  return verb.starts_with("UID ") || verb == "EXPUNGE";
}

std::vector<Foretold> foretell(const Command& command, uint64_t expected) {
  if (command.pieces().size() != 1 || !command.uploads().empty()) return {};
  return {{command.pieces()[0], expected}};
}

// The lines of what is foretold, which is on its way from now on.
std::string Connection::sentBehind(const std::vector<Foretold>& behind) {
  std::string lines;
  for (const Foretold& each : behind) {
    ahead_.push_back({each, newTag(verbOf(each.text)), false});
    lines.append(ahead_.back().tag).append(" ").append(each.text).append("\r\n");
  }
  return lines;
}

std::optional<std::string> Connection::takeAhead(const Command& command) {
  for (; !ahead_.empty(); forgetFirstAhead()) {
    const Ahead& first = ahead_.front();
    if (first.answered || command.pieces().size() != 1 || first.command.text != command.pieces()[0])
      continue;
    std::string tag = first.tag;
    ahead_.pop_front();
    return tag;
  }
  return std::nullopt;
}

void Connection::forgetFirstAhead() {
  const Ahead first = ahead_.front();
  verb_ = verbOf(first.command.text);
  if (first.selects()) selected = {};  // another one by now, or none
  patience_.begin();
  if (!first.answered)
    observe(
        readAnswer(first.tag, {}, first.command.expected, [](std::string_view) { return false; }));
  ahead_.pop_front();
  verb_.clear();
}

}  // namespace emlfs::imap
