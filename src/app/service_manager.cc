#include "app/service_manager.h"

#include <fmt/format.h>
#include <systemd/sd-daemon.h>

#include "app/printable.h"
#include "emlfs/base/error.h"
#include "emlfs/base/log.h"

namespace emlfs::app {
namespace {

void tell(const std::string& state) {
  const int result = ::sd_notify(0, state.c_str());
  if (result < 0) log::warning("{}", systemError("the service manager isn't told", -result).what());
}

}  // namespace

void tellReady(const std::string& status) {
  tell(fmt::format("READY=1\nSTATUS={}", printable(status)));
}

void tellStopping() {
  tell("STOPPING=1\nSTATUS=Sending what is pending");
}

}  // namespace emlfs::app
