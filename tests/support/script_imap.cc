#include "support/script_imap.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <cstdlib>
#include <mutex>
#include <regex>
#include <stdexcept>

namespace emlfs::test {
namespace {

constexpr UidValidity kFirstValidity = 7;

std::string upper(std::string text) {
  std::transform(text.begin(), text.end(), text.begin(),
                 [](unsigned char c) { return static_cast<char>(std::toupper(c)); });
  return text;
}

std::string literal(const std::string& bytes) {
  return fmt::format("{{{}}}\r\n{}", bytes.size(), bytes);
}

struct Request {
  std::string tag;
  std::string text;                // all after the tag, literals left out
  std::vector<std::string> words;  // strings without their quotes, literals as words
};

// One command with its literals, which are asked for where they have to be.
Request readRequest(Peer& peer) {
  static const std::regex kLiteral(R"(\{([0-9]+)(\+?)\}$)");
  Request request;
  for (;;) {
    std::string line = peer.readLine();
    std::smatch match;
    const bool more = std::regex_search(line, match, kLiteral);
    const std::string before = more ? match.prefix().str() : line;
    request.text += before;
    for (size_t at = 0; at < before.size();) {
      if (before[at] == ' ') {
        ++at;
        continue;
      }
      std::string word;
      if (before[at] == '"') {
        for (++at; at < before.size() && before[at] != '"'; ++at) {
          if (before[at] == '\\') ++at;
          word += before.at(at);
        }
        ++at;
      } else {
        while (at < before.size() && before[at] != ' ') word += before[at++];
      }
      request.words.push_back(std::move(word));
    }
    if (!more) break;
    if (match[2].length() == 0) peer.send("+ go on\r\n");
    request.words.push_back(peer.readBytes(std::stoul(match[1])));
  }
  if (request.words.size() < 2) throw std::runtime_error("not a command: " + request.text);
  request.tag = request.words.front();
  request.words.erase(request.words.begin());
  request.text.erase(0, request.tag.size() + 1);
  return request;
}

std::string headerOf(const std::string& body) {
  return body.substr(0, body.find("\r\n\r\n") + 4);
}

}  // namespace

std::string honestFetch(const BodyRequest& request) {
  std::string origin;
  std::string bytes = request.body;
  if (request.part) {
    const auto [offset, count] = *request.part;
    origin = fmt::format("<{}>", offset);
    bytes = offset < bytes.size() ? bytes.substr(offset, count) : "";
  }
  return fmt::format("* {0} FETCH (UID {0} BODY[]{1} {2})\r\n", request.uid, origin,
                     literal(bytes));
}

namespace {

// What the server stores; never changed, so that a session can keep the one that it selected from.
struct Mailboxes {
  std::vector<ScriptMailbox> all;
  UidValidity validity;
};

}  // namespace

struct ScriptImapState {
  mutable std::mutex mutex;
  std::shared_ptr<const Mailboxes> mailboxes;
  ScriptImap::BodyHook hook;
  std::vector<std::string> commands;

  explicit ScriptImapState(std::vector<ScriptMailbox> all)
      : mailboxes(std::make_shared<Mailboxes>(Mailboxes{std::move(all), kFirstValidity})) {}

  std::shared_ptr<const Mailboxes> current() const {
    const std::lock_guard lock(mutex);
    return mailboxes;
  }

  ScriptImap::BodyHook currentHook() const {
    const std::lock_guard lock(mutex);
    return hook;
  }
};

namespace {

const ScriptMailbox* find(const Mailboxes& mailboxes, const std::string& wire) {
  const auto at = std::find_if(mailboxes.all.begin(), mailboxes.all.end(),
                               [&](const ScriptMailbox& one) { return one.wire == wire; });
  return at == mailboxes.all.end() ? nullptr : &*at;
}

Uid lastUid(const ScriptMailbox& mailbox) {
  return mailbox.messages.empty() ? 0 : mailbox.messages.back().uid;
}

std::string listing(const std::vector<ScriptMailbox>& mailboxes) {
  std::string text;
  for (const auto& one : mailboxes)
    text += fmt::format("* LIST () \"/\" {}\r\n", literal(one.wire));
  return text;
}

std::string metadata(const ScriptMessage& message) {
  return fmt::format(
      "* {0} FETCH (UID {0} FLAGS () INTERNALDATE \"17-Jul-2024 02:44:25 +0000\" RFC822.SIZE {1} "
      "BODY[HEADER.FIELDS (DATE FROM SENDER SUBJECT MESSAGE-ID)] {2})\r\n",
      message.uid, message.claimed.value_or(message.body.size()), literal(headerOf(message.body)));
}

// "3", "3:7", "3:*".
std::pair<Uid, Uid> range(const std::string& text) {
  const size_t colon = text.find(':');
  const auto first = static_cast<Uid>(std::stoul(text));
  if (colon == text.npos) return {first, first};
  const std::string last = text.substr(colon + 1);
  return {first, last == "*" ? ~Uid{0} : static_cast<Uid>(std::stoul(last))};
}

std::optional<BodyRequest::Part> partOf(const std::string& text) {
  static const std::regex kPart(R"(BODY\.PEEK\[\]<([0-9]+)\.([0-9]+)>)");
  std::smatch match;
  if (!std::regex_search(text, match, kPart)) return std::nullopt;
  return BodyRequest::Part{std::stoull(match[1]), std::stoull(match[2])};
}

class Conversation {
 public:
  Conversation(Peer& peer, ScriptImapState& state) : peer_(peer), state_(state) {}

  void run() {
    peer_.send("* OK [CAPABILITY IMAP4rev1 SASL-IR AUTH=PLAIN] ready\r\n");
    for (;;) {
      const Request request = readRequest(peer_);
      {
        const std::lock_guard lock(state_.mutex);
        state_.commands.push_back(request.text);
      }
      if (!answer(request, upper(request.words[0]))) return;
    }
  }

 private:
  void ok(const Request& request, const std::string& data = {}) {
    peer_.send(data + request.tag + " OK done\r\n");
  }
  void no(const Request& request) { peer_.send(request.tag + " NO not there\r\n"); }

  bool answer(const Request& request, const std::string& verb) {
    if (verb == "LOGOUT") {
      ok(request, "* BYE\r\n");
      return false;
    }
    if (verb == "CAPABILITY") {
      ok(request, "* CAPABILITY IMAP4rev1 NAMESPACE SASL-IR LITERAL+\r\n");
    } else if (verb == "AUTHENTICATE" || verb == "LOGIN") {
      peer_.send(request.tag + " OK [CAPABILITY IMAP4rev1 NAMESPACE LITERAL+] in\r\n");
    } else if (verb == "NAMESPACE") {
      ok(request, "* NAMESPACE ((\"\" \"/\")) NIL NIL\r\n");
    } else if (verb == "LIST") {
      ok(request, listing(state_.current()->all));
    } else if (verb == "EXAMINE" || verb == "SELECT") {
      examine(request);
    } else if (verb == "STATUS") {
      status(request);
    } else if (verb == "UID") {
      uid(request, upper(request.words.at(1)));
    } else {
      ok(request);  // NOOP, CLOSE, UNSELECT
    }
    return true;
  }

  void examine(const Request& request) {
    selected_from_ = state_.current();
    selected_ = find(*selected_from_, request.words.at(1));
    if (selected_ == nullptr) return no(request);
    ok(request,
       fmt::format("* {} EXISTS\r\n* 0 RECENT\r\n* FLAGS ()\r\n* OK [UIDVALIDITY {}] x\r\n"
                   "* OK [UIDNEXT {}] x\r\n",
                   selected_->messages.size(), selected_from_->validity, lastUid(*selected_) + 1));
  }

  void status(const Request& request) {
    const auto current = state_.current();
    const auto* mailbox = find(*current, request.words.at(1));
    if (mailbox == nullptr) return no(request);
    ok(request, fmt::format("* STATUS {} (MESSAGES {} UIDNEXT {} UIDVALIDITY {})\r\n",
                            literal(mailbox->wire), mailbox->messages.size(), lastUid(*mailbox) + 1,
                            current->validity));
  }

  void uid(const Request& request, const std::string& verb) {
    if (selected_ == nullptr) return no(request);
    if (verb == "SEARCH") {
      std::string uids;
      for (const auto& message : selected_->messages) uids += fmt::format(" {}", message.uid);
      return ok(request, "* SEARCH" + uids + "\r\n");
    }
    const auto [first, last] = range(request.words.at(2));
    const std::string text = upper(request.text);
    if (text.find("BODY.PEEK[]") != text.npos) return body(request, first, partOf(text));
    const bool flags_only = text.find("INTERNALDATE") == text.npos;
    std::string data;
    for (const auto& message : selected_->messages) {
      if (message.uid < first || message.uid > last) continue;
      data += flags_only ? fmt::format("* {0} FETCH (UID {0} FLAGS ())\r\n", message.uid)
                         : metadata(message);
    }
    ok(request, data);
  }

  void body(const Request& request, Uid uid, const std::optional<BodyRequest::Part>& part) {
    for (const auto& message : selected_->messages) {
      if (message.uid != uid) continue;
      const BodyRequest asked{request.tag, selected_->wire, uid, part, message.body};
      const auto hook = state_.currentHook();
      if (!hook || !hook(peer_, asked)) ok(request, honestFetch(asked));
      return;
    }
    ok(request);  // as RFC 9051 has it for a UID that is not there
  }

  Peer& peer_;
  ScriptImapState& state_;
  std::shared_ptr<const Mailboxes> selected_from_;
  const ScriptMailbox* selected_ = nullptr;
};

}  // namespace

ScriptImap::ScriptImap(std::vector<ScriptMailbox> mailboxes)
    : state_(std::make_shared<ScriptImapState>(std::move(mailboxes))) {
  server_ = ScriptedServer::start([state = state_](Peer& peer) {
    try {
      Conversation(peer, *state).run();
    } catch (const std::runtime_error&) {
      peer.close();  // the client has gone, or kept silent for too long, or a hook wants it so
    }
  });
}

ScriptImap::~ScriptImap() = default;

std::string ScriptImap::url() const {
  return fmt::format("imap://alice@127.0.0.1:{}", server_->port());
}

void ScriptImap::onBody(BodyHook hook) {
  const std::lock_guard lock(state_->mutex);
  state_->hook = std::move(hook);
}

void ScriptImap::become(std::vector<ScriptMailbox> mailboxes, UidValidity validity) {
  auto next = std::make_shared<Mailboxes>(Mailboxes{std::move(mailboxes), validity});
  const std::lock_guard lock(state_->mutex);
  state_->mailboxes = std::move(next);
}

std::vector<std::string> ScriptImap::commands() const {
  const std::lock_guard lock(state_->mutex);
  return state_->commands;
}

}  // namespace emlfs::test
