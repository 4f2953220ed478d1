#include "app/status_text.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <utility>
#include <vector>

#include "app/journal_lines.h"
#include "app/options.h"
#include "app/printable.h"
#include "app/status_json.h"
#include "app/units.h"
#include "emlfs/base/log.h"
#include "emlfs/view/names.h"

namespace emlfs::app {
namespace {

std::string size(const Json& status, const char* pointer) {
  return formatSize(number(status, pointer));
}

std::string count(const Json& status, const char* pointer) {
  return formatCount(number(status, pointer));
}

std::string joined(const std::vector<std::string>& words, const char* between) {
  std::string all;
  for (const std::string& word : words) all += (all.empty() ? "" : between) + word;
  return all;
}

std::string names(const Json& status, const char* pointer) {
  std::vector<std::string> all;
  for (const Json& name : at(status, pointer))
    if (name.is_string()) all.push_back(printable(name.get<std::string>()));
  return all.empty() ? "none" : joined(all, " ");
}

// A mailbox as the tree shows it, near enough.
std::string mailbox(const std::string& wire) {
  return printable(view::decodeUtf7(wire).value_or(wire));
}

// The lines, with the colours of the style.
class Lines {
 public:
  explicit Lines(Style style) : style_(style) {}

  enum Colour { kNone = 0, kBold = 1, kRed = 31, kGreen = 32, kYellow = 33 };

  std::string coloured(const std::string& words, Colour colour) const {
    if (style_ == Style::plain || colour == kNone) return words;
    return fmt::format("\x1b[{}m{}\x1b[0m", static_cast<int>(colour), words);
  }
  void head(const std::string& words) { text_ += words + "\n"; }
  void add(const char* label, const std::string& value, Colour colour = kNone) {
    if (!value.empty()) text_ += fmt::format("  {:<12} {}\n", label, coloured(value, colour));
  }
  std::string take() { return std::move(text_); }

 private:
  const Style style_;
  std::string text_;
};

std::string lastError(const Json& status) {
  std::string last;
  for (const Json& one : at(status, "/connections"))
    if (std::string words = text(one, "/last_error"); !words.empty()) last = std::move(words);
  if (!last.empty()) return last;
  const Json& errors = at(status, "/errors");
  return errors.is_array() && !errors.empty() ? text(errors.back(), "/text") : "";
}

std::string nextTry(uint64_t seconds) {
  return seconds == 0 ? "trying now" : "next try in " + formatDuration(seconds);
}

std::string account(const Json& status) {
  return fmt::format("{}{}, up {}", text(status, "/source"),
                     flag(status, "/read_only") ? ", read-only" : "",
                     formatDuration(number(status, "/uptime_seconds")));
}

void head(Lines& lines, const std::string& mount_point, const Json& status) {
  const std::string state = text(status, "/state");
  const std::string where = lines.coloured(printable(mount_point), Lines::kBold) + ": ";
  if (state != "offline") {
    const auto colour = state == "online" ? Lines::kGreen : Lines::kYellow;
    const std::string first = state.empty() ? "" : lines.coloured(state, colour) + ", ";
    lines.head(where + first + account(status));
    return;
  }
  std::string words = "OFFLINE";
  if (const auto since = text(status, "/offline_since"); !since.empty()) words += " since " + since;
  if (has(status, "/next_try_seconds"))
    words += ", " + nextTry(number(status, "/next_try_seconds"));
  auto why = text(status, "/offline_error");
  if (why.empty()) why = lastError(status);
  if (!why.empty()) words += ": " + why;
  lines.head(where + lines.coloured(words, Lines::kRed));
  lines.add("account", account(status));
}

// What a person has to do who isn't let in.
std::string signInAdvice(const std::string& mount_point, const Json& status) {
  if (!at(status, "/sign_in").is_object()) return {};
  const std::string from = text(status, "/sign_in/from");
  const std::string anew = fmt::format("'emlfs umount {}' and mount again", printable(mount_point));
  if (text(status, "/sign_in/state") != "refused")
    return fmt::format("run what {} says by hand, to see what it wants; it is run again by itself",
                       from);
  if (text(status, "/sign_in/auth") == "external")
    return "have the server know the client certificate; it is shown again at the next try";
  if (text(status, "/sign_in/auth") == "oauth2")
    return fmt::format(
        "sign in anew with the program that {} runs; at the next try it is run again. To try at "
        "once: {}",
        from, anew);
  if (from == "password_command" || from == "password_file" || from == "~/.netrc")
    return fmt::format(
        "put the right password where it comes from ({}); it is asked for again at the next try, "
        "and no sooner, for servers lock accounts. To try at once: {}",
        from, anew);
  return fmt::format("{} with the right password (this one is from {})", anew, from);
}

bool neverConnected(const Json& status) {
  return text(status, "/server/tls").empty() && text(status, "/server/greeting").empty() &&
         text(status, "/state") != "online";
}

std::string server(const Json& status) {
  const std::string tls = text(status, "/server/tls");
  const std::string encryption = neverConnected(status) ? "not connected yet"
                                 : tls.empty()          ? "not encrypted"
                                                        : tls;
  return fmt::format("{} port {}, {}", text(status, "/server/host"), number(status, "/server/port"),
                     encryption);
}

std::string watching(const Json& status) {
  if (text(status, "/state") == "offline") return "nothing while offline";
  const std::string method = text(status, "/watching/method");
  std::vector<std::string> watched;
  for (const Json& name : at(status, "/watching/mailboxes"))
    if (name.is_string()) watched.push_back(mailbox(name.get<std::string>()));
  const std::string polled =
      has(status, "/watching/poll_seconds")
          ? " every " + formatDuration(number(status, "/watching/poll_seconds"))
          : "";
  if (method == "notify") return "all mailboxes, told of changes at once (NOTIFY)";
  if (method == "poll") return "all mailboxes, asked about" + polled;
  if (method != "idle") return "";
  if (watched.empty()) return "nothing is pushed now; all mailboxes are asked about" + polled;
  return fmt::format("{} (IDLE); the others are asked about{}", joined(watched, ", "), polled);
}

std::string waiting(const Json& status) {
  if (!at(status, "/queues").is_object())
    return fmt::format("{} jobs waiting", count(status, "/queued"));
  std::vector<std::string> queues;
  for (const auto& [name, length] : at(status, "/queues").items())
    if (length.is_number_unsigned() && length.get<uint64_t>() != 0)
      queues.push_back(formatCount(length.get<uint64_t>()) + " " + printable(name));
  return queues.empty() ? "nothing waits" : "waiting: " + joined(queues, ", ");
}

void connections(Lines& lines, const Json& status) {
  unsigned working = 0, idle = 0, closed = 0;
  for (const Json& one : at(status, "/connections")) {
    if (!flag(one, "/connected"))
      ++closed;
    else if (flag(one, "/working"))
      ++working;
    else
      ++idle;
  }
  lines.add("connections", fmt::format("{} working, {} idle, {} closed; {}", working, idle, closed,
                                       waiting(status)));
  for (const Json& one : at(status, "/connections")) {
    lines.add("", mailbox(text(one, "/doing")));
    if (flag(one, "/connected")) continue;
    std::string why = text(one, "/last_error");
    if (const uint64_t pause = number(one, "/backoff_seconds"); pause != 0)
      why.insert(0, nextTry(pause) + (why.empty() ? "" : ": "));
    lines.add("", why, Lines::kRed);
  }
}

void cache(Lines& lines, const Json& status) {
  std::string reads = fmt::format("{} hits, {} misses", count(status, "/cache/hits"),
                                  count(status, "/cache/misses"));
  if (has(status, "/cache/hit_rate"))
    reads += fmt::format(" ({:.0f} %)", std::floor(fraction(status, "/cache/hit_rate") * 100));
  const std::string limit =
      has(status, "/cache/limit_bytes") ? " of " + size(status, "/cache/limit_bytes") : "";
  lines.add("cache", fmt::format("{} bodies, {}{}; file {}; {}", count(status, "/cache/bodies"),
                                 size(status, "/cache/body_bytes"), limit,
                                 size(status, "/cache/file_bytes"), reads));
  if (number(status, "/cache/evicted_bytes") != 0)
    lines.add("", size(status, "/cache/evicted_bytes") + " have made room");
  lines.add("", text(status, "/cache/directory"));
}

// "1.0 GiB a day, 300.0 MiB left".
std::string limit(const Json& status) {
  if (!has(status, "/traffic/limit_bytes")) return "";
  const uint64_t seconds = number(status, "/traffic/limit_seconds");
  const std::string period = seconds == 1       ? "a second"
                             : seconds == 60    ? "a minute"
                             : seconds == 3600  ? "an hour"
                             : seconds == 86400 ? "a day"
                                                : "in " + formatDuration(seconds);
  return fmt::format("limited to {} {}, {} left", size(status, "/traffic/limit_bytes"), period,
                     size(status, "/traffic/limit_left_bytes"));
}

// What is logged by default needs no line.
std::string logLevel(const Json& status) {
  const std::string level = text(status, "/log_level");
  return level == log::name(Options::defaults().log_level) ? "" : level;
}

void traffic(Lines& lines, const Json& status) {
  const bool compressed = number(status, "/traffic/compressed_connects") != 0;
  lines.add(
      "traffic",
      fmt::format("{} in, {} out{}; {} commands, {} connects", size(status, "/traffic/bytes_in"),
                  size(status, "/traffic/bytes_out"), compressed ? " (compressed)" : "",
                  count(status, "/traffic/commands"), count(status, "/traffic/connects")));
  lines.add("",
            fmt::format("{} of bodies, {} of them read ahead", size(status, "/traffic/body_bytes"),
                        size(status, "/traffic/read_ahead_bytes")));
  lines.add("", limit(status));
}

// The most frequent first.
std::string requests(const Json& status) {
  std::vector<std::pair<uint64_t, std::string>> all;
  if (at(status, "/requests").is_object())
    for (const auto& [name, times] : at(status, "/requests").items())
      if (times.is_number_unsigned() && times.get<uint64_t>() != 0)
        all.emplace_back(times.get<uint64_t>(), printable(name));
  std::sort(all.begin(), all.end(), [](const auto& a, const auto& b) {
    return a.first != b.first ? a.first > b.first : a.second < b.second;
  });
  std::vector<std::string> words;
  words.reserve(all.size());
  for (const auto& [times, name] : all) words.push_back(formatCount(times) + " " + name);
  return joined(words, ", ");
}

void errors(Lines& lines, const Json& status) {
  const char* label = "errors";
  for (const Json& error : at(status, "/errors")) {
    const Json& time = at(error, "/time");
    const std::string when = time.is_string() ? text(error, "/time") : time.dump();
    const uint64_t times = number(error, "/count");
    lines.add(label, when + "  " + text(error, "/text") +
                         (times > 1 ? fmt::format(" ({} times)", times) : ""));
    label = "";
  }
}

std::string whereTheyAre(const std::string& mount_point, const Json& many) {
  std::vector<std::string> parts;
  const auto add = [&](const char* pointer, const std::string& words) {
    if (number(many, pointer) != 0) parts.push_back(count(many, pointer) + " " + words);
  };
  add("/hidden",
      fmt::format("hidden (emlfs undelete -r {} brings them back)", printable(mount_point)));
  add("/in_trash", "in the trash");
  add("/for_good", "removed for good");
  return joined(parts, ", ");
}

// Which new message deletions wait for: of which account, and in which file.
void changes(Lines& lines, const std::string& mount_point, const Json& status) {
  if (!at(status, "/changes").is_object()) return;
  const uint64_t pending = number(status, "/changes/pending");
  if (pending != 0)
    lines.add("pending", fmt::format("{} {} ({}), the oldest for {}", formatCount(pending),
                                     pending == 1 ? "change" : "changes",
                                     kindsText(at(status, "/changes/kinds")),
                                     formatDuration(number(status, "/changes/oldest_seconds"))));
  if (const uint64_t held = number(status, "/changes/held_deletions"); held != 0)
    lines.add("", fmt::format("{} {} until earlier new messages are on the server",
                              formatCount(held), held == 1 ? "deletion waits" : "deletions wait"));
  if (const auto held = heldText(status); !held.empty()) lines.add("", held);
  const uint64_t refused = number(status, "/changes/refused");
  const char* label = "refused";
  for (const Json& change : at(status, "/refused")) {
    lines.add(label,
              fmt::format("{}  {}: {}", number(change, "/number"), changeText(change),
                          text(change, "/server")),
              Lines::kRed);
    lines.add("", changeAdvice(change));
    label = "";
  }
  if (refused != 0)
    lines.add("", fmt::format("{} in all: see emlfs journal {}", formatCount(refused),
                              printable(mount_point)));
  label = "not sent";
  for (const Json& draft : at(status, "/drafts")) {
    const std::string why = text(draft, "/reason");
    lines.add(label, text(draft, "/path") + (why.empty() ? " (not finished)" : ": " + why));
    label = "";
  }
  if (at(status, "/many_deleted").is_object())
    lines.add("deleted",
              "more than 1,000 messages within a minute: " +
                  whereTheyAre(mount_point, at(status, "/many_deleted")),
              Lines::kYellow);
}

}  // namespace

std::string statusText(const std::string& mount_point, const std::string& json, Style style) {
  const Json status = parseStatus(json);
  Lines lines(style);
  head(lines, mount_point, status);
  lines.add("what to do", signInAdvice(mount_point, status), Lines::kYellow);
  lines.add("server", server(status));
  lines.add("greeting", text(status, "/server/greeting"));
  if (!neverConnected(status)) lines.add("in use", names(status, "/server/capabilities"));
  if (has(status, "/server/can_expunge") && !flag(status, "/server/can_expunge"))
    lines.add("", kCannotExpunge);
  const std::string left_out = has(status, "/mailboxes/left_out")
                                   ? "; " + count(status, "/mailboxes/left_out") + " left out"
                                   : "";
  lines.add("mailboxes",
            fmt::format("{}, {} of them listed; {} messages{}", count(status, "/mailboxes/total"),
                        count(status, "/mailboxes/listed"), count(status, "/messages"), left_out));
  changes(lines, mount_point, status);
  lines.add("watching", watching(status));
  cache(lines, status);
  traffic(lines, status);
  connections(lines, status);
  lines.add("requests", requests(status));
  if (at(status, "/memory").is_object())
    lines.add("memory",
              size(status, "/memory/rss_without_map_bytes") + " without the mapped cache");
  lines.add("process", std::to_string(number(status, "/pid")));
  lines.add("log level", logLevel(status));
  errors(lines, status);
  return lines.take();
}

std::string statusLine(const std::string& mount_point, const std::string& json, Style style) {
  const Json status = parseStatus(json);
  Lines lines(style);
  head(lines, mount_point, status);
  std::string line = lines.take();
  line = line.substr(0, line.find('\n'));
  if (const auto pending = number(status, "/changes/pending"); pending != 0)
    line += fmt::format(", {} pending", formatCount(pending));
  if (const auto refused = number(status, "/changes/refused"); refused != 0)
    line += ", " + lines.coloured(formatCount(refused) + " refused", Lines::kRed);
  return line + "\n";
}

std::string statusJsonLine(const std::string& mount_point, const std::string& json) {
  Json status = parseStatus(json);
  status["mount_point"] = mount_point;
  return status.dump(-1, ' ', true, Json::error_handler_t::replace) + "\n";
}

std::string statusJson(const std::string& json) {
  return parseStatus(json).dump(2, ' ', true, Json::error_handler_t::replace) + "\n";
}

}  // namespace emlfs::app
