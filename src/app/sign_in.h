// How an account signs in, as its options say: auth, where password or token come from, the client
// certificate.
#pragma once

#include <string>

#include "app/settings.h"
#include "emlfs/imap/session.h"

namespace emlfs::app {

struct SignIn {
  imap::SecretSource secret;
  std::string from;    // what gives the secret, for people: "password_command"
  bool typed = false;  // at a prompt: there is somebody who can type it again
};

// Says in the endpoint how to sign in, and finds the password, which may ask on the terminal; a
// token is asked for by the first connection. Throws Error(invalid) for options that don't go
// together, Error(auth) as findPassword(). Call while the process has one thread.
SignIn signIn(const Settings& settings, imap::Endpoint& endpoint);

}  // namespace emlfs::app
