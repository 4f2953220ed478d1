// COMPRESS=DEFLATE (RFC 4978): mail is a third or a quarter of its size then.
#include "emlfs/base/log.h"
#include "imap/commands.h"

namespace emlfs::imap {
namespace {

// Who answers sooner is on the same machine or network, where bytes cross faster than a server's
// zlib makes them fewer.
constexpr Milliseconds kFar{2};

bool compress(Connection& connection) {
  if (connection.roundTrip() < kFar) return false;
  const StatusLine status = connection.run(Command("COMPRESS").syntax("DEFLATE"));
  if (status.status == Status::ok)
    connection.compress();
  else
    log::info("imap: the server compresses nothing: {}", words(status));
  return status.status == Status::ok;
}

}  // namespace

void compressIfFar(Connection& connection) {
  if (!connection.has("COMPRESS=DEFLATE") || compress(connection)) return;
  std::set<std::string> names = connection.capabilities().names();
  names.erase("COMPRESS=DEFLATE");
  connection.setCapabilities(std::move(names));
}

}  // namespace emlfs::imap
