#include "sync/left_out.h"

#include <utility>

#include "emlfs/view/mailbox_patterns.h"
#include "sync/namespaces.h"
#include "sync/overlay.h"

namespace emlfs::sync {

std::string joined(const std::vector<std::string>& path) {
  std::string text;
  for (const auto& level : path) text += (text.empty() ? "" : "/") + level;
  return text;
}

std::vector<view::Directory> shownOf(std::vector<view::Directory> directories,
                                     std::span<const std::string> patterns,
                                     std::vector<view::Directory>& left_out) {
  if (patterns.empty()) return directories;
  std::set<std::vector<std::string>> shown;
  for (const auto& directory : directories) {
    if (!directory.entry || !view::isShown(patterns, joined(directory.path))) continue;
    for (auto path = directory.path; !path.empty(); path.pop_back()) shown.insert(path);
  }
  std::vector<view::Directory> there;
  for (auto& directory : directories) {
    const bool mailbox = directory.entry && directory.entry->selectable;
    if (mailbox && !view::isShown(patterns, joined(directory.path))) {
      left_out.push_back(directory);
      directory.entry.reset();
    }
    if (shown.count(directory.path) != 0) there.push_back(std::move(directory));
  }
  return there;
}

bool isLeftOut(const std::string& wire, const std::vector<Namespace>& namespaces,
               std::span<const std::string> patterns) {
  if (patterns.empty() || wire.empty()) return false;
  ListEntry entry;
  entry.wire = realName(wire);
  entry.delimiter = delimiterOf(namespaces, entry.wire);
  entry.selectable = true;
  return !view::isShown(patterns, joined(view::layout({entry}, namespaces, false).back().path));
}

std::set<std::string> leftOut(const std::vector<ListEntry>& list,
                              const std::vector<Namespace>& namespaces,
                              std::span<const std::string> patterns) {
  std::set<std::string> wires;
  if (patterns.empty()) return wires;
  std::vector<view::Directory> left_out;
  shownOf(view::layout(list, namespaces, false), patterns, left_out);
  for (const auto& directory : left_out) wires.insert(directory.entry->wire);
  return wires;
}

std::set<std::string> namedByChanges(const Pending* pending) {
  std::set<std::string> wires;
  if (pending == nullptr) return wires;
  for (const auto& change : pending->changes())
    wires.insert({change.source.mailbox, change.mailbox, change.other});
  return wires;
}

}  // namespace emlfs::sync
