#include "app/status_text.h"

#include <gmock/gmock.h>
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
              "connects": 2, "compressed_connects": 1, "read_ahead_bytes": 524288},
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
            "  traffic      1.3 MiB in, 20.0 KiB out (compressed); 43 commands, 2 connects\n"
            "               1.2 MiB of bodies, 512.0 KiB of them read ahead\n"
            "  connections  1 working, 1 idle, 1 closed; 3 jobs waiting\n"
            "               connection refused\n"
            "  memory       12.0 MiB without the mapped cache\n"
            "  process      4711\n"
            "  errors       2026-11-20T10:00:05Z  the connection broke\n");
}

constexpr const char* kFull = R"json({
  "version": "0.2.0", "pid": 4711, "source": "imaps://alice@example.org", "state": "online",
  "server": {"host": "example.org", "port": 993, "tls": "TLSv1.3", "capabilities": []},
  "mailboxes": {"total": 1, "listed": 1}, "messages": 1,
  "cache": {"directory": "/c", "bodies": 41, "body_bytes": 1258291, "file_bytes": 4194304,
            "hits": 35, "misses": 6, "hit_rate": 0.8537, "limit_bytes": 2147483648,
            "evicted_bytes": 1048576},
  "traffic": {},
  "connections": [
    {"connected": true, "working": true, "doing": "watching Entw&APw-rfe", "backoff_seconds": 0},
    {"connected": true, "working": false, "doing": ""},
    {"connected": false, "working": false, "last_error": "connection\u001brefused",
     "backoff_seconds": 62, "doing": ""}],
  "watching": {"method": "idle", "mailboxes": ["INBOX", "Entw&APw-rfe"], "poll_seconds": 30},
  "queues": {"listing": 1, "reading": 0, "background": 1200, "watch": 0}, "queued": 1201,
  "requests": {"lookup": 12, "read": 3456, "getattr": 12, "statfs": 0},
  "read_only": true, "uptime_seconds": 61})json";

TEST(StatusText, SaysWhatEachConnectionDoes) {
  EXPECT_EQ(statusText("/m", kFull),
            "/m: online, imaps://alice@example.org, read-only, up 1 min 1 s\n"
            "  server       example.org port 993, TLSv1.3\n"
            "  in use       none\n"
            "  mailboxes    1, 1 of them listed; 1 messages\n"
            "  watching     INBOX, Entwürfe (IDLE); the others are asked about every 30 s\n"
            "  cache        41 bodies, 1.2 MiB of 2.0 GiB; file 4.0 MiB; 35 hits, 6 misses (85 %)\n"
            "               1.0 MiB have made room\n"
            "               /c\n"
            "  traffic      0 B in, 0 B out; 0 commands, 0 connects\n"
            "               0 B of bodies, 0 B of them read ahead\n"
            "  connections  1 working, 1 idle, 1 closed; waiting: 1,200 background, 1 listing\n"
            "               watching Entwürfe\n"
            "               next try in 1 min 2 s: connection?refused\n"
            "  requests     3,456 read, 12 getattr, 12 lookup\n"
            "  process      4711\n");
}

std::string firstLine(const std::string& json, Style style = Style::plain) {
  const std::string text = statusText("/m", json, style);
  return text.substr(0, text.find('\n'));
}

TEST(StatusText, SaysOfflineFirst) {
  EXPECT_EQ(firstLine(R"({"state": "offline", "offline_since": "2026-11-20T10:00:05Z",
                          "next_try_seconds": 8, "source": "imaps://a@h",
                          "connections": [{"last_error": "connection refused"}, {}],
                          "errors": [{"text": "older"}]})"),
            "/m: OFFLINE since 2026-11-20T10:00:05Z, next try in 8 s: connection refused");
  EXPECT_EQ(firstLine(R"({"state": "offline", "next_try_seconds": 0,
                          "errors": [{"text": "older"}, {"text": "newer"}]})"),
            "/m: OFFLINE, trying now: newer");
  EXPECT_EQ(firstLine(R"({"state": "offline"})"), "/m: OFFLINE");
  EXPECT_NE(statusText("/m", R"({"state": "offline", "source": "imaps://a@h"})")
                .find("\n  account      imaps://a@h, up 0 s\n"),
            std::string::npos);
  EXPECT_EQ(firstLine(R"({"state": "connecting", "source": "imaps://a@h"})"),
            "/m: connecting, imaps://a@h, up 0 s");
}

TEST(StatusText, SaysHowItFollowsTheServer) {
  const auto watching = [](const std::string& json) {
    const std::string text = statusText("/m", "{\"watching\": " + json + "}");
    const size_t at = text.find("  watching     ");
    return at == text.npos ? "" : text.substr(at + 15, text.find('\n', at) - at - 15);
  };
  EXPECT_EQ(watching(R"({"method": "notify", "mailboxes": []})"),
            "all mailboxes, told of changes at once (NOTIFY)");
  EXPECT_EQ(watching(R"({"method": "poll", "poll_seconds": 90})"),
            "all mailboxes, asked about every 1 min 30 s");
  EXPECT_EQ(watching(R"({"method": "idle", "mailboxes": [], "poll_seconds": 30})"),
            "nothing is pushed now; all mailboxes are asked about every 30 s");
  EXPECT_EQ(watching(R"({"method": "telepathy"})"), "");
  EXPECT_EQ(watching(R"({"method": "idle", "mailboxes": ["INBOX"]}, "state": "offline")"),
            "nothing while offline");
}

TEST(StatusText, SaysWhatItDoesNotKnowYet) {
  const std::string never =
      statusText("/m", R"({"state": "offline", "server": {"host": "h", "port": 993, "tls": "",
                "greeting": "", "capabilities": []}})");
  EXPECT_NE(never.find("\n  server       h port 993, not connected yet\n"), never.npos) << never;
  EXPECT_EQ(never.find("  in use"), never.npos) << never;
  // It has been connected, without TLS.
  const std::string plain =
      statusText("/m", R"({"state": "offline", "server": {"host": "h", "port": 143, "tls": "",
                "greeting": "ready", "capabilities": ["IDLE"]}})");
  EXPECT_NE(plain.find("\n  server       h port 143, not encrypted\n"), plain.npos) << plain;
  EXPECT_NE(plain.find("\n  in use       IDLE\n"), plain.npos) << plain;
}

TEST(StatusText, SaysWhatDeletionsWaitFor) {
  const auto held = [](const std::string& by) {
    return statusText("/m", R"({"changes": {"held_by_others": true, "held_by": )" + by + "}}");
  };
  EXPECT_NE(held(R"({"path": "/s/b@h/spool/7.eml", "reason": ""})")
                .find("are on their servers: /s/b@h/spool/7.eml; mounting that account sends it, "
                      "or its 'emlfs journal' says why it can't\n"),
            std::string::npos);
  EXPECT_NE(held(R"({"path": "/s", "reason": "Too many open files"})")
                .find("are on their servers: /s (Too many open files)\n"),
            std::string::npos);
  EXPECT_NE(held("null").find("are on their servers\n"), std::string::npos);
}

TEST(StatusText, SaysWhatBecameOfManyDeletedMessages) {
  const auto text = statusText("/m", R"({"delete": "trash", "changes": {}, "many_deleted": {
      "count": 1205, "hidden": 0, "in_trash": 5, "for_good": 1200}})");
  EXPECT_NE(text.find("within a minute: 5 in the trash, 1,200 removed for good\n"), text.npos)
      << text;
}

TEST(StatusText, SaysThatNothingCanBeExpunged) {
  const auto text = [](const char* can) {
    return statusText("/m", std::string(R"({"server": {"can_expunge": )") + can + "}}");
  };
  EXPECT_NE(text("false").find("no UIDPLUS"), std::string::npos);
  EXPECT_EQ(text("true").find("UIDPLUS"), std::string::npos);
}

TEST(StatusText, ColoursOnlyWhenAsked) {
  EXPECT_EQ(firstLine(R"({"state": "offline"})", Style::coloured),
            "\x1b[1m/m\x1b[0m: \x1b[31mOFFLINE\x1b[0m");
  EXPECT_EQ(firstLine(R"({"state": "online", "source": "s"})", Style::coloured),
            "\x1b[1m/m\x1b[0m: \x1b[32monline\x1b[0m, s, up 0 s");
  EXPECT_EQ(statusText("/m", kFull).find('\x1b'), std::string::npos);
}

TEST(StatusText, JsonGoesThroughWithControlsEscaped) {
  const std::string json = statusJson(R"({"greeting": "a\u001b\u009b"})");
  EXPECT_EQ(json, "{\n  \"greeting\": \"a\\u001b\\u009b\"\n}\n");
}

TEST(StatusText, TakesWhatIsMissingAndRefusesWhatIsNoStatus) {
  EXPECT_NE(statusText("/m", "{}").find("/m: "), std::string::npos);
  EXPECT_NE(statusText("/m", R"({"memory": null, "server": 3, "errors": "x",
                                     "state": 1, "watching": [], "queues": 3, "requests": [4],
                                     "connections": {"a": 1}, "cache": {"hit_rate": "x"}})")
                .find("/m: "),
            std::string::npos);
  for (const char* text : {"", "[]", "{", "3"}) {
    EXPECT_THROW(statusText("/m", text), Error) << text;
    EXPECT_THROW(statusJson(text), Error) << text;
  }
}

TEST(StatusText, NamesWhatSomebodyHasChosen) {
  const std::string text = statusText("/m", R"json({
    "source": "imaps://alice@example.org", "log_level": "debug",
    "mailboxes": {"total": 3, "listed": 1, "left_out": 1204}, "messages": 7,
    "traffic": {"limit_bytes": 1073741824, "limit_seconds": 86400,
                "limit_left_bytes": 314572800}})json");
  EXPECT_THAT(text, testing::HasSubstr("3, 1 of them listed; 7 messages; 1,204 left out\n"));
  EXPECT_THAT(text, testing::HasSubstr("limited to 1.0 GiB a day, 300.0 MiB left\n"));
  EXPECT_THAT(text, testing::HasSubstr("  log level    debug\n"));
  // The default is no news.
  EXPECT_THAT(statusText("/m", R"({"log_level": "warning"})"),
              testing::Not(testing::HasSubstr("log level")));
}

TEST(StatusText, SaysWhatToDoAboutARefusedSignIn) {
  const auto said = [](const std::string& sign_in) {
    const std::string text =
        statusText("/m", R"({"state": "offline", "offline_error": "the server refused it",
                             "next_try_seconds": 58, "sign_in": )" +
                             sign_in + "}");
    const std::string label = "  what to do   ";
    const size_t at = text.find(label);
    return at == text.npos
               ? "nothing"
               : text.substr(at + label.size(), text.find('\n', at) - at - label.size());
  };
  EXPECT_EQ(said("null"), "nothing");
  EXPECT_EQ(said(R"({"state": "refused", "auth": "password", "from": "password_command"})"),
            "put the right password where it comes from (password_command); it is asked for again "
            "at the next try, and no sooner, for servers lock accounts. To try at once: 'emlfs "
            "umount /m' and mount again");
  EXPECT_EQ(said(R"({"state": "refused", "auth": "password", "from": "the prompt"})"),
            "'emlfs umount /m' and mount again with the right password (this one is from the "
            "prompt)");
  EXPECT_EQ(said(R"({"state": "refused", "auth": "oauth2", "from": "token_command"})"),
            "sign in anew with the program that token_command runs; at the next try it is run "
            "again. To try at once: 'emlfs umount /m' and mount again");
  EXPECT_EQ(said(R"({"state": "unavailable", "auth": "oauth2", "from": "token_command"})"),
            "run what token_command says by hand, to see what it wants; it is run again by itself");
}

}  // namespace
}  // namespace emlfs::app
