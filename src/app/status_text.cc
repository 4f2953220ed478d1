#include "app/status_text.h"

#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "app/failure.h"
#include "app/printable.h"
#include "app/units.h"

namespace emlfs::app {
namespace {

using Json = nlohmann::json;

Json parse(const std::string& text) {
  Json status = Json::parse(text, nullptr, false);
  if (!status.is_object()) throw failure(Code::protocol, "the mount's status can't be read");
  return status;
}

// The value at "/server/host"; null if it is missing.
const Json& at(const Json& status, const char* pointer) {
  static const Json kNull;
  const Json::json_pointer where(pointer);
  return status.contains(where) ? status.at(where) : kNull;
}

uint64_t number(const Json& status, const char* pointer) {
  const Json& value = at(status, pointer);
  return value.is_number_unsigned() ? value.get<uint64_t>() : 0;
}

std::string text(const Json& status, const char* pointer) {
  const Json& value = at(status, pointer);
  return value.is_string() ? printable(value.get<std::string>()) : std::string();
}

bool flag(const Json& status, const char* pointer) {
  const Json& value = at(status, pointer);
  return value.is_boolean() && value.get<bool>();
}

std::string size(const Json& status, const char* pointer) {
  return formatSize(number(status, pointer));
}

std::string count(const Json& status, const char* pointer) {
  return formatCount(number(status, pointer));
}

std::string names(const Json& status, const char* pointer) {
  std::string joined;
  for (const Json& name : at(status, pointer))
    if (name.is_string())
      joined += (joined.empty() ? "" : " ") + printable(name.get<std::string>());
  return joined.empty() ? "none" : joined;
}

void line(std::string& out, const char* label, const std::string& value) {
  if (!value.empty()) out += fmt::format("  {:<12} {}\n", label, value);
}

std::string server(const Json& status) {
  const std::string tls = text(status, "/server/tls");
  return fmt::format("{} port {}, {}", text(status, "/server/host"), number(status, "/server/port"),
                     tls.empty() ? "not encrypted" : tls);
}

std::string connections(const Json& status) {
  unsigned working = 0, idle = 0, closed = 0;
  for (const Json& one : at(status, "/connections")) {
    if (!flag(one, "/connected"))
      ++closed;
    else if (flag(one, "/working"))
      ++working;
    else
      ++idle;
  }
  return fmt::format("{} working, {} idle, {} closed; {} jobs waiting", working, idle, closed,
                     count(status, "/queued"));
}

void connectionErrors(std::string& out, const Json& status) {
  for (const Json& one : at(status, "/connections"))
    if (!flag(one, "/connected")) line(out, "", text(one, "/last_error"));
}

void errors(std::string& out, const Json& status) {
  const char* label = "errors";
  for (const Json& error : at(status, "/errors")) {
    const Json& time = at(error, "/time");
    const std::string when = time.is_string() ? text(error, "/time") : time.dump();
    const uint64_t times = number(error, "/count");
    line(out, label,
         when + "  " + text(error, "/text") + (times > 1 ? fmt::format(" ({} times)", times) : ""));
    label = "";
  }
}

}  // namespace

std::string statusText(const std::string& mount_point, const std::string& json) {
  const Json status = parse(json);
  std::string out =
      fmt::format("{}: {}{}, up {}\n", printable(mount_point), text(status, "/source"),
                  flag(status, "/read_only") ? ", read-only" : "",
                  formatDuration(number(status, "/uptime_seconds")));
  line(out, "server", server(status));
  line(out, "greeting", text(status, "/server/greeting"));
  line(out, "in use", names(status, "/server/capabilities"));
  line(out, "mailboxes",
       fmt::format("{}, {} of them listed; {} messages", count(status, "/mailboxes/total"),
                   count(status, "/mailboxes/listed"), count(status, "/messages")));
  line(out, "cache",
       fmt::format("{} bodies, {}; file {}; {} hits, {} misses", count(status, "/cache/bodies"),
                   size(status, "/cache/body_bytes"), size(status, "/cache/file_bytes"),
                   count(status, "/cache/hits"), count(status, "/cache/misses")));
  line(out, "", text(status, "/cache/directory"));
  line(out, "traffic",
       fmt::format("{} in ({} of bodies), {} out; {} commands, {} connects",
                   size(status, "/traffic/bytes_in"), size(status, "/traffic/body_bytes"),
                   size(status, "/traffic/bytes_out"), count(status, "/traffic/commands"),
                   count(status, "/traffic/connects")));
  line(out, "connections", connections(status));
  connectionErrors(out, status);
  if (at(status, "/memory").is_object())
    line(out, "memory",
         size(status, "/memory/rss_without_map_bytes") + " without the mapped cache");
  line(out, "process", std::to_string(number(status, "/pid")));
  errors(out, status);
  return out;
}

std::string statusJson(const std::string& json) {
  return parse(json).dump(2, ' ', true, Json::error_handler_t::replace) + "\n";
}

}  // namespace emlfs::app
