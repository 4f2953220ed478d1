#include "support/paths.h"

namespace emlfs::test {

const char* const kProgram = EMLFS_BINARY;
const char* const kSourceDirectory = EMLFS_SOURCE_DIR;
const char* const kBuildDirectory = EMLFS_BUILD_DIR;
const char* const kDocsDirectory = EMLFS_BUILD_DIR "/docs";

}  // namespace emlfs::test
