// Going on as another user, for what root starts for him.
#pragma once

#include <string>

namespace emlfs::app {

// Only root can. All rights of root go, and the environment is what a session of this user would
// begin with: HOME, USER, XDG_RUNTIME_DIR if there is one; nothing of the caller's directories, nor
// a password that was meant for him. `user` is a name or number. Call without other threads. Throws
// Error(invalid): an unknown user, or not root; Error(system).
void becomeUser(const std::string& user);

}  // namespace emlfs::app
