#include "sync/namespaces.h"

#include "emlfs/base/bytes.h"

namespace emlfs::sync {
namespace {

constexpr std::string_view kKey = "namespaces";

Namespace::Kind kindOf(uint8_t value) {
  if (value == static_cast<uint8_t>(Namespace::Kind::personal)) return Namespace::Kind::personal;
  if (value == static_cast<uint8_t>(Namespace::Kind::shared)) return Namespace::Kind::shared;
  return Namespace::Kind::other_users;
}

}  // namespace

void putNamespaces(store::Update& update, const std::vector<Namespace>& namespaces) {
  std::string value;
  for (const auto& space : namespaces) {
    putU8(value, static_cast<uint8_t>(space.kind));
    putU8(value, static_cast<uint8_t>(space.delimiter));
    putString(value, space.prefix);
  }
  if (update.setting(kKey) != value) update.putSetting(kKey, value);
}

std::vector<Namespace> storedNamespaces(const store::Snapshot& snapshot) {
  std::vector<Namespace> namespaces;
  const auto value = snapshot.setting(kKey);
  if (!value) return namespaces;
  for (ByteReader in(*value); !in.done();) {
    Namespace space;
    space.kind = kindOf(in.u8());
    space.delimiter = static_cast<char>(in.u8());
    space.prefix = in.string();
    namespaces.push_back(std::move(space));
  }
  return namespaces;
}

char delimiterOf(const std::vector<Namespace>& namespaces, const std::string& wire) {
  const Namespace* of = nullptr;
  for (const auto& space : namespaces)
    if (wire.starts_with(space.prefix) &&
        (of == nullptr || space.prefix.size() > of->prefix.size()))
      of = &space;
  return of != nullptr ? of->delimiter : delimiterOf(namespaces, std::vector<ListEntry>());
}

char delimiterOf(const std::vector<Namespace>& namespaces, const std::vector<ListEntry>& list) {
  for (const auto& space : namespaces)
    if (space.kind == Namespace::Kind::personal && space.delimiter != 0) return space.delimiter;
  for (const auto& entry : list)
    if (entry.delimiter != 0) return entry.delimiter;
  return 0;
}

}  // namespace emlfs::sync
