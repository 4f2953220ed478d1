// Says whose an OAuth2 token is, to a throwaway Dovecot: RFC 7662, as its passdb oauth2 asks with
// introspection_mode = auth. Plain HTTP on loopback.
#pragma once

#include <map>
#include <memory>
#include <string>

#include "emlfs/base/mutex.h"
#include "support/scripted_server.h"

namespace emlfs::test {

// Thread-safe.
class TokenServer {
 public:
  TokenServer();

  std::string url() const;
  // From now on only this token is good, and for this user.
  void accept(const std::string& token, const std::string& user);
  // How often it was asked about a token.
  unsigned asked(const std::string& token) const;

 private:
  void serve(Peer& peer);
  std::string answer(const std::string& token);

  mutable Mutex mutex_;
  std::string token_ GUARDED_BY(mutex_);
  std::string user_ GUARDED_BY(mutex_);
  std::map<std::string, unsigned> asked_ GUARDED_BY(mutex_);
  std::unique_ptr<ScriptedServer> server_;  // the last: its threads use the rest
};

}  // namespace emlfs::test
