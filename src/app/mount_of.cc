#include "app/mount_of.h"

#include "app/live_status.h"
#include "app/mounts_in.h"
#include "app/printable.h"
#include "app/status_json.h"

namespace emlfs::app {
namespace {

constexpr Milliseconds kAnswerLimit{2'000};

}  // namespace

bool isMountOf(const std::string& mount_point, const Source& source) {
  const LiveStatus status = askMount(mount_point, kAnswerLimit);
  return status.answer == Answer::given &&
         text(parseStatus(status.json), "/source") == printable(source.text());
}

std::optional<std::string> mountWithCache(const std::string& cache_dir) {
  for (const std::string& path : allMounts()) {
    const LiveStatus status = askMount(path, kAnswerLimit);
    if (status.answer == Answer::given &&
        text(parseStatus(status.json), "/cache/directory") == printable(cache_dir))
      return path;
  }
  return std::nullopt;
}

}  // namespace emlfs::app
