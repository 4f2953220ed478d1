// A cache in a directory of its own; checkCache() looks behind its interface after each test.
#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "emlfs/base/error.h"
#include "emlfs/store/cache.h"
#include "support/cache_check.h"
#include "support/scratch_dir.h"

namespace emlfs {

class CacheTest : public testing::Test {
 protected:
  void TearDown() override {
    cache_.reset();
    EXPECT_THAT(test::checkCache(dir_.path()), testing::IsEmpty());
  }

  void reopen() {
    cache_.reset();
    cache_ = store::Cache::open(dir_.path());
  }

  template <class Change>
  void update(Change change) {
    auto update = cache_->begin();
    change(*update);
    update->commit();
  }

  // The code of the Error that `change` throws; what it did before is committed.
  template <class Change>
  Code refused(Change change) {
    auto update = cache_->begin();
    try {
      change(*update);
    } catch (const Error& error) {
      update->commit();
      return error.code;
    }
    ADD_FAILURE() << "nothing was refused";
    return Code::system;
  }

  std::vector<Uid> uids(MailboxId mailbox, Uid after = 0, size_t most = 1000) {
    std::vector<Uid> found;
    cache_->snapshot()->messages(mailbox, after, [&](const store::MessageRecord& record) {
      found.push_back(record.uid);
      return found.size() < most;
    });
    return found;
  }

  std::vector<std::string> directories(MailboxId parent, uint64_t after = 0) {
    std::vector<std::string> found;
    cache_->snapshot()->subdirectories(parent, after, [&](const store::MailboxRecord& record) {
      found.push_back(record.name);
      return true;
    });
    return found;
  }

  std::optional<uint64_t> node(MailboxId directory, std::string_view name) {
    auto found = cache_->snapshot()->find(directory, name);
    return found ? std::optional(found->node) : std::nullopt;
  }

  test::ScratchDir dir_;
  std::unique_ptr<store::Cache> cache_ = store::Cache::open(dir_.path());
};

}  // namespace emlfs
