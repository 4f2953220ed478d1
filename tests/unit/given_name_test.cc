// What the names of new files say.
#include <gtest/gtest.h>

#include "emlfs/view/names.h"

namespace emlfs::view {
namespace {

TEST(GivenName, OfTemporaries) {
  for (const char* name : {".x.eml.AbC", ".", "x.eml~", "~", "#x.eml#", "##", "x.tmp", ".tmp",
                           "x.eml.part", "sedAb12Cd", "4913"})
    EXPECT_TRUE(isTemporaryName(name)) << name;
  for (const char* name :
       {"x.eml", "#x", "#", "sedan", "sedAb12Cd.eml", "tmp", "part", "49131", "x.tmpx", "~x"})
    EXPECT_FALSE(isTemporaryName(name)) << name;
}

TEST(GivenName, OfMaildirs) {
  EXPECT_EQ(maildirFlags("1234.M5P6.host,S=5:2,FRS").text(), "\\Answered \\Flagged \\Seen");
  EXPECT_EQ(maildirFlags("x:2,DPT").text(), "$Forwarded \\Draft");
  EXPECT_EQ(maildirFlags("x:2,").text(), "");
  EXPECT_EQ(maildirFlags("x.eml").text(), "");
  EXPECT_EQ(maildirFlags("F:1,S").text(), "");
}

}  // namespace
}  // namespace emlfs::view
