// What programs see of a failure.
#include "fs/errno.h"

#include <gtest/gtest.h>

#include <cerrno>

namespace emlfs::fs {
namespace {

int errnoOf(Code code, Scope scope = Scope::mailbox) {
  return toErrno(Error(code, scope, "words"));
}

TEST(Errno, WhatAServerRefuses) {
  EXPECT_EQ(errnoOf(Code::quota), EDQUOT);
  EXPECT_EQ(errnoOf(Code::denied), EACCES);
  EXPECT_EQ(errnoOf(Code::exists), EEXIST);
  EXPECT_EQ(errnoOf(Code::not_found), ENOENT);
  EXPECT_EQ(errnoOf(Code::stale), ESTALE);
  EXPECT_EQ(errnoOf(Code::busy), EBUSY);
  EXPECT_EQ(errnoOf(Code::invalid), EINVAL);
  EXPECT_EQ(errnoOf(Code::refused), EIO);
  EXPECT_EQ(errnoOf(Code::limit, Scope::message), EFBIG);
  EXPECT_EQ(errnoOf(Code::limit), EIO);
}

TEST(Errno, WhatTheMountRefuses) {
  EXPECT_EQ(errnoOf(Code::not_permitted), EPERM);
  EXPECT_EQ(errnoOf(Code::not_empty), ENOTEMPTY);
  EXPECT_EQ(toErrno(systemError("writing", ENOSPC)), ENOSPC);
  EXPECT_EQ(toErrno(systemError("writing", EBADF)), EIO);
}

TEST(Errno, WhatTheNetworkDoes) {
  EXPECT_EQ(errnoOf(Code::network, Scope::connection), ENETUNREACH);
  EXPECT_EQ(errnoOf(Code::timeout, Scope::connection), ETIMEDOUT);
  EXPECT_EQ(errnoOf(Code::cancelled, Scope::message), EINTR);
  EXPECT_EQ(errnoOf(Code::cancelled, Scope::connection), ENETUNREACH);
}

}  // namespace
}  // namespace emlfs::fs
