#include "emlfs/sync/free_name.h"

#include "emlfs/view/names.h"

namespace emlfs::sync {

std::string freeName(const store::Snapshot& snapshot, MailboxId directory, const std::string& name,
                     MessageId own) {
  std::string free = name;
  for (unsigned n = 1;; ++n) {
    const auto there = snapshot.find(directory, free);
    if (!there || there->node == own.value) return free;
    free = view::alternativeName(name, n);
  }
}

}  // namespace emlfs::sync
