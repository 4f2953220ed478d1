// UID FETCH of many whole bodies in one round trip (RFC 9051 section 6.4.5).
#include <utility>

#include "imap/batches.h"
#include "imap/commands.h"

namespace emlfs::imap {
namespace {

// Of literals, as long as it lives.
class OnlyUpTo {
 public:
  OnlyUpTo(Connection& connection, uint64_t most) : connection_(connection) {
    connection.setWindow({0, most});
  }
  ~OnlyUpTo() { connection_.setWindow({}); }
  OnlyUpTo(const OnlyUpTo&) = delete;
  OnlyUpTo& operator=(const OnlyUpTo&) = delete;

 private:
  Connection& connection_;
};

}  // namespace

void fetchBodies(Connection& connection, const UidSet& uids, uint64_t most,
                 const std::function<void(Uid, std::string&&)>& each) {
  requireSelected(connection);
  const OnlyUpTo window(connection, most);
  UidSet given;
  eachBatch(uids, octetsBeside(""), [&](const UidSet& asked) {
    Command command("UID FETCH");
    command.syntax(asked.text()).syntax("(UID BODY.PEEK[])");
    const StatusLine status = connection.run(
        command,
        [&](Data&& data) {
          auto* fetch = std::get_if<FetchData>(&data);
          if (fetch == nullptr || !fetch->body || !asked.contains(fetch->uid)) return;
          Body& body = *fetch->body;
          const bool whole = !body.nil && !body.origin && body.length == body.bytes.size();
          if (!whole || body.length == 0 || body.length > most || given.contains(fetch->uid))
            return;
          given.add(fetch->uid);
          each(fetch->uid, std::move(body.bytes));
        },
        asked.size());
    // NO: not all of them could be given (RFC 2180 section 4.1.2).
    if (status.status != Status::no) check(status, "can't read messages");
  });
}

}  // namespace emlfs::imap
