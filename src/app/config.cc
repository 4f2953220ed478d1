#include "app/config.h"

#include <fmt/format.h>
#include <unistd.h>

#include <toml++/toml.h>
#include <filesystem>

#include "app/failure.h"
#include "app/nearest.h"
#include "app/paths.h"
#include "app/printable.h"
#include "app/private_file.h"

namespace emlfs::app {
namespace {

constexpr const char* kMountPoint = "~/mail";

// The file may hold passwords: nothing of it stays in memory that is given back.
void wipeStrings(toml::node& node) {
  if (auto* string = node.as_string()) {
    wipe(string->get());
  } else if (auto* table = node.as_table()) {
    for (auto&& [key, value] : *table) wipeStrings(value);
  } else if (auto* array = node.as_array()) {
    for (auto& value : *array) wipeStrings(value);
  }
}

class Reader {
 public:
  explicit Reader(std::string path)
      : path_(std::move(path)), base_(std::filesystem::path(path_).parent_path()) {}

  Config read(const toml::table& root) const {
    Config config;
    config.path = path_;
    config.options.mount_point = absolutePath(kMountPoint);
    for (const auto& [key, node] : root)
      if (key.str() != "account") option(config.options, key, node);
    if (!config.options.password.empty())
      throw at(root.get("password")->source(), "a password belongs into an account's table");
    // After the options at the top, wherever they stand in the file.
    if (const toml::node* accounts = root.get("account")) {
      if (!accounts->is_table())
        throw at(accounts->source(), "accounts are tables: [account.NAME]");
      for (const auto& [key, node] : *accounts->as_table()) {
        const toml::table* table = node.as_table();
        config.holds_password |= table != nullptr && table->contains("password");
        try {
          config.accounts.emplace(key.str(), account(config.options, key, node));
        } catch (const Error& error) {
          config.broken.emplace(key.str(), error);
        }
      }
    }
    return config;
  }

  Error at(const toml::source_region& where, std::string_view what) const {
    return badInput(fmt::format("{}:{}: {}", path_, where.begin.line, what));
  }

 private:
  AccountConfig account(const Options& inherited, const toml::key& key,
                        const toml::node& node) const {
    const auto* table = node.as_table();
    if (table == nullptr) throw at(key.source(), "an account is a table: [account.NAME]");
    if (!isAccountName(key.str()) || key.str() == kAllAccounts)
      throw at(key.source(), fmt::format("'{}' can't be the name of an account", key.str()));
    AccountConfig result;
    result.options = inherited;
    result.options.mount_point += "/" + std::string(key.str());
    bool has_source = false;
    for (const auto& [name, value] : *table) {
      if (name.str() != "source") {
        option(result.options, name, value);
        continue;
      }
      has_source = true;
      const std::string url = text(name, value);
      try {
        result.source = parseSourceUrl(url);
      } catch (const Error& error) {
        throw at(name.source(), error.what());
      }
    }
    if (!has_source) throw at(key.source(), fmt::format("account '{}' has no source", key.str()));
    return result;
  }

  void option(Options& options, const toml::key& key, const toml::node& node) const {
    const std::string value = text(key, node);
    try {
      setConfigOption(options, key.str(), value, base_);
    } catch (const Error& error) {
      throw at(key.source(), error.what());
    }
  }

  std::string text(const toml::key& key, const toml::node& node) const {
    if (const auto* string = node.as_string()) return string->get();
    if (const auto* integer = node.as_integer()) return std::to_string(integer->get());
    if (const auto* boolean = node.as_boolean()) return boolean->get() ? "yes" : "no";
    if (const auto* array = node.as_array()) {
      std::string joined;
      for (const toml::node& element : *array) {
        if (!element.is_string()) throw at(key.source(), "a list must hold strings");
        joined += (joined.empty() ? "" : ":") + escapedForList(element.as_string()->get());
      }
      return joined;
    }
    if (node.is_table())
      throw at(key.source(),
               fmt::format("unknown table '{}': accounts are [account.NAME]", key.str()));
    throw at(key.source(),
             fmt::format("'{}' must be a string, a whole number or true or false", key.str()));
  }

  std::string path_;
  std::string base_;
};

}  // namespace

Config parseConfig(std::string_view text, const std::string& path) {
  const Reader reader(path);
  try {
    toml::table root = toml::parse(text, path);
    struct Wiped {
      toml::table& table;
      ~Wiped() { wipeStrings(table); }
    } const wiped{root};
    return reader.read(root);
  } catch (const toml::parse_error& error) {
    throw reader.at(error.source(), printable(error.description()));
  }
}

Config loadConfig(const std::string& path) {
  const auto file = readOwnFile(path);
  if (!file) {
    Config config;
    config.path = path;
    return config;
  }
  Config config = parseConfig(file->content.reveal(), path);
  if (config.holds_password && file->open_to_others)
    throw badInput(
        fmt::format("{0} holds a password and is open to other users: chmod 600 {0}", path));
  return config;
}

const AccountConfig& findAccount(const Config& config, const std::string& name) {
  const auto found = config.accounts.find(name);
  if (found != config.accounts.end()) return found->second;
  if (const auto broken = config.broken.find(name); broken != config.broken.end())
    throw Error(broken->second);
  std::vector<std::string_view> names;
  names.reserve(config.accounts.size());
  for (const auto& [known, account] : config.accounts) names.push_back(known);
  if (names.empty())
    throw badInput(fmt::format(
        "no account '{}': {} has none; a source is imaps://user@host[:port] or an account's name",
        name, config.path));
  throw badInput(
      fmt::format("no account '{}' in {}{}", name, config.path, suggestion(name, names)));
}

void excludeOverlapping(Config& config) {
  if (config.accounts.empty() && config.broken.empty())
    throw badInput(fmt::format("{} has no account: each is a table [account.NAME] with a source",
                               config.path));
  std::map<std::string, std::string> owners;
  const auto claim = [&](const std::string& name, const std::string& directory,
                         std::string_view what) {
    const auto [owner, first] = owners.emplace(directory, name);
    if (first || owner->second == name) return;
    const Error error =
        badInput(fmt::format("{}: accounts '{}' and '{}' have one {}, and each needs its own: {}",
                             config.path, owner->second, name, what, directory));
    config.broken.emplace(owner->second, error);
    config.broken.emplace(name, error);
  };
  for (const auto& [name, account] : config.accounts) {
    const Directories where = directories(account.source, account.options);
    claim(name, account.options.mount_point, "mount_point");
    claim(name, where.cache, "cache_dir");
    claim(name, where.state, "state_dir");
  }
  std::erase_if(config.accounts,
                [&](const auto& account) { return config.broken.contains(account.first); });
}

}  // namespace emlfs::app
