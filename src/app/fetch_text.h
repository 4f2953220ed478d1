// What `emlfs fetch` says.
#pragma once

#include <string>

#include "app/fetch_run.h"
#include "emlfs/base/clock.h"

namespace emlfs::app {

// How far it is, at most `columns` wide.
std::string fetchLine(const FetchState& state, size_t columns);

// At the end: "fetched 1,234 messages, 45.2 MiB in 13 s; 11,111 were there already", and what went
// wrong. Without a line end.
std::string fetchSummary(const FetchState& state, Milliseconds took);

// "1,234 of 12,345 messages, ... are fetched; the same command goes on from there"
std::string fetchLeftOff(const FetchState& state);

}  // namespace emlfs::app
