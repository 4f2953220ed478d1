// Which mailboxes a person wants to see: the option `mailboxes`. A pure function.
#pragma once

#include <span>
#include <string>
#include <string_view>

namespace emlfs::view {

// `path` is what the mount shows ("Lists/lkml", UTF-8). `*` stands for anything, `%` for anything
// but '/'; a name without either is that mailbox and all below it; a pattern behind '!' leaves out;
// the last one that fits decides. What none fits is shown if the first one leaves out, or there are
// none. INBOX may be written in any case, as in IMAP (RFC 9051 section 5.1).
bool isShown(std::span<const std::string> patterns, std::string_view path);

// Whether it is one of those that the pattern, with or without '!', speaks of.
bool fits(std::string_view pattern, std::string_view path);

}  // namespace emlfs::view
