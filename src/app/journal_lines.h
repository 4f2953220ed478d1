// Changes of the journal as text for a person. Nothing in it can control a terminal.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "app/status_json.h"

namespace emlfs::app {

// "move 2026-11-20_Alice_Hello.5.eml from INBOX to Archive".
std::string changeText(const Json& change);

// What to do about one that was refused: "make room on the server, then retry".
std::string changeAdvice(const Json& change);

// "5 move, 2 delete".
std::string kindsText(const Json& kinds);

// Of user.emlfs.journal, all pages.
std::string journalText(const std::string& mount_point, const Json& journal);

bool isRefused(const Json& change);

// Why deletions wait for other accounts; empty if they don't.
std::string heldText(const Json& status);

// What is left on the way to the server, by the status of the mount: "3 changes, and 1 new message
// that is not finished (INBOX/a.tmp)"; empty if there is nothing.
std::string leftText(const Json& status);

}  // namespace emlfs::app
