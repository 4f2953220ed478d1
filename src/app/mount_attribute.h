// Asking a mount, and telling it, through extended attributes. These calls wait for the daemon, not
// for the server; a fatal signal ends them.
#pragma once

#include <string>

#include "app/status_json.h"
#include "emlfs/base/error.h"

namespace emlfs::app {

// What `error_number` means that a mount has answered; its code gives the exit code.
Error mountAnswer(const std::string& what, int error_number);

// Throws mountAnswer().
std::string readAttribute(const std::string& path, const std::string& name);
void writeAttribute(const std::string& path, const std::string& name, const std::string& value);

// What comes in pages: the first one, with the entries of its lists from all of them. Throws
// mountAnswer(), or Error(protocol).
Json readPages(const std::string& path, const std::string& name);

}  // namespace emlfs::app
