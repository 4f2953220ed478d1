#include "account/owner.h"

#include <gtest/gtest.h>
#include <poll.h>

#include <thread>

#include "emlfs/base/error.h"
#include "emlfs/base/file.h"
#include "support/scratch_dir.h"

namespace emlfs {
namespace {

TEST(Owner, IsWhoeverCameFirst) {
  const test::ScratchDir dir;
  requireOwner(dir.path(), "alice@misspelt.example");  // and there is no such server
  noteOwner(dir.path(), "alice@a.example");
  requireOwner(dir.path(), "alice@a.example");
  noteOwner(dir.path(), "alice@a.example");
  try {
    requireOwner(dir.path(), "alice@b.example");
    ADD_FAILURE() << "changes of one account would go to another";
  } catch (const Error& error) {
    EXPECT_EQ(error.code, Code::invalid);
    EXPECT_NE(std::string(error.what()).find("belongs to alice@a.example"), std::string::npos);
  }
  EXPECT_EQ(readFile(dir / "account"), "alice@a.example");
}

TEST(Owner, OfALockMayBeDying) {
  const test::ScratchDir dir;
  Fd other = lockFor(dir.path(), "alice@a.example");
  try {
    lockFor(dir.path(), "alice@a.example");
    ADD_FAILURE() << "two have it";
  } catch (const Error& error) {
    EXPECT_EQ(error.code, Code::busy);
  }
  std::jthread dying([&] {
    ::poll(nullptr, 0, 100);
    other.reset();
  });
  EXPECT_TRUE(lockFor(dir.path(), "alice@a.example"));
}

}  // namespace
}  // namespace emlfs
