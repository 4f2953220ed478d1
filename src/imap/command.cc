#include "imap/command.h"

#include <algorithm>
#include <utility>

#include "emlfs/base/error.h"

namespace emlfs::imap {
namespace {

bool endsCommand(char c) {
  return c == '\r' || c == '\n' || c == '\0';
}

void refuseLineEnds(std::string_view bytes) {
  if (std::any_of(bytes.begin(), bytes.end(), endsCommand)) {
    throw Error(Code::invalid, Scope::mailbox,
                "a name or password with a line end or NUL can't be sent to the server");
  }
}

// RFC 9051's atom: what keywords are made of.
bool isAtom(std::string_view text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), [](char c) {
    return c > ' ' && c < 0x7f && std::string_view("(){%*\"\\]").find(c) == std::string_view::npos;
  });
}

bool canBeQuoted(std::string_view bytes) {
  return bytes.size() <= 1000 && std::all_of(bytes.begin(), bytes.end(), [](char c) {
           return static_cast<unsigned char>(c) < 0x80;
         });
}

bool mustWait(LiteralMode mode, uint64_t size) {
  return mode == LiteralMode::synchronizing || (mode == LiteralMode::minus && size > 4096);
}

// More is not sent in vain to a server that will say NO.
constexpr uint64_t kMostUnasked = 100'000;

}  // namespace

Command::Command(std::string_view verb, LiteralMode literals)
    : verb_(verb), literals_(literals), pieces_(1) {
  refuseLineEnds(verb);
  append(verb);
}

Command::~Command() {
  for (std::string& piece : pieces_) wipe(piece);
}

// Grows by copying into a fresh string and wiping the old one: a plain reallocation would leave a
// copy of a password behind.
void Command::append(std::string_view text) {
  std::string& piece = pieces_.back();
  if (piece.size() + text.size() > piece.capacity()) {
    std::string grown;
    grown.reserve(2 * (piece.size() + text.size()));
    grown = piece;
    wipe(piece);
    piece = std::move(grown);
  }
  piece.append(text);
}

Command& Command::syntax(std::string_view text) {
  refuseLineEnds(text);
  append(" ");
  append(text);
  return *this;
}

Command& Command::string(std::string_view bytes) {
  append(" ");
  appendString(bytes);
  return *this;
}

Command& Command::strings(const std::vector<std::string>& list) {
  append(" (");
  for (const std::string& bytes : list) {
    if (&bytes != &list.front()) append(" ");
    appendString(bytes);
  }
  append(")");
  return *this;
}

void Command::appendString(std::string_view bytes) {
  refuseLineEnds(bytes);
  if (canBeQuoted(bytes)) {
    append("\"");
    for (const char& c : bytes) {
      if (c == '"' || c == '\\') append("\\");
      append(std::string_view(&c, 1));
    }
    append("\"");
    return;
  }
  beginLiteral(bytes.size(), mustWait(literals_, bytes.size()));
  append(bytes);
}

void Command::beginLiteral(uint64_t size, bool waits) {
  append("{" + std::to_string(size) + (waits ? "}\r\n" : "+}\r\n"));
  if (waits) pieces_.emplace_back();
}

Command& Command::flags(const Flags& flags) {
  for (const std::string& flag : flags.names()) {
    std::string_view atom = flag;
    if (atom.starts_with('\\')) atom.remove_prefix(1);
    if (isAtom(atom)) continue;
    throw Error(Code::invalid, Scope::message,
                "a flag is a word of ASCII without blanks, quotes or any of (){%*]");
  }
  return syntax("(" + flags.text() + ")");
}

Command& Command::upload(uint64_t size, Source source) {
  const bool waits = mustWait(literals_, size) || unasked_ + size >= kMostUnasked;
  unasked_ = waits ? 0 : unasked_ + size;
  append(" ");
  beginLiteral(size, waits);
  uploads_.push_back({pieces_.size() - 1, pieces_.back().size(), size, std::move(source)});
  return *this;
}

Command& Command::answer(std::string_view text) {
  refuseLineEnds(text);
  append("\r\n");
  pieces_.emplace_back();
  append(text);
  return *this;
}

}  // namespace emlfs::imap
