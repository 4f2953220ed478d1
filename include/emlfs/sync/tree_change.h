// What happened to the tree without the kernel's doing: what its caches have to be told. A value.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "emlfs/mail/ids.h"

namespace emlfs::sync {

struct TreeChange {
  struct Gone {
    uint64_t node = 0;
    std::string name;
  };
  MailboxId directory;
  bool entries = false;  // the listing is no longer the same
  std::string kept;      // a message that is in it before and after; empty if there is none
  std::vector<std::string> added;  // names that the kernel may have cached as absent
  std::vector<Gone> removed;
  std::vector<uint64_t> attributes;  // nodes whose size or times are no longer the same

  bool empty() const { return !entries && attributes.empty(); }
};

}  // namespace emlfs::sync
