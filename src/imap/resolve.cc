#include "imap/resolve.h"

#include <arpa/inet.h>
#include <fmt/format.h>
#include <netdb.h>
#include <poll.h>

#include <cerrno>
#include <cstring>
#include <memory>

#include "emlfs/base/error.h"
#include "emlfs/base/mutex.h"
#include "emlfs/base/thread.h"
#include "imap/wait.h"

namespace emlfs::imap {
namespace {

struct Answer {
  int error = 0;
  int system_error = 0;  // errno, when error is EAI_SYSTEM
  std::vector<Address> addresses;
};

Answer ask(const std::string& host, uint16_t port) {
  addrinfo hints{};
  hints.ai_family = AF_UNSPEC;
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = AI_NUMERICSERV;
  addrinfo* list = nullptr;
  Answer answer;
  answer.error = getaddrinfo(host.c_str(), fmt::to_string(port).c_str(), &hints, &list);
  answer.system_error = errno;
  if (answer.error != 0) return answer;
  for (const addrinfo* each = list; each; each = each->ai_next) {
    Address address;
    address.size = each->ai_addrlen;
    std::memcpy(&address.bytes, each->ai_addr, each->ai_addrlen);
    answer.addresses.push_back(address);
  }
  freeaddrinfo(list);
  return answer;
}

// Shared by the one who waits and the thread that asks: either may be gone first.
struct Question {
  Event answered;
  Mutex mutex;
  Answer answer GUARDED_BY(mutex);
};

// getaddrinfo(3) can't be interrupted. A thread that nobody waits for any more ends by itself.
Answer askOnThread(const std::string& host, uint16_t port, Deadline deadline,
                   const Event& interrupt) {
  auto question = std::make_shared<Question>();
  startThread("resolver", [question, host, port] {
    Answer answer = ask(host, port);
    MutexLock lock(question->mutex);
    question->answer = std::move(answer);
    question->answered.signal();
  }).detach();
  if (waitFor(question->answered.fd(), POLLIN, deadline, interrupt) == 0) {
    throw Error(Code::timeout, Scope::connection,
                fmt::format("the name server gave no address for '{}' in time", host));
  }
  MutexLock lock(question->mutex);
  return std::move(question->answer);
}

Error explain(const std::string& host, const Answer& answer) {
  switch (answer.error) {
    case EAI_NONAME:
    case EAI_NODATA:
      return {Code::network, Scope::connection,
              fmt::format("unknown host '{}': check the name", host)};
    case EAI_AGAIN:
      return {Code::network, Scope::connection,
              fmt::format("can't look up '{}': no name server answers (is the network up?)", host)};
    case EAI_SYSTEM:
      return systemError(fmt::format("can't look up '{}'", host), answer.system_error);
    default:
      return {Code::network, Scope::connection,
              fmt::format("can't look up '{}': {}", host, gai_strerror(answer.error))};
  }
}

}  // namespace

bool isAddress(const std::string& host) {
  in6_addr address;
  return inet_pton(AF_INET, host.c_str(), &address) == 1 ||
         inet_pton(AF_INET6, host.c_str(), &address) == 1;
}

std::vector<Address> resolve(const std::string& host, uint16_t port, Deadline deadline,
                             const Event& interrupt) {
  Answer answer = isAddress(host) ? ask(host, port) : askOnThread(host, port, deadline, interrupt);
  if (answer.error != 0) throw explain(host, answer);
  return std::move(answer.addresses);
}

}  // namespace emlfs::imap
