// The config file of a sandbox, with accounts on the tests' servers.
#pragma once

#include <fmt/format.h>
#include <sys/stat.h>

#include <filesystem>
#include <fstream>
#include <stdexcept>
#include <string>

#include "support/imap_server.h"
#include "support/sandbox.h"

namespace emlfs::test {

// A table with the source, trust and password of that server's user; `more` are further lines.
inline std::string accountOn(const ImapServer& server, const std::string& name,
                             const std::string& more = {}) {
  return fmt::format(
      "[account.{}]\nsource = \"imaps://{}@{}:{}\"\nca_file = \"{}\"\npassword = \"{}\"\n{}\n",
      name, server.user(), server.host(), server.imapsPort(), server.caFile(), server.password(),
      more);
}

inline std::string configPath(const Sandbox& box) {
  return box / "config/emlfs/config.toml";
}

inline void writeConfig(const Sandbox& box, const std::string& text, mode_t mode = 0600) {
  const std::string path = configPath(box);
  std::filesystem::create_directories(std::filesystem::path(path).parent_path());
  std::ofstream(path) << text;
  if (::chmod(path.c_str(), mode) != 0) throw std::runtime_error("chmod " + path);
}

}  // namespace emlfs::test
