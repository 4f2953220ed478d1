#include "imap/wait.h"

#include <poll.h>

#include <algorithm>
#include <array>
#include <cerrno>

#include "emlfs/base/error.h"

namespace emlfs::imap {

bool waitForAny(pollfd* waited, size_t count, Deadline deadline, const Event& interrupt) {
  std::array<pollfd, 32> all{};
  all[0] = {interrupt.fd(), POLLIN, 0};
  count = std::min(count, all.size() - 1);
  std::copy_n(waited, count, all.begin() + 1);
  int ready = 0;
  while ((ready = poll(all.data(), count + 1, deadline.pollTimeout())) < 0) {
    if (errno != EINTR) throw systemError("can't wait for the network", errno);
  }
  if (all[0].revents != 0) {
    throw Error(Code::cancelled, Scope::connection, "the connection was interrupted");
  }
  std::copy_n(all.begin() + 1, count, waited);
  return ready > 0;
}

short waitFor(int fd, short events, Deadline deadline, const Event& interrupt) {
  pollfd waited{fd, events, 0};
  return waitForAny(&waited, 1, deadline, interrupt) ? waited.revents : short{0};
}

void checkInterrupt(const Event& interrupt) {
  pollfd waited{interrupt.fd(), POLLIN, 0};
  if (poll(&waited, 1, 0) > 0)
    throw Error(Code::cancelled, Scope::connection, "the connection was interrupted");
}

}  // namespace emlfs::imap
