// Places where the tests let the process die, as by kill -9 at the worst moment.
#pragma once

namespace emlfs {

// Does nothing unless the CMake option EMLFS_FAIL_POINTS is on, as it is for the tests, and one of
// these environment variables is set:
//   EMLFS_FAIL_AT=N        the Nth fail point that this process passes, counted from 1, is its last
//   EMLFS_FAIL_COUNT=FILE  the name of each that is passed is appended to the file, a line each
// Thread-safe.
void failPoint(const char* name);

}  // namespace emlfs
