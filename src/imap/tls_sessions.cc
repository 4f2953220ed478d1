#include "imap/tls_sessions.h"

#include <fmt/format.h>

#include <chrono>
#include <map>
#include <utility>

#include "emlfs/base/clock.h"
#include "emlfs/base/mutex.h"

namespace emlfs::imap {
namespace {

// After that the certificate is looked at again, though the server would take its ticket for
// longer.
constexpr std::chrono::hours kGoodFor{1};

struct Kept {
  TlsSessionPtr session;
  Clock::time_point verified;  // when the certificate was
};

struct Sessions {
  Mutex mutex;
  std::map<std::string, Kept> newest GUARDED_BY(mutex);
};

Sessions& sessions() {
  static Sessions all;
  return all;
}

}  // namespace

std::string tlsSessionKey(const Endpoint& endpoint) {
  return fmt::format("{}\n{}\n{}\n{}", endpoint.host, endpoint.port, endpoint.ca_file,
                     endpoint.fingerprint);
}

void keepTlsSession(const std::string& key, TlsSessionPtr session, bool verified) {
  Sessions& all = sessions();
  const MutexLock lock(all.mutex);
  const auto at = all.newest.find(key);
  if (verified)
    all.newest[key] = {std::move(session), Clock::now()};
  else if (at != all.newest.end())
    at->second.session = std::move(session);
}

TlsSessionPtr newestTlsSession(const std::string& key) {
  Sessions& all = sessions();
  const MutexLock lock(all.mutex);
  const auto at = all.newest.find(key);
  if (at == all.newest.end()) return nullptr;
  if (Clock::now() - at->second.verified > kGoodFor ||
      SSL_SESSION_is_resumable(at->second.session.get()) == 0) {
    all.newest.erase(at);
    return nullptr;
  }
  SSL_SESSION* const session = at->second.session.get();
  SSL_SESSION_up_ref(session);
  return TlsSessionPtr(session);
}

void forgetTlsSession(const std::string& key) {
  Sessions& all = sessions();
  const MutexLock lock(all.mutex);
  all.newest.erase(key);
}

}  // namespace emlfs::imap
