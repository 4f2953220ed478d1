// NAMESPACE (RFC 2342). Without it: one personal namespace with an empty prefix.
#include "emlfs/base/log.h"
#include "imap/commands.h"

namespace emlfs::imap {

std::vector<Namespace> fetchNamespaces(Connection& connection) {
  std::vector<Namespace> fallback{Namespace{Namespace::Kind::personal, "", '\0'}};
  if (!connection.has("NAMESPACE")) return fallback;
  std::vector<Namespace> namespaces;
  const StatusLine status = connection.run(Command("NAMESPACE"), [&](Data&& data) {
    if (auto* answer = std::get_if<NamespaceData>(&data)) {
      namespaces = std::move(answer->namespaces);
    }
  });
  if (status.status == Status::ok && !namespaces.empty()) return namespaces;
  log::info("imap: no usable answer to NAMESPACE: {}", status.text);
  return fallback;
}

}  // namespace emlfs::imap
