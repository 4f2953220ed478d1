#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace emlfs::imap {

// RFC 4648 section 4. The caller wipes the result if `bytes` is secret.
std::string encodeBase64(std::string_view bytes);
// Absent for what isn't exactly that, its padding included.
std::optional<std::string> decodeBase64(std::string_view text);

}  // namespace emlfs::imap
