#include "account/status.h"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <ctime>
#include <nlohmann/json.hpp>
#include <numeric>
#include <sstream>

#include "account/times.h"
#include "emlfs/base/error.h"
#include "emlfs/base/file.h"
#include "emlfs/base/log.h"

namespace emlfs {
namespace {

using Json = nlohmann::json;

constexpr size_t kMostDrafts = 20;  // that are named: an extended attribute holds 64 KiB

// What emlfs makes use of, where the server offers it.
constexpr std::array kUsed{"NAMESPACE", "LIST-EXTENDED", "LIST-STATUS",     "SPECIAL-USE",
                           "CONDSTORE", "QRESYNC",       "ENABLE",          "ESEARCH",
                           "NOTIFY",    "IDLE",          "SASL-IR",         "LITERAL+",
                           "UIDPLUS",   "MOVE",          "COMPRESS=DEFLATE"};

const char* text(imap::Security security) {
  switch (security) {
    case imap::Security::tls:
      return "tls";
    case imap::Security::starttls:
      return "starttls";
    case imap::Security::plain:
      return "plain";
  }
  return "";
}

// Resident memory, with and without the pages of the cache's map, which the kernel takes back at
// will. Absent where /proc isn't.
Json memory() {
  uint64_t all = 0;
  uint64_t map = 0;
  bool in_map = false;
  try {
    std::istringstream maps(readFile("/proc/self/smaps"));
    for (std::string line; std::getline(maps, line);) {
      if (line.starts_with("Rss:")) {
        const uint64_t bytes = std::strtoull(line.c_str() + 4, nullptr, 10) * 1024;
        all += bytes;
        if (in_map) map += bytes;
      } else if (line.find('-') < line.find(' ') && line.find(':') != line.find(' ') - 1) {
        in_map = line.ends_with(".mdb");
      }
    }
  } catch (const Error&) {
    return nullptr;
  }
  return {{"rss_bytes", all}, {"rss_without_map_bytes", all - map}};
}

const char* text(imap::Authentication authentication) {
  switch (authentication) {
    case imap::Authentication::password:
      return "password";
    case imap::Authentication::oauth2:
      return "oauth2";
    case imap::Authentication::external:
      return "external";
  }
  return "";
}

// Why nobody is let in; absent if it is for another reason that there is no connection.
std::optional<const char*> signInState(const imap::PoolStatus& pool) {
  if (!pool.offline || pool.offline->code != Code::auth) return std::nullopt;
  return pool.offline->scope == Scope::account ? "refused" : "unavailable";
}

const char* text(Deletion deletion) {
  switch (deletion) {
    case Deletion::flag:
      return "flag";
    case Deletion::trash:
      return "trash";
    case Deletion::expunge:
      return "expunge";
  }
  return "";
}

Json mailboxes(const store::Cache& cache) {
  uint64_t total = 0;
  uint64_t listed = 0;
  for (const auto& record : cache.snapshot()->mailboxes()) {
    if (!record.selectable || record.hidden) continue;
    ++total;
    if (record.state.complete) ++listed;
  }
  return {{"total", total}, {"listed", listed}};
}

uint64_t leftOut(const store::Cache& cache) {
  const auto all = cache.snapshot()->mailboxes();
  return static_cast<uint64_t>(std::ranges::count(all, true, &store::MailboxRecord::hidden));
}

int64_t secondsOf(Milliseconds duration) {
  return std::chrono::ceil<std::chrono::seconds>(duration).count();
}

Json connections(const imap::PoolStatus& pool) {
  Json list = Json::array();
  for (const auto& one : pool.connections)
    list.push_back({{"connected", one.connected},
                    {"working", one.working},
                    {"doing", one.doing},
                    {"selected", one.selected},
                    {"last_error", one.last_error},
                    {"backoff_seconds", secondsOf(one.pause)}});
  return list;
}

Json queues(const imap::PoolStatus& pool) {
  const auto size = [&](imap::Lane lane) { return pool.queued[static_cast<size_t>(lane)]; };
  return {{"listing", size(imap::Lane::listing)},
          {"reading", size(imap::Lane::reading)},
          {"ahead", size(imap::Lane::ahead)},
          {"background", size(imap::Lane::background)},
          {"watch", size(imap::Lane::watch)}};
}

// "connecting" also before the first try.
const char* state(const imap::PoolStatus& pool) {
  if (pool.offline) return "offline";
  for (const auto& one : pool.connections)
    if (one.connected) return "online";
  return "connecting";
}

Json watching(const Watcher::Status& watching, Milliseconds poll) {
  const char* method = watching.method == Watcher::Method::notify ? "notify"
                       : watching.method == Watcher::Method::idle ? "idle"
                                                                  : "poll";
  return {{"method", method}, {"mailboxes", watching.mailboxes}, {"poll_seconds", secondsOf(poll)}};
}

double hitRate(const Counters& counters) {
  const auto hits = static_cast<double>(counters.hits.load());
  const auto all = hits + static_cast<double>(counters.misses.load());
  return all == 0 ? 0 : hits / all;
}

}  // namespace

std::string statusJson(const StatusSources& sources) {
  const auto& [options, server, traffic, throttle, counters, errors, pool_ref, watched, cache,
               evicted_bytes, requests, started, changed] = sources;
  const imap::PoolStatus pool = pool_ref.status();
  Json in_use = Json::array();
  for (const char* name : kUsed)
    if (server.offered.count(name) != 0) in_use.push_back(name);
  Json failures = Json::array();
  for (const auto& entry : errors.entries())
    failures.push_back(
        {{"time", iso8601(entry.time)}, {"text", entry.text}, {"count", entry.count}});
  const auto size = cache.size();
  const auto& endpoint = options.session.endpoint;

  Json status{
      {"version", EMLFS_VERSION},
      {"pid", ::getpid()},
      {"source", options.source},
      {"server",
       {{"host", endpoint.host},
        {"port", endpoint.port},
        {"security", text(endpoint.security)},
        {"timeout_seconds", secondsOf(endpoint.timeout)},
        {"tls", server.tls},
        {"greeting", server.greeting},
        {"capabilities", in_use},
        {"offered", server.offered}}},
      {"mailboxes", mailboxes(cache)},
      {"messages", size.messages},
      {"cache",
       {{"directory", options.cache_dir},
        {"bodies", size.bodies},
        {"body_bytes", size.body_bytes},
        {"file_bytes", size.file_bytes},
        {"hits", counters.hits.load()},
        {"misses", counters.misses.load()},
        {"hit_rate", hitRate(counters)},
        {"limit_bytes", options.cache_size},
        {"evicted_bytes", evicted_bytes}}},
      {"traffic",
       {{"bytes_in", traffic.bytes_in.load()},
        {"bytes_out", traffic.bytes_out.load()},
        {"body_bytes", traffic.body_bytes.load()},
        {"commands", traffic.commands.load()},
        {"connects", traffic.connects.load()},
        {"compressed_connects", traffic.compressed.load()},
        {"read_ahead_bytes", counters.ahead_bytes.load()}}},
      {"connections", connections(pool)},
      {"state", state(pool)},
      {"requests", requests},
      {"watching", watching(watched, options.poll)},
      {"queued", std::accumulate(pool.queued.begin(), pool.queued.end(), size_t{0})},
      {"queues", queues(pool)},
      {"memory", memory()},
      {"errors", failures},
      {"read_only", options.read_only},
      {"log_level", log::name(log::level())},
      {"uptime_seconds",
       std::chrono::duration_cast<std::chrono::seconds>(Clock::now() - started).count()},
  };
  if (throttle != nullptr) {
    status["traffic"]["limit_bytes"] = throttle->rate().bytes;
    status["traffic"]["limit_seconds"] = secondsOf(throttle->rate().period);
    status["traffic"]["limit_left_bytes"] = std::max<int64_t>(throttle->left(), 0);
  }
  if (!options.mailboxes.empty()) status["mailboxes"]["left_out"] = leftOut(cache);
  if (!server.offered.empty()) status["server"]["can_expunge"] = server.offered.contains("UIDPLUS");
  if (pool.offline) {
    const auto ago =
        std::chrono::duration_cast<std::chrono::seconds>(Clock::now() - pool.offline_since);
    status["offline_since"] = iso8601(std::time(nullptr) - ago.count());
    status["offline_error"] = pool.offline->what();
    status["next_try_seconds"] = secondsOf(pool.next_try);
    if (const auto why = signInState(pool))
      status["sign_in"] = {
          {"state", *why}, {"auth", text(endpoint.authentication)}, {"from", options.secret_from}};
  }
  status["delete"] = text(options.deletion);
  const auto snapshot = cache.snapshot();
  addJournal(status, {*snapshot, changed.changes, changed.name_of, changed.spool},
             std::time(nullptr));
  status["drafts"] = Json::array();
  status["changes"]["drafts"] = changed.drafts.size();
  status["changes"]["held_by_others"] = changed.held_by.has_value();
  if (changed.held_by)
    status["changes"]["held_by"] = {{"path", changed.held_by->path},
                                    {"reason", changed.held_by->why}};
  for (const auto& draft : changed.drafts) {
    if (status["drafts"].size() == kMostDrafts) break;
    status["drafts"].push_back(
        {{"path", draft.path}, {"reason", draft.why}, {"temporary", draft.temporary}});
  }
  if (changed.deletions)
    status["many_deleted"] = {{"count", changed.deletions->all()},
                              {"hidden", changed.deletions->hidden},
                              {"in_trash", changed.deletions->in_trash},
                              {"for_good", changed.deletions->for_good},
                              {"seconds_ago", std::chrono::duration_cast<std::chrono::seconds>(
                                                  Clock::now() - changed.deletions->last)
                                                  .count()}};
  // Greetings and errors may hold any bytes.
  return status.dump(2, ' ', false, Json::error_handler_t::replace);
}

}  // namespace emlfs
