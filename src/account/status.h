// The JSON that `emlfs status` reads. Its shape is documented in ARCHITECTURE.md.
#pragma once

#include <functional>
#include <optional>
#include <string>

#include "account/counters.h"
#include "account/deletions.h"
#include "account/journal_text.h"
#include "account/watcher.h"
#include "emlfs/account/account.h"
#include "emlfs/imap/throttle.h"
#include "emlfs/store/spool.h"

namespace emlfs {

// What the last connection said about the server.
struct ServerFacts {
  std::string greeting;
  std::string tls;
  std::set<std::string> offered;
};

// What a person has changed.
struct ChangeFacts {
  std::vector<store::Change> changes;
  std::vector<UnsentDraft> drafts;
  std::optional<Deletions::Burst> deletions;
  std::function<std::optional<std::string>(MessageId)> name_of;  // as of JournalContents
  std::string spool;
  // Deletions wait for it.
  std::optional<store::Awaited> held_by = {};
};

// What it is made of; nothing is owned.
struct StatusSources {
  const AccountOptions& options;
  const ServerFacts& server;
  const imap::Traffic& traffic;
  const imap::Throttle* throttle;  // absent: without a limit
  const Counters& counters;
  const ErrorLog& errors;
  const imap::Pool& pool;
  const Watcher::Status watching;
  const store::Cache& cache;
  uint64_t evicted_bytes;
  const std::map<std::string, uint64_t>& requests;
  Clock::time_point started;
  const ChangeFacts& changes;
};

std::string statusJson(const StatusSources& sources);

}  // namespace emlfs
