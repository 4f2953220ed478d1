#include "store/aside.h"

#include <unistd.h>

#include <cerrno>
#include <cstdio>

#include "emlfs/base/error.h"
#include "store/environment.h"

namespace emlfs::store {

void removeFile(const std::string& path) {
  if (::unlink(path.c_str()) != 0 && errno != ENOENT) throw systemError("removing " + path, errno);
}

void putAside(const std::string& path) {
  std::string aside = path + ".damaged";
  if (::rename(path.c_str(), aside.c_str()) != 0 && errno != ENOENT)
    throw systemError("putting aside " + path, errno);
  removeFile(path + "-lock");
  removeFile(Environment::condemnedPath(path));
}

}  // namespace emlfs::store
