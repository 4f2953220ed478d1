#include "emlfs/view/layout.h"

#include <fmt/format.h>
#include <strings.h>

#include <algorithm>
#include <map>
#include <string_view>

#include "emlfs/view/names.h"

namespace emlfs::view {
namespace {

// A server may invent a name of a thousand levels; no path that deep can be opened anyway.
constexpr size_t kLevelsMax = 64;

bool isInbox(std::string_view level) {
  return level.size() == 5 && ::strncasecmp(level.data(), "INBOX", 5) == 0;
}

std::string_view withoutPersonalPrefix(std::string_view wire,
                                       const std::vector<Namespace>& namespaces) {
  const Namespace* home = nullptr;
  for (const auto& space : namespaces) {
    const bool longer = home == nullptr || space.prefix.size() > home->prefix.size();
    if (longer && wire.size() > space.prefix.size() && wire.starts_with(space.prefix))
      home = &space;
  }
  if (home != nullptr && home->kind == Namespace::Kind::personal)
    wire.remove_prefix(home->prefix.size());
  return wire;
}

std::vector<std::string> pathOf(const ListEntry& entry, const std::vector<Namespace>& namespaces,
                                bool utf8) {
  std::string_view rest = withoutPersonalPrefix(entry.wire, namespaces);
  if (entry.delimiter != 0 && rest.size() > 1 && rest.back() == entry.delimiter)
    rest.remove_suffix(1);  // how some servers write a level that holds only mailboxes
  std::vector<std::string> path;
  while (true) {
    const size_t end = entry.delimiter == 0 || path.size() + 1 == kLevelsMax
                           ? std::string_view::npos
                           : rest.find(entry.delimiter);
    const auto level = rest.substr(0, end);
    path.push_back(path.empty() && isInbox(level) ? "INBOX" : mailboxFileName(level, utf8));
    if (end == std::string_view::npos) return path;
    rest.remove_prefix(end + 1);
  }
}

// FNV-1a: only has to tell apart the few names that fall on one path.
std::string distinguish(const std::string& name, std::string_view wire) {
  uint32_t hash = 2166136261U;
  for (const char byte : wire) hash = (hash ^ static_cast<unsigned char>(byte)) * 16777619U;
  const auto suffix = fmt::format("~{:08x}", hash);
  size_t keep = std::min(name.size(), kNameMax - suffix.size());
  while (keep > 0 && keep < name.size() && (static_cast<unsigned char>(name[keep]) & 0xc0) == 0x80)
    --keep;
  return name.substr(0, keep) + suffix;
}

}  // namespace

std::vector<Directory> layout(const std::vector<ListEntry>& entries,
                              const std::vector<Namespace>& namespaces, bool utf8) {
  std::vector<ListEntry> sorted = entries;
  std::sort(sorted.begin(), sorted.end(),
            [](const ListEntry& a, const ListEntry& b) { return a.wire < b.wire; });

  // A map by path puts parents before their children.
  std::map<std::vector<std::string>, std::optional<ListEntry>> tree;
  for (auto& entry : sorted) {
    auto path = pathOf(entry, namespaces, utf8);
    const auto taken = tree.find(path);
    if (taken != tree.end() && taken->second) path.back() = distinguish(path.back(), entry.wire);
    for (auto above = path; above.size() > 1;) {
      above.pop_back();
      tree.try_emplace(above);
    }
    tree[path] = std::move(entry);
  }

  std::vector<Directory> directories;
  directories.reserve(tree.size());
  for (auto& [path, entry] : tree) directories.push_back({path, std::move(entry)});
  return directories;
}

}  // namespace emlfs::view
