#include "app/broken_accounts.h"

#include <cstdio>

#include <map>
#include <string>

#include "app/exit_code.h"
#include "app/failure.h"
#include "app/run_each.h"

namespace emlfs::app {

int reportBroken(const Config& config) {
  int code = static_cast<int>(ExitCode::ok);
  std::map<std::string, std::string> names;  // by what is wrong with them
  for (const auto& [name, error] : config.broken) {
    std::string& all = names[error.what()];
    all += (all.empty() ? "" : ", ") + name;
  }
  for (const auto& [name, error] : config.broken) {
    const auto of = names.extract(error.what());
    if (of.empty()) continue;
    ::fprintf(stderr, "%s\n", saidBy(of.mapped(), errorLine(error)).c_str());
    code = static_cast<int>(exitCodeOf(error));
  }
  return code;
}

}  // namespace emlfs::app
