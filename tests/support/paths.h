// Where the tests find what they start. One file knows the paths of this build, so that objects
// of different builds can be shared by ccache.
#pragma once

namespace emlfs::test {

extern const char* const kProgram;          // the emlfs that was built
extern const char* const kSourceDirectory;  // of the project
extern const char* const kBuildDirectory;
extern const char* const kDocsDirectory;  // the manual and the completions that were written

}  // namespace emlfs::test
