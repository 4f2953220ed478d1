// NAMESPACE (RFC 2342), with the LIST behind it that comes next.
#include "emlfs/base/log.h"
#include "imap/commands.h"

namespace emlfs::imap {

std::vector<Namespace> fetchNamespaces(Connection& connection) {
  if (!connection.has("NAMESPACE")) return {};
  std::vector<Namespace> namespaces;
  const StatusLine status = connection.run(
      Command("NAMESPACE"),
      [&](Data&& data) {
        if (auto* answer = std::get_if<NamespaceData>(&data)) {
          namespaces = std::move(answer->namespaces);
        }
      },
      0, nextList(connection));
  if (status.status == Status::ok && !namespaces.empty()) return namespaces;
  log::info("imap: no usable answer to NAMESPACE: {}", status.text);
  return {};
}

}  // namespace emlfs::imap
