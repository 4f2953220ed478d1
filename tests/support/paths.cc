#include "support/paths.h"

namespace emlfs::test {

const char* const kProgram = EMLFS_BINARY;
const char* const kSourceDirectory = EMLFS_SOURCE_DIR;

}  // namespace emlfs::test
