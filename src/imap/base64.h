#pragma once

#include <string>
#include <string_view>

namespace emlfs::imap {

// RFC 4648 section 4. The caller wipes the result if `bytes` is secret.
std::string encodeBase64(std::string_view bytes);

}  // namespace emlfs::imap
