// The JSON that `emlfs status` reads. Its shape is documented in ARCHITECTURE.md.
#pragma once

#include <optional>
#include <string>

#include "account/counters.h"
#include "emlfs/account/account.h"

namespace emlfs {

// What the last connection said about the server.
struct ServerFacts {
  std::string greeting;
  std::string tls;
  std::set<std::string> offered;
};

std::string statusJson(const AccountOptions& options, const ServerFacts& server,
                       const imap::Traffic& traffic, const Counters& counters,
                       const ErrorLog& errors, const imap::Pool& pool, const store::Cache& cache,
                       Clock::time_point started);

}  // namespace emlfs
