// Reads all mail, most of it without emlfs, to say what changes have come to. Each message has to
// be one of support/proof_mail.h.
#pragma once

#include <set>
#include <string>

#include "support/dovecot.h"
#include "support/world.h"

namespace emlfs::test {

// From the Maildir on disk: files, their names, their times, dovecot-keywords. Right when the
// server has nothing left to do. Throws std::exception.
Observation readMaildir(const Dovecot& server);

// Over IMAP, of a server of any kind.
Observation readOverImap(const ImapServer& server);

// What a mount shows, with all its names; without the files `unsent`, which are paths in it.
Observation readMount(const std::string& mount_point, const std::set<std::string>& unsent = {});

// readMaildir() of a Dovecot, of others over IMAP.
Observation observe(const ImapServer& server);

}  // namespace emlfs::test
