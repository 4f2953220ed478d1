// What the commands of emlfs ask a mount and tell it, through extended attributes: the journal at
// the root, and what is hidden in a directory. See ARCHITECTURE.md.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "fs/context.h"

namespace emlfs::fs {

// Of these attributes the value; absent for all others. Throws Error.
std::optional<std::string> askedFor(const Account& account, uint64_t node, std::string_view name);

// The log level, an attribute of the root. With "=debug" and its like behind the name, reading it
// sets it, for the owner, who mounted, and root: on a mount that is read-only the kernel refuses to
// set one. Absent for other attributes. Throws Error(invalid) for another level,
// Error(not_permitted).
std::optional<std::string> logLevel(fuse_req_t request, uint64_t node, std::string_view name);

// Whether setting this attribute is a command, and to carry it out. Throws Error.
bool isCommand(uint64_t node, std::string_view name);
void command(Context& context, MailboxId directory, std::string_view name, std::string_view value);

}  // namespace emlfs::fs
