#include "app/printable.h"

#include <gtest/gtest.h>

#include "app/exit_code.h"
#include "app/failure.h"

namespace emlfs::app {
namespace {

TEST(Printable, KeepsTextAndTakesTheSting) {
  const struct {
    std::string in;
    std::string out;
  } cases[] = {
      {"", ""},
      {"plain text", "plain text"},
      {"Grüße 日本 😀", "Grüße 日本 😀"},
      {"a\r\nb\tc", "a  b c"},
      {"\x1b[31mred\x07", "?[31mred?"},
      {std::string("a\0b", 3), "a?b"},
      {"\x7f", "?"},
      {"\xc2\x9b"
       "31m",
       "?31m"},  // CSI as a C1 control
      {"\xe2\x80\xae"
       "abc",
       "?abc"},               // right-to-left override
      {"\xe2\x81\xa6", "?"},  // isolate
      {"\xff\xfe", "??"},
      {"\xc0\xaf", "??"},            // overlong
      {"\xed\xa0\x80", "???"},       // surrogate
      {"\xf4\x90\x80\x80", "????"},  // beyond Unicode
      {"a\xe2\x82", "a??"},          // cut off
  };
  for (const auto& one : cases) EXPECT_EQ(printable(one.in), one.out);
}

TEST(Printable, CutsBetweenCharacters) {
  EXPECT_EQ(printable("aäöü", 4), "aä...");
  EXPECT_EQ(printable("abcd", 4), "abcd");
}

TEST(ExitCode, FollowsTheErrorsCode) {
  const struct {
    Code code;
    ExitCode exit;
  } cases[] = {{Code::network, ExitCode::network},   {Code::timeout, ExitCode::network},
               {Code::tls, ExitCode::tls},           {Code::auth, ExitCode::auth},
               {Code::busy, ExitCode::busy},         {Code::invalid, ExitCode::usage},
               {Code::refused, ExitCode::server},    {Code::protocol, ExitCode::server},
               {Code::limit, ExitCode::server},      {Code::system, ExitCode::other},
               {Code::damaged, ExitCode::damaged},   {Code::cancelled, ExitCode::other},
               {Code::not_found, ExitCode::other},   {Code::stale, ExitCode::other},
               {Code::size_changed, ExitCode::other}};
  for (const auto& one : cases)
    EXPECT_EQ(exitCodeOf(failure(one.code, "x")), one.exit) << name(one.code);
  EXPECT_EQ(exitCodeOf(MountError("x")), ExitCode::mount);
  EXPECT_EQ(exitCodeOf(std::runtime_error("x")), ExitCode::other);
}

TEST(ExitCode, TheLineHasTheServersWordsWithoutTheirControls) {
  EXPECT_EQ(errorLine(Error(Code::auth, Scope::account, "the login failed", "NO \x1b[2J bye\r\n")),
            "the login failed; the server said: NO ?[2J bye  ");
  EXPECT_EQ(errorLine(Error(Code::auth, Scope::account, "refused: go away", "go away")),
            "refused: go away");
  EXPECT_EQ(errorLine(failure(Code::auth, "the login failed")), "the login failed");
}

}  // namespace
}  // namespace emlfs::app
