// Servers lock accounts that are tried again and again with a wrong password. So of a secret that
// no server has taken yet, one connection tries, and the others wait for what it finds; what was
// refused is not tried again for a while, whoever asks. In memory, for this process. Thread-safe.
#pragma once

#include <string>

#include "emlfs/base/error.h"
#include "emlfs/imap/endpoint.h"

namespace emlfs::imap {

// Throws Error(network, connection) while it would be hammering to sign in once more. To be asked
// before connecting.
void requireSignInPauseOver(const Endpoint& endpoint);

// The right to try. At its end without a word, as when the network breaks, another may.
class OneTry {
 public:
  // Waits while another connection tries. Throws what the server said to that if it has refused
  // this secret, Error(timeout or cancelled, connection).
  OneTry(const Endpoint& endpoint, const Secret& secret, Deadline deadline, const Event& interrupt);
  OneTry(const OneTry&) = delete;
  OneTry& operator=(const OneTry&) = delete;
  ~OneTry();

  void succeeded();
  // The server broke off, or lets nobody in now: the secret may be right, but many providers say so
  // to who signs in too often.
  void failed();
  void refused(const Error& error);

 private:
  const std::string key_;
  const Secret& secret_;
  bool trying_ = false;  // the others wait for this
};

}  // namespace emlfs::imap
