// UID STORE +FLAGS.SILENT and -FLAGS.SILENT (RFC 9051 section 6.4.6); never FLAGS, which would undo
// what other clients set.
#include <fmt/format.h>

#include "imap/batches.h"
#include "imap/commands.h"
#include "imap/text.h"

namespace emlfs::imap {

std::vector<FlagChange> storeFlags(Connection& connection, const UidSet& uids,
                                   Session::Change change, const Flags& flags) {
  constexpr size_t kLongestFlags = 4'000;
  requireWritable(connection);
  std::vector<FlagChange> told;
  if (flags.names().empty()) return told;
  const size_t length = flags.text().size();
  if (length > kLongestFlags) {
    throw Error(Code::invalid, Scope::message, "these are too many flags at once");
  }
  const char* item = change == Session::Change::add ? "+FLAGS.SILENT" : "-FLAGS.SILENT";
  eachBatch(uids, octetsBeside("") - length, [&](const UidSet& batch) {
    Command command("UID STORE");
    command.syntax(batch.text()).syntax(item).flags(flags);
    const StatusLine status = connection.run(
        command,
        [&](Data&& data) {
          auto* fetch = std::get_if<FetchData>(&data);
          if (fetch != nullptr && fetch->flags && batch.contains(fetch->uid))
            told.push_back({fetch->uid, std::move(*fetch->flags), fetch->modseq});
        },
        batch.size());
    check(status,
          fmt::format("can't change flags in mailbox {}", printable(connection.selected.wire)));
  });
  return told;
}

}  // namespace emlfs::imap
