// The one errno table. ARCHITECTURE.md says what each means to a user.
#pragma once

#include "emlfs/base/error.h"

namespace emlfs::fs {

int toErrno(const Error& error);

}  // namespace emlfs::fs
