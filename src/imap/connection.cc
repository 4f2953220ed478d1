#include "imap/connection.h"

#include <algorithm>
#include <array>
#include <atomic>
#include <exception>
#include <utility>

#include "emlfs/base/fail_point.h"
#include "emlfs/base/log.h"
#include "imap/answer_budget.h"
#include "imap/text.h"

namespace emlfs::imap {
namespace {

// Of the process.
std::atomic<uint64_t> connections_made = 0;

}  // namespace

Connection::Connection(std::unique_ptr<Transport> transport, Milliseconds timeout, Traffic* traffic,
                       const std::set<std::string>& without)
    : transport_(std::move(transport)),
      patience_(timeout),
      traffic_(traffic),
      number_(++connections_made) {
  for (const std::string& name : without) without_.insert(toUpper(name));
  // QRESYNC is built on CONDSTORE.
  if (without_.count("CONDSTORE") != 0) without_.insert("QRESYNC");
}

void Connection::setCapabilities(std::set<std::string> names) {
  ++capability_updates_;
  // Part of IMAP4rev2, whether they are announced or not.
  if (names.count("IMAP4REV2") != 0) names.insert({"MOVE", "UIDPLUS", "UNSELECT"});
  for (const std::string& name : without_) names.erase(name);
  capabilities_ = Capabilities(std::move(names));
}

LiteralMode Connection::literals() const {
  if (has("LITERAL+")) return LiteralMode::plus;
  return has("LITERAL-") ? LiteralMode::minus : LiteralMode::synchronizing;
}

std::optional<RawResponse> Connection::nextResponse() {
  const uint64_t before = framer_.bodyBytes();
  auto response = framer_.next();
  if (traffic_ != nullptr) traffic_->body_bytes += framer_.bodyBytes() - before;
  return response;
}

RawResponse Connection::read() {
  std::array<char, 64 << 10> buffer;
  for (;;) {
    if (auto response = nextResponse()) return std::move(*response);
    const size_t got = transport_->read(buffer, patience_.deadline());
    patience_.excuse(transport_->takeHeldBack());
    patience_.came(got);
    framer_.feed({buffer.data(), got});
  }
}

// What keeps coming is not waited for: the deadline of a read never passes.
void Connection::waste() {
  patience_.wasted(response_bytes_);
  if (patience_.isOver())
    throw Error(Code::timeout, Scope::connection, "the server sends only what is of no use");
}

void Connection::hungUp(const StatusLine& bye) const {
  throw Error(Code::network, Scope::connection,
              fmt::format("the server closed the connection: {}", bye.text), bye.text);
}

// What is true of the connection, whichever command runs.
void Connection::observe(const Data& data) {
  if (const auto* line = std::get_if<StatusLine>(&data)) {
    if (line->status == Status::bye) hungUp(*line);
    if (line->code == "ALERT") log::warning("the server says: {}", line->text);
    if (line->code == "CAPABILITY") setCapabilities(parseCapabilities(line->arguments));
    if (line->code == "UIDVALIDITY" && !selected.wire.empty()) {
      selected.uid_validity = parseNumber32(line->arguments).value_or(0);
    }
    // With NO it may be about another mailbox.
    if (line->status == Status::ok && line->code == "READ-ONLY") selected.read_only = true;
    if (line->status == Status::ok && line->code == "READ-WRITE") selected.read_only = false;
  } else if (const auto* capability = std::get_if<CapabilityData>(&data)) {
    setCapabilities(capability->names);
  } else if (const auto* exists = std::get_if<ExistsData>(&data)) {
    selected.messages = exists->messages;
  } else if (std::holds_alternative<ExpungeData>(data)) {
    if (selected.messages > 0) --selected.messages;
  } else if (const auto* gone = std::get_if<VanishedData>(&data)) {
    if (!gone->earlier) {
      const uint64_t count = std::min<uint64_t>(gone->uids.size(), selected.messages);
      selected.messages -= static_cast<uint32_t>(count);
    }
  } else if (const auto* unreadable = std::get_if<UnreadableData>(&data)) {
    log::warning("skipped a {} response of the server that can't be read", unreadable->kind);
  }
}

StatusLine Connection::readGreeting() {
  try {
    RawResponse response = read();
    const auto line = response.text.starts_with("* ")
                          ? parseStatusLine(std::string_view(response.text).substr(2))
                          : std::nullopt;
    if (!line || line->status == Status::no || line->status == Status::bad) {
      notImap(fmt::format("something that is no IMAP greeting: {}",
                          printable(std::string_view(response.text).substr(0, 80))));
    }
    observe(*line);
    return *line;
  } catch (...) {
    broken_ = true;
    throw;
  }
}

StatusLine Connection::run(const Command& command, const Handler& handler, uint64_t expected,
                           const std::vector<Foretold>& behind) {
  if (broken_) throw Error(Code::network, Scope::connection, "the connection is closed");
  std::exception_ptr failure;
  const Handler guarded = [&](Data&& data) {
    if (!handler || failure) return;
    try {
      handler(std::move(data));
    } catch (const Error& error) {
      // Of no use any more: don't read on.
      if (error.scope == Scope::connection || error.scope == Scope::account) throw;
      failure = std::current_exception();
    } catch (...) {
      failure = std::current_exception();
    }
  };
  StatusLine status;
  try {
    status = exchange(command, guarded, expected, behind);
  } catch (...) {
    broken_ = true;
    throw;
  }
  if (failure) std::rethrow_exception(failure);
  return status;
}

void Connection::takeUntagged(RawResponse&& response, const Handler& handler) {
  const uint64_t bytes = framer_.bodyBytes() + framer_.otherBytes();
  response_bytes_ = bytes - std::exchange(earlier_bytes_, bytes);
  const size_t size = response.text.size() + 2;
  Data data = understand(std::move(response));
  const auto* line = std::get_if<StatusLine>(&data);
  if (line != nullptr && line->code.empty()) patience_.wasted(size);  // "still here"
  observe(data);
  if (bystander_) bystander_(verb_, data);
  if (handler) handler(std::move(data));
}

StatusLine Connection::exchange(const Command& command, const Handler& handler, uint64_t expected,
                                const std::vector<Foretold>& behind, const Continued& continued) {
  const auto began = Clock::now();
  const bool was_selected = !selected.wire.empty();
  const auto ahead = takeAhead(command);
  // What is asked would be answered from another mailbox than the caller looked at.
  if (was_selected && selected.wire.empty() && isAboutMessages(command.verb()))
    notImap("what was asked in one mailbox before the selection of another, out of its turn");
  const std::string tag = ahead ? *ahead : newTag(command.verb());
  verb_ = command.verb();

  const auto& pieces = command.pieces();
  size_t sent = 0;
  const auto sendNext = [&] {
    const bool last = sent + 1 == pieces.size();
    try {
      sendPiece(command, sent, tag, last ? sentBehind(behind) : "");
    } catch (const Error& error) {
      if (error.code == Code::network) hearLastWords();
      throw;
    }
    ++sent;
    failPoint("imap: sent");
  };
  if (!ahead) {
    sendNext();
  } else {
    sent = pieces.size();
    patience_.begin();
    if (!behind.empty()) write(sentBehind(behind));
  }

  StatusLine status = readAnswer(tag, handler, expected, [&](std::string_view text) {
    if (sent == pieces.size()) return continued && continued(text);
    sendNext();
    return true;
  });
  if (status.status == Status::ok && sent < pieces.size())
    notImap("OK to a command before it had all of it");
  failPoint("imap: answered");
  if (!ahead) round_trip_ = std::min(round_trip_, Clock::now() - began);
  observe(status);
  verb_.clear();
  return status;
}

StatusLine Connection::readAnswer(std::string_view tag, const Handler& handler, uint64_t expected,
                                  const Continued& continued) {
  AnswerBudget budget(framer_, expected);
  for (;;) {
    budget.spend();
    RawResponse response = read();
    const std::string_view text = response.text;
    if (text.starts_with('+')) {
      const size_t blank = text.starts_with("+ ") ? 1 : 0;
      if (!continued(text.substr(1 + blank)))
        notImap("a request to continue that was not expected");
      continue;
    }
    if (text.starts_with("* ")) {
      takeUntagged(std::move(response), handler);
      continue;
    }
    const std::string_view first = text.substr(0, text.find(' '));
    const auto ahead = std::ranges::find(ahead_, first, &Ahead::tag);
    if (!text.empty() && first.size() < text.size() && (first == tag || ahead != ahead_.end())) {
      auto status = parseStatusLine(text.substr(first.size() + 1));
      if (!status || status->status == Status::bye || status->status == Status::preauth)
        notImap("a status that doesn't exist");
      if (first == tag) return std::move(*status);
      // From here on nobody could tell which mailbox's messages come.
      if (ahead->selects()) notImap("the selection of a mailbox before what was asked in another");
      ahead->answered = true;
    } else if (!text.empty()) {  // some servers send an empty line after a literal
      notImap(fmt::format("something that is not IMAP: {}", printable(text.substr(0, 80))));
    }
  }
}

StatusLine Connection::converse(const Command& command, const Answer& answer) {
  if (broken_) throw Error(Code::network, Scope::connection, "the connection is closed");
  try {
    return exchange(command, {}, 0, {}, [&](std::string_view text) {
      const Secret line = answer(text);
      std::string bytes;
      bytes.reserve(line.reveal().size() + 2);
      bytes.append(line.reveal()).append("\r\n");
      send(std::move(bytes));
      return true;
    });
  } catch (...) {
    broken_ = true;
    throw;
  }
}

StatusLine Connection::runOk(const Command& command, const Handler& handler, uint64_t expected) {
  StatusLine status = run(command, handler, expected);
  if (status.status == Status::no && status.code == "AUTHORIZATIONFAILED")  // of no mailbox
    throw Error(Code::auth, Scope::connection,
                fmt::format("the server no longer lets us in: {}", words(status)), words(status));
  check(status, command.verb() + " failed");
  return status;
}

void Connection::startTls() {
  if (!framer_.empty()) {
    broken_ = true;
    throw Error(Code::tls, Scope::connection,
                "somebody put plaintext before the start of TLS: the connection is not safe");
  }
  capabilities_ = {};
  framer_ = Framer();
  earlier_bytes_ = 0;
  selected = {};
  patience_.begin();
  try {
    transport_->startTls(patience_.deadline());
  } catch (...) {
    broken_ = true;
    throw;
  }
}

void Connection::compress() {
  transport_->compress(framer_.takeRest());
  if (traffic_ != nullptr) ++traffic_->compressed;
}

}  // namespace emlfs::imap
