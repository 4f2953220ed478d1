// A state directory of each format that ever was, in tests/samples: what is in it, and how a test
// gets one of its own.
#pragma once

#include <string>

namespace emlfs::test {

std::string samplePath(const std::string& name);  // "state-1"

// The files are LMDB's, of a machine with 64 bits and the least significant byte first.
bool canReadSamples();

// Puts a copy at `to`, with the modes that say what will be sent and that git doesn't keep.
void copyStateSample(const std::string& name, const std::string& to);

// Saves a state directory that nobody has open as a sample, without what differs from one machine
// to the next, and without room ahead.
void saveStateSample(const std::string& from, const std::string& name);

// All that is in a state directory but the counter of ids, in lines for a person, as today's emlfs
// reads it.
std::string stateContents(const std::string& directory);

}  // namespace emlfs::test
