// ~/.netrc, as ftp(1) and curl read it.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "emlfs/base/secret.h"

namespace emlfs::app {

// The password of the first entry for `host` whose login is `user`, or that has no login; a
// default entry counts only with that login. Tokens may stand in double quotes with \ before what
// is meant as it is; '#' begins a comment; macdef runs to the next empty line.
std::optional<Secret> findInNetrc(std::string_view text, std::string_view host,
                                  std::string_view user);

}  // namespace emlfs::app
