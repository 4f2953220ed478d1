// What NAMESPACE said, kept in the cache: where a new mailbox belongs has to be known offline.
#pragma once

#include <vector>

#include "emlfs/mail/mailbox.h"
#include "emlfs/store/cache.h"

namespace emlfs::sync {

// Written only if it is another.
void putNamespaces(store::Update& update, const std::vector<Namespace>& namespaces);
// Empty if the server was never asked.
std::vector<Namespace> storedNamespaces(const store::Snapshot& snapshot);

// Of the namespace that the mailbox is in.
char delimiterOf(const std::vector<Namespace>& namespaces, const std::string& wire);
// What separates levels; 0 if names are flat. `list`: where NAMESPACE doesn't say.
char delimiterOf(const std::vector<Namespace>& namespaces, const std::vector<ListEntry>& list = {});

}  // namespace emlfs::sync
