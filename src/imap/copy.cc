// UID COPY (RFC 9051 section 6.4.7) and UID MOVE (RFC 6851). Where the messages went is told by
// COPYUID (RFC 4315): of COPY in the tagged status, of MOVE before it.
#include <fmt/format.h>

#include <map>

#include "emlfs/base/log.h"
#include "imap/assigned_uids.h"
#include "imap/batches.h"
#include "imap/commands.h"
#include "imap/text.h"

namespace emlfs::imap {
namespace {

// What all commands of one call were told.
class Destinations {
 public:
  void take(const StatusLine& line, const UidSet& asked) {
    if (line.code != "COPYUID") return;
    auto copied = parseCopyUid(line.arguments, asked);
    if (!copied || (told_ && told_->uid_validity != copied->uid_validity)) {
      nonsense_ = true;
      return;
    }
    if (!told_) told_ = CopiedUids{copied->uid_validity, {}};
    for (const auto& pair : copied->uids) {
      // Some servers tell it before the tagged status and in it.
      const auto [known, is_new] = by_source_.emplace(pair);
      if (is_new) told_->uids.push_back(pair);
      nonsense_ |= known->second != pair.second;
    }
  }
  std::optional<CopiedUids> result() {
    if (!nonsense_) return std::move(told_);
    log::warning("imap: a COPYUID of the server makes no sense");
    return std::nullopt;
  }

 private:
  std::optional<CopiedUids> told_;
  std::map<Uid, Uid> by_source_;
  bool nonsense_ = false;
};

std::optional<CopiedUids> transfer(Connection& connection, std::string_view verb,
                                   const UidSet& uids, std::string_view to) {
  requireName(to);
  Destinations destinations;
  eachBatch(uids, octetsBeside(to), [&](const UidSet& batch) {
    Command command(verb, connection.literals());
    command.syntax(batch.text()).string(to);
    const StatusLine status = connection.run(
        command,
        [&](Data&& data) {
          if (const auto* line = std::get_if<StatusLine>(&data)) destinations.take(*line, batch);
        },
        batch.size());
    check(status, fmt::format("can't put messages into mailbox {}", printable(to)));
    destinations.take(status, batch);
  });
  return destinations.result();
}

}  // namespace

std::optional<CopiedUids> copyMessages(Connection& connection, const UidSet& uids,
                                       std::string_view to) {
  requireSelected(connection);
  return transfer(connection, "UID COPY", uids, to);
}

std::optional<CopiedUids> moveMessages(Connection& connection, const UidSet& uids,
                                       std::string_view to) {
  requireWritable(connection);
  if (!connection.has("MOVE")) {
    throw Error(Code::invalid, Scope::mailbox, "the server can't move messages (MOVE)");
  }
  return transfer(connection, "UID MOVE", uids, to);
}

}  // namespace emlfs::imap
