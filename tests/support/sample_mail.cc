#include "support/sample_mail.h"

#include <fmt/format.h>
#include <xxhash.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <stdexcept>

#include "emlfs/base/file.h"
#include "support/paths.h"
#include "support/process.h"

namespace emlfs::test {
namespace {

namespace fs = std::filesystem;

const fs::path kSupport = fs::path(kSourceDirectory) / "tests/support";

// Changes with the options and with every line of the generator.
std::string fingerprint(const std::vector<std::string>& options) {
  std::vector<fs::path> sources{kSupport / "sample_mail.py"};
  for (const auto& entry : fs::directory_iterator(kSupport / "mailgen")) {
    if (entry.path().extension() == ".py") sources.push_back(entry.path());
  }
  std::sort(sources.begin(), sources.end());
  std::string all;
  for (const fs::path& source : sources) all += readFile(source);
  for (const std::string& option : options) all += option + '\0';
  return fmt::format("{:016x}", XXH3_64bits(all.data(), all.size()));
}

}  // namespace

std::string sampleMail(const std::vector<std::string>& options) {
  const fs::path cache = fs::path(kProgram).parent_path() / "sample-mail";
  const fs::path finished = cache / fingerprint(options);
  if (fs::exists(finished)) return finished;

  fs::create_directories(cache);
  std::string scratch = cache / "unfinished.XXXXXX";
  if (mkdtemp(scratch.data()) == nullptr) throw std::runtime_error("mkdtemp failed: " + scratch);
  std::vector<std::string> command{"python3", kSupport / "sample_mail.py", "--out", scratch};
  command.insert(command.end(), options.begin(), options.end());
  runOrThrow(command);

  // Whoever is first wins; what another process made meanwhile is the same.
  std::error_code failure;
  fs::rename(scratch, finished, failure);
  if (failure) fs::remove_all(scratch);
  if (!fs::exists(finished)) throw std::runtime_error("can't make " + finished.string());
  return finished;
}

}  // namespace emlfs::test
