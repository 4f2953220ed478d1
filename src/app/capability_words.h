// What IMAP capabilities turn on in emlfs, in words, and what to do about a failed connection.
#pragma once

#include <span>
#include <string>

#include "emlfs/base/error.h"
#include "emlfs/imap/endpoint.h"

namespace emlfs::app {

struct CapabilityWords {
  const char* name;
  const char* turns_on;
  const char* without;  // what happens where the server doesn't have it
};

// Those that this version uses, the weightiest first.
std::span<const CapabilityWords> capabilityWords();

// What a person can do about `error`, in a line or two; empty if there is nothing to say.
std::string advice(const Error& error, const imap::Endpoint& endpoint);

}  // namespace emlfs::app
