#include "app/broken_accounts.h"

#include <cstdio>

#include <set>

#include "app/exit_code.h"
#include "app/failure.h"
#include "app/run_each.h"

namespace emlfs::app {

int reportBroken(const Config& config) {
  int code = static_cast<int>(ExitCode::ok);
  std::set<std::string> said;
  for (const auto& [name, error] : config.broken) {
    if (!said.insert(error.what()).second) continue;
    ::fprintf(stderr, "%s\n", saidBy(name, errorLine(error)).c_str());
    code = static_cast<int>(exitCodeOf(error));
  }
  return code;
}

}  // namespace emlfs::app
