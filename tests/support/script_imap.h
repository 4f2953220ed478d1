// A scripted server that speaks enough IMAP for a mount, from a table of mailboxes, in plaintext.
// What it says of a message may be a lie, and a hook can answer a request for a body instead.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "emlfs/mail/ids.h"
#include "support/scripted_server.h"

namespace emlfs::test {

struct ScriptMessage {
  Uid uid = 0;
  std::string body;
  std::optional<uint64_t> claimed;  // RFC822.SIZE; absent: the truth
};

struct ScriptMailbox {
  std::string wire;  // as it goes over the wire, any bytes
  std::vector<ScriptMessage> messages;
};

struct BodyRequest {
  struct Part {
    uint64_t offset = 0;
    uint64_t count = 0;
  };
  std::string tag;
  std::string mailbox;
  Uid uid = 0;
  std::optional<Part> part;
  const std::string& body;  // whole
};

// What an honest server answers: the FETCH response, without the tagged line after it.
std::string honestFetch(const BodyRequest& request);

struct ScriptImapState;

// Thread-safe. The account is user "alice" with password "secret".
class ScriptImap {
 public:
  // True if it has answered, with the tagged line. Runs on the connection's thread. If it throws
  // std::runtime_error, as the Peer's calls do, the connection is closed.
  using BodyHook = std::function<bool(Peer& peer, const BodyRequest& request)>;

  explicit ScriptImap(std::vector<ScriptMailbox> mailboxes);
  ~ScriptImap();

  std::string url() const;
  void onBody(BodyHook hook);  // an empty one: honest again
  // Replaces everything, under another UIDVALIDITY. Who has a mailbox selected keeps what he has
  // seen until he selects again.
  void become(std::vector<ScriptMailbox> mailboxes, UidValidity validity);
  std::vector<std::string> commands() const;

 private:
  std::shared_ptr<ScriptImapState> state_;
  std::unique_ptr<ScriptedServer> server_;
};

}  // namespace emlfs::test
