#include "app/mount_attribute.h"

#include <fmt/format.h>
#include <sys/xattr.h>

#include <array>
#include <cerrno>

#include "app/failure.h"

namespace emlfs::app {
namespace {

constexpr size_t kAttributeMax = size_t{64} * 1024;  // the kernel's XATTR_SIZE_MAX

Code codeOf(int error_number) {
  switch (error_number) {
    case ENETUNREACH:
      return Code::network;
    case ETIMEDOUT:
      return Code::timeout;
    case EACCES:
      return Code::denied;
    case EDQUOT:
      return Code::quota;
    case EEXIST:
      return Code::exists;
    case EFBIG:
      return Code::limit;
    case EINVAL:
      return Code::invalid;
    case EINTR:
      return Code::cancelled;
    case EIO:
    case EBUSY:
    case ESTALE:
      return Code::refused;
    case ENOTEMPTY:
      return Code::not_empty;
    default:
      return Code::system;
  }
}

}  // namespace

Error mountAnswer(const std::string& what, int error_number) {
  if (error_number == EOPNOTSUPP)
    return failure(
        Code::system,
        fmt::format("{}: the emlfs behind it is an older one; unmount and mount again", what));
  if (error_number == ENOTCONN || error_number == ECONNABORTED)
    return failure(Code::system, fmt::format("{}: the mount is gone", what));
  return failure(codeOf(error_number), systemError(what, error_number).what());
}

std::string readAttribute(const std::string& path, const std::string& name) {
  std::string value(kAttributeMax, '\0');
  const ssize_t size = ::getxattr(path.c_str(), name.c_str(), value.data(), value.size());
  if (size < 0) throw mountAnswer(path, errno);
  value.resize(static_cast<size_t>(size));
  return value;
}

void writeAttribute(const std::string& path, const std::string& name, const std::string& value) {
  if (::setxattr(path.c_str(), name.c_str(), value.data(), value.size(), 0) != 0)
    throw mountAnswer(path, errno);
}

Json readPages(const std::string& path, const std::string& name) {
  Json all = parseStatus(readAttribute(path, name));
  for (auto next = number(all, "/next"); next != 0;) {
    const Json page = parseStatus(readAttribute(path, fmt::format("{}:{}", name, next)));
    for (auto& [list, entries] : all.items())
      if (entries.is_array() && page.contains(list))
        for (const Json& entry : page[list]) entries.push_back(entry);
    const auto after = number(page, "/next");
    next = after > next ? after : 0;
  }
  all.erase("next");
  return all;
}

}  // namespace emlfs::app
