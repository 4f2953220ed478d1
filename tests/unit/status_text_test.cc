#include "app/status_text.h"

#include <gtest/gtest.h>

#include "emlfs/base/error.h"

namespace emlfs::app {
namespace {

constexpr const char* kStatus = R"({
  "version": "0.1.0", "pid": 4711, "source": "imaps://alice@example.org",
  "server": {"host": "example.org", "port": 993, "security": "tls", "tls": "TLSv1.3",
             "greeting": "ready\u001b[2J", "capabilities": ["CONDSTORE", "QRESYNC"],
             "offered": ["IDLE"]},
  "mailboxes": {"total": 12, "listed": 10}, "messages": 3012,
  "cache": {"directory": "/c/alice@example.org", "bodies": 41, "body_bytes": 1258291,
            "file_bytes": 4194304, "hits": 35, "misses": 6},
  "traffic": {"bytes_in": 1363148, "bytes_out": 20480, "body_bytes": 1258291, "commands": 43,
              "connects": 2},
  "connections": [
    {"connected": true, "working": true, "selected": "INBOX", "last_error": ""},
    {"connected": true, "working": false, "selected": "", "last_error": ""},
    {"connected": false, "working": false, "selected": "", "last_error": "connection refused"}],
  "queued": 3, "memory": {"rss_bytes": 22020096, "rss_without_map_bytes": 12582912},
  "errors": [{"time": "2026-11-20T10:00:05Z", "text": "the connection broke"}],
  "read_only": true, "uptime_seconds": 7500})";

TEST(StatusText, IsGlanceable) {
  EXPECT_EQ(statusText("/mnt/mail", kStatus),
            "/mnt/mail: imaps://alice@example.org, read-only, up 2 h 5 min\n"
            "  server       example.org port 993, TLSv1.3\n"
            "  greeting     ready?[2J\n"
            "  in use       CONDSTORE QRESYNC\n"
            "  mailboxes    12, 10 of them listed; 3,012 messages\n"
            "  cache        41 bodies, 1.2 MiB; file 4.0 MiB; 35 hits, 6 misses\n"
            "               /c/alice@example.org\n"
            "  traffic      1.3 MiB in (1.2 MiB of bodies), 20.0 KiB out; 43 commands, 2 connects\n"
            "  connections  1 working, 1 idle, 1 closed; 3 jobs waiting\n"
            "               connection refused\n"
            "  memory       12.0 MiB without the mapped cache\n"
            "  process      4711\n"
            "  errors       2026-11-20T10:00:05Z  the connection broke\n");
}

TEST(StatusText, JsonGoesThroughWithControlsEscaped) {
  const std::string json = statusJson(R"({"greeting": "a\u001b\u009b"})");
  EXPECT_EQ(json, "{\n  \"greeting\": \"a\\u001b\\u009b\"\n}\n");
}

TEST(StatusText, TakesWhatIsMissingAndRefusesWhatIsNoStatus) {
  EXPECT_NE(statusText("/m", "{}").find("/m: "), std::string::npos);
  EXPECT_NE(statusText("/m", R"({"memory": null, "server": 3, "errors": "x"})").find("/m: "),
            std::string::npos);
  for (const char* text : {"", "[]", "{", "3"}) {
    EXPECT_THROW(statusText("/m", text), Error) << text;
    EXPECT_THROW(statusJson(text), Error) << text;
  }
}

}  // namespace
}  // namespace emlfs::app
