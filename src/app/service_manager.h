// What the service manager that started this program is told of it (sd_notify(3)): for units with
// Type=notify. Started by anybody else, these do nothing. What can't be told is logged: the manager
// may have gone, and the mount works without it.
#pragma once

#include <string>

namespace emlfs::app {

// The mount works; `status` is the line that `systemctl status` shows.
void tellReady(const std::string& status);

// The end has begun: what is pending is being sent.
void tellStopping();

}  // namespace emlfs::app
