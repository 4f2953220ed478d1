#include "imap/one_try.h"

#include <fmt/format.h>
#include <poll.h>

#include <algorithm>
#include <chrono>
#include <map>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "emlfs/base/mutex.h"
#include "imap/commands.h"
#include "imap/wait.h"

namespace emlfs::imap {
namespace {

// Below the shortest pause after a refusal: what is tried after that is meant so.
constexpr std::chrono::seconds kRemembered{50};
// A secret that was taken may be another one's by now.
constexpr std::chrono::seconds kProven{10};

// How often in a row signing in may come to nothing before there are pauses.
constexpr unsigned kFailures = 4;
constexpr std::chrono::seconds kFirstPause{5};
constexpr std::chrono::seconds kLongestPause{60};

struct Refusal {
  Secret secret;
  Code code;
  Scope scope;
  std::string text;
  std::string server;
  Clock::time_point at;
};

struct Attempts {
  bool trying = false;
  std::vector<std::shared_ptr<Event>> waiting;
  std::optional<Secret> proven;
  Clock::time_point proven_at{};
  unsigned failures = 0;  // in a row, without a word about the secret
  Clock::time_point not_before{};
  std::optional<Refusal> refusal;
};

struct All {
  Mutex mutex;
  std::map<std::string, Attempts> of GUARDED_BY(mutex);
};

All& all() {
  static All attempts;
  return attempts;
}

std::string keyOf(const Endpoint& endpoint) {
  return fmt::format("{}\n{}\n{}\n{}", endpoint.host, endpoint.port, endpoint.user,
                     endpoint.client_cert);
}

bool same(const Secret& a, const Secret& b) {
  return a.reveal() == b.reveal();
}

void throwRefusal(Attempts& attempts, const Secret& secret) {
  if (attempts.refusal && Clock::now() - attempts.refusal->at > kRemembered)
    attempts.refusal.reset();
  if (!attempts.refusal || !same(attempts.refusal->secret, secret)) return;
  const Refusal& refusal = *attempts.refusal;
  throw SecretRefused(refusal.code, refusal.scope, refusal.text, refusal.server);
}

}  // namespace

void requireSignInPauseOver(const Endpoint& endpoint) {
  const MutexLock lock(all().mutex);
  const Attempts& attempts = all().of[keyOf(endpoint)];
  const Clock::duration left = attempts.not_before - Clock::now();
  if (left <= Clock::duration::zero()) return;
  throw Error(
      Code::network, Scope::connection,
      fmt::format("signing in has come to nothing {} times in a row: tried again in {} s",
                  attempts.failures, std::chrono::ceil<std::chrono::seconds>(left).count()));
}

OneTry::OneTry(const Endpoint& endpoint, const Secret& secret, Deadline deadline,
               const Event& interrupt)
    : key_(keyOf(endpoint)), secret_(secret) {
  for (;;) {
    const auto waiter = std::make_shared<Event>();
    {
      const MutexLock lock(all().mutex);
      Attempts& attempts = all().of[key_];
      throwRefusal(attempts, secret);
      const bool proven = attempts.proven && same(*attempts.proven, secret);
      if (proven && Clock::now() - attempts.proven_at < kProven) return;
      if (!std::exchange(attempts.trying, true)) {
        trying_ = true;
        return;
      }
      attempts.waiting.push_back(waiter);
    }
    if (waitFor(waiter->fd(), POLLIN, deadline, interrupt) == 0)
      throw Error(Code::timeout, Scope::connection,
                  "another connection has not been let in or refused in time");
  }
}

OneTry::~OneTry() {
  if (!trying_) return;
  const MutexLock lock(all().mutex);
  Attempts& attempts = all().of[key_];
  attempts.trying = false;
  for (const auto& waiter : std::exchange(attempts.waiting, {})) waiter->signal();
}

void OneTry::succeeded() {
  const MutexLock lock(all().mutex);
  Attempts& attempts = all().of[key_];
  attempts.proven = secret_;
  attempts.proven_at = Clock::now();
  attempts.refusal.reset();
  attempts.failures = 0;
  attempts.not_before = {};
}

void OneTry::failed() {
  const MutexLock lock(all().mutex);
  Attempts& attempts = all().of[key_];
  if (++attempts.failures < kFailures) return;
  std::chrono::seconds pause = kFirstPause;
  for (unsigned i = kFailures; i < attempts.failures && pause < kLongestPause; ++i) pause *= 2;
  attempts.not_before = Clock::now() + std::min(pause, kLongestPause);
}

void OneTry::refused(const Error& error) {
  const MutexLock lock(all().mutex);
  Attempts& attempts = all().of[key_];
  attempts.proven.reset();
  attempts.refusal =
      Refusal{secret_, error.code, error.scope, error.what(), error.server, Clock::now()};
}

}  // namespace emlfs::imap
