// Runs commands over a transport: tags, deadlines, bounds, statuses. Everything untagged goes to
// observe() first and then to the handler of the command that runs. Owned by one thread.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "emlfs/base/error.h"
#include "emlfs/imap/session.h"
#include "imap/command.h"
#include "imap/data.h"
#include "imap/framer.h"
#include "imap/patience.h"
#include "imap/refusal.h"
#include "imap/transport.h"

namespace emlfs::imap {

// A command that will be run next, sent behind another one so that it costs no round trip of its
// own. One that changes nothing (but what EXAMINE selects), since its answer may be thrown away.
struct Foretold {
  std::string text;       // of a command in one piece
  uint64_t expected = 0;  // as of Connection::run
};
// Nothing, if the command has to wait for the server in its middle.
std::vector<Foretold> foretell(const Command& command, uint64_t expected = 0);
// Whether a command of this verb means other messages in another mailbox.
bool isAboutMessages(std::string_view verb);

class Connection {
 public:
  using Handler = std::function<void(Data&&)>;

  Connection(std::unique_ptr<Transport> transport, Milliseconds timeout, Traffic* traffic,
             const std::set<std::string>& without);

  // OK or PREAUTH. BYE is Error(network) with the server's words.
  StatusLine readGreeting();

  // Sends, reads until the tagged status, and gives it whatever it is. `expected` is how many
  // answers there may reasonably be; far more is Error(limit, connection). An exception of
  // `handler` is thrown on once the answer has been read to its end, so that the connection stays
  // usable.
  //
  // What was sent `behind` another command is not sent again: its answer is read, then. What is run
  // instead of it has the answer read first, and forgotten.
  StatusLine run(const Command& command, const Handler& handler = {}, uint64_t expected = 0,
                 const std::vector<Foretold>& behind = {});
  // The same; NO and BAD are thrown, see check().
  StatusLine runOk(const Command& command, const Handler& handler = {}, uint64_t expected = 0);

  // A command that the server asks on after with "+", as often as it likes: `answer` is given what
  // stands behind the plus, and gives the next line. What it throws is thrown on, and ends the
  // connection.
  using Answer = std::function<Secret(std::string_view text)>;
  StatusLine converse(const Command& command, const Answer& answer);

  // Reads what comes without a command, until the deadline or `wake`; once something came, no
  // longer than what belongs to it takes to arrive.
  void listen(Deadline deadline, const Event& wake);
  // IDLE (RFC 2177), with listen() between its begin and its end.
  void idle(Deadline deadline, const Event& wake);

  // Sees all untagged data, with the verb of the command that runs; empty while none does.
  using Bystander = std::function<void(std::string_view verb, const Data&)>;
  void setBystander(Bystander bystander) { bystander_ = std::move(bystander); }

  // Until then everything has to be done; absent: each command has its own time.
  void boundAll(std::optional<Deadline> bound) { patience_.boundAll(bound); }

  // For handlers: what they are given is of no use, and buys the server no time. Throws
  // Error(timeout, connection) when it has none left.
  void waste();

  // After the OK to STARTTLS. Everything learnt before is forgotten; bytes that came with the OK
  // are Error(tls).
  void startTls();

  // After the OK to COMPRESS (RFC 4978).
  void compress();

  // The shortest time that a command took so far: how far the server is. The longest there is
  // before the first.
  Clock::duration roundTrip() const { return round_trip_; }

  const Transport& transport() const { return *transport_; }
  const Capabilities& capabilities() const { return capabilities_; }
  bool capabilitiesKnown() const { return !capabilities_.names().empty(); }
  unsigned capabilityUpdates() const { return capability_updates_; }
  void setCapabilities(std::set<std::string> names);
  void forgetCapabilities() { capabilities_ = {}; }
  bool has(std::string_view capability) const { return capabilities_.has(capability); }
  LiteralMode literals() const;

  // The selected mailbox; EXAMINE and SELECT write it, untagged data keeps it up to date.
  struct Mailbox {
    std::string wire;
    UidValidity uid_validity = 0;
    uint32_t messages = 0;
    bool modseqs = false;
    bool selected = false;   // by SELECT, not EXAMINE
    bool read_only = false;  // the server says so
    bool writable() const { return selected && !read_only; }
  };
  Mailbox selected;

  // The part of a body that the running command wants.
  void setWindow(Window window) { framer_.setWindow(window); }

 private:
  std::optional<RawResponse> nextResponse();
  RawResponse read();
  void observe(const Data& data);
  // Called for a "+" with what stands behind it; tells whether one was to come.
  using Continued = std::function<bool(std::string_view text)>;
  // `continued`: what to do when the server asks for more than the command has.
  StatusLine exchange(const Command& command, const Handler& handler, uint64_t expected,
                      const std::vector<Foretold>& behind, const Continued& continued = {});
  // To a command that has been sent.
  StatusLine readAnswer(std::string_view tag, const Handler& handler, uint64_t expected,
                        const Continued& continued);
  // Whether the command is on its way already, and then its tag; all before it is forgotten.
  std::optional<std::string> takeAhead(const Command& command);
  void forgetFirstAhead();
  void takeUntagged(RawResponse&& response, const Handler& handler);
  void send(std::string bytes);
  void write(std::string bytes);  // without beginning to wait anew
  void sendPiece(const Command& command, size_t index, std::string_view tag,
                 std::string_view behind);
  std::string newTag(std::string_view verb);
  std::string sentBehind(const std::vector<Foretold>& behind);
  void sendUpload(const Command::Upload& upload, std::string& bytes);
  void hearLastWords();
  [[noreturn]] void hungUp(const StatusLine& bye) const;

  std::unique_ptr<Transport> transport_;
  Patience patience_;
  Traffic* traffic_;
  const uint64_t number_;  // in the log
  std::set<std::string> without_;
  Framer framer_;
  Capabilities capabilities_;
  unsigned capability_updates_ = 0;  // how often the server has told them
  unsigned next_tag_ = 1;
  Clock::duration round_trip_ = Clock::duration::max();
  bool broken_ = false;
  std::string verb_;             // of the command that runs
  uint64_t response_bytes_ = 0;  // of the last untagged one, and of all before it
  uint64_t earlier_bytes_ = 0;
  // Sent, in this order, and nobody has asked for their answers yet.
  struct Ahead {
    Foretold command;
    std::string tag;
    bool answered = false;  // before its turn: what belonged to it is lost
    bool selects() const { return command.text.starts_with("EXAMINE "); }
  };
  std::deque<Ahead> ahead_;
  Bystander bystander_;
};

}  // namespace emlfs::imap
