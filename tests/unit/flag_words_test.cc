#include "fs/flag_words.h"

#include <gtest/gtest.h>

#include "emlfs/base/error.h"

namespace emlfs::fs {
namespace {

TEST(FlagWords, SetAndTakeAway) {
  const auto words = parseFlagWords("+\\Seen  -\\flagged $Work\n");
  EXPECT_EQ(words.add, Flags({"\\Seen", "$Work"}));
  EXPECT_EQ(words.remove, Flags({"\\flagged"}));
  EXPECT_EQ(parseFlagWords(std::string_view("\\Seen\0", 6)).add, Flags({"\\Seen"}));
}

TEST(FlagWords, WhatIsNoFlagIsRefused) {
  for (const char* text : {"+", "-", "\\Recent", "\\Foo", "a(b", "+\\Seen -\\SEEN", "sch\xc3\xb6n"})
    EXPECT_THROW(parseFlagWords(text), Error) << text;
}

}  // namespace
}  // namespace emlfs::fs
