#include "imap/framer.h"

#include <gmock/gmock.h>

#include "emlfs/base/error.h"

namespace emlfs::imap {
namespace {

using testing::ElementsAre;
using testing::SizeIs;

// Feeds `bytes` in pieces of `step`, and shows every response as its text with the literals' bytes
// behind, separated by '|'.
std::vector<std::string> frame(std::string_view bytes, size_t step, Window window = {0, 1000}) {
  Framer framer;
  framer.setWindow(window);
  std::vector<std::string> shown;
  for (size_t at = 0; at < bytes.size(); at += step) {
    framer.feed(bytes.substr(at, step));
    while (auto response = framer.next()) {
      shown.push_back(response->text);
      for (const Literal& literal : response->literals) {
        EXPECT_EQ(response->text[literal.at], '{');
        shown.back() += '|' + literal.bytes;
      }
    }
  }
  EXPECT_TRUE(framer.empty());
  return shown;
}

Code failure(std::string_view bytes) {
  Framer framer;
  try {
    framer.feed(bytes);
    while (framer.next()) {
    }
  } catch (const Error& error) {
    EXPECT_EQ(error.scope, Scope::connection);
    return error.code;
  }
  ADD_FAILURE() << "no error";
  return Code::system;
}

TEST(Framer, CutsAnywhere) {
  std::string bytes =
      "* OK ready {5}\r\n"
      "* 1 FETCH (UID 7 BODY[] {7}\r\na\r\n)\n{9 FLAGS ())\r\n"
      "* LIST () \"/\" {3+}\r\nx#y\r\n"
      "* BYE (((\n"
      "A1 OK done\r\n";
  bytes[bytes.find('#')] = '\0';
  for (size_t step = 1; step <= bytes.size(); ++step) {
    EXPECT_THAT(
        frame(bytes, step),
        ElementsAre("* OK ready {5}", "* 1 FETCH (UID 7 BODY[] {7} FLAGS ())|a\r\n)\n{9",
                    std::string("* LIST () \"/\" {3+}|x\0y", 22), "* BYE (((", "A1 OK done"))
        << step;
  }
}

TEST(Framer, KeepsNulInText) {
  EXPECT_THAT(frame(std::string_view("* OK a\0b\r\n", 10), 3),
              ElementsAre(std::string("* OK a\0b", 8)));
}

TEST(Framer, LiteralAfterAnUnescapedQuote) {
  EXPECT_THAT(frame("* X \"a\"b\" {2}\r\nhi)\r\n", 1), ElementsAre("* X \"a\"b\" {2})|hi"));
}

TEST(Framer, BracesInAQuotedStringAreNoLiteral) {
  EXPECT_THAT(frame("* LIST () NIL \"a{5}\"\r\n", 1), ElementsAre("* LIST () NIL \"a{5}\""));
}

TEST(Framer, WindowOfAWholeBody) {
  const std::string wire = "* 1 FETCH (BODY[] {10}\r\n0123456789)\r\n";
  for (const size_t step : {1, 3, 100}) {
    EXPECT_THAT(frame(wire, step, {4, 3}), ElementsAre("* 1 FETCH (BODY[] {10})|456"));
    EXPECT_THAT(frame(wire, step, {8, 30}), ElementsAre("* 1 FETCH (BODY[] {10})|89"));
    EXPECT_THAT(frame(wire, step, {20, 3}), ElementsAre("* 1 FETCH (BODY[] {10})|"));
  }
}

TEST(Framer, WindowOfAPartBeginsWithIt) {
  EXPECT_THAT(frame("* 1 FETCH (body[]<4> ~{6}\r\n456789)\r\n", 2, {4, 3}),
              ElementsAre("* 1 FETCH (body[]<4> ~{6})|456"));
}

TEST(Framer, HugeBodyTakesNoMemory) {
  Framer framer;
  framer.setWindow({5, 10});
  framer.feed("* 1 FETCH (BODY[] {4294967296}\r\n");
  const std::string block(1 << 20, 'x');
  for (int i = 0; i < 4096; ++i) {
    framer.feed(block);
    ASSERT_FALSE(framer.next());
  }
  framer.feed(")\r\n");
  const auto response = framer.next();
  ASSERT_TRUE(response);
  EXPECT_EQ(response->literals.at(0).length, uint64_t{4} << 30);
  EXPECT_THAT(response->literals.at(0).bytes, SizeIs(10));
  EXPECT_EQ(framer.bodyBytes(), uint64_t{4} << 30);
}

TEST(Framer, HeaderLiteralIsCutButCounted) {
  Framer framer;
  framer.feed("* 1 FETCH (BODY[HEADER] {1000000}\r\n" + std::string(1'000'000, 'h') + ")\r\n");
  const auto response = framer.next();
  ASSERT_TRUE(response);
  EXPECT_THAT(response->literals.at(0).bytes, SizeIs(Framer::kKeptLiteral));
  EXPECT_EQ(response->literals.at(0).length, 1'000'000U);
}

TEST(Framer, Bounds) {
  EXPECT_EQ(failure("* SEARCH " + std::string(Framer::kMaxText, '1')), Code::limit);
  EXPECT_EQ(failure("* X " + std::string(20'000, '(') + "\r\n"), Code::limit);
  EXPECT_EQ(failure("* X {4294967295}\r\n"), Code::limit);
  EXPECT_EQ(failure("* X {99999999999999999999999}\r\n"), Code::limit);
  EXPECT_EQ(failure("* 1 FETCH (BODY[] {18446744073709551615}\r\n"), Code::limit);
  std::string literals = "* X ";
  for (size_t i = 0; i <= Framer::kMaxLiterals; ++i) literals += "{1}\r\nx";
  EXPECT_EQ(failure(literals + "\r\n"), Code::limit);
  std::string large = "* X ";
  for (int i = 0; i < 60; ++i) large += "{600000}\r\n" + std::string(600'000, 'x');
  EXPECT_EQ(failure(large + "\r\n"), Code::limit);
}

// Parentheses opened before a literal count after it.
TEST(Framer, DepthGoesOnBehindLiterals) {
  std::string nested = "* X ";
  for (int i = 0; i < 200; ++i) nested += "({1}\r\nx";
  EXPECT_EQ(failure(nested + "\r\n"), Code::limit);
}

TEST(Framer, ParenthesesInQuotesDoNotNest) {
  const std::string line = "* X \"" + std::string(1000, '(') + "\"";
  EXPECT_THAT(frame(line + "\r\n", 64), ElementsAre(line));
}

}  // namespace
}  // namespace emlfs::imap
