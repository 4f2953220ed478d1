#include "account/quota.h"

#include <fmt/format.h>

#include <sstream>

#include "emlfs/base/error.h"
#include "emlfs/base/log.h"

namespace emlfs {
namespace {

constexpr const char* kSetting = "quota";
constexpr Milliseconds kInterval{10 * 60'000};
constexpr Milliseconds kAfterChanges{30'000};

std::string text(const std::optional<imap::Usage>& usage) {
  return usage ? fmt::format("{} {}", usage->used, usage->limit) : "0 0";
}

std::optional<imap::Usage> usage(uint64_t used, uint64_t limit) {
  return limit == 0 ? std::nullopt : std::optional(imap::Usage{used, limit});
}

}  // namespace

std::string quotaSetting(const std::optional<imap::Quota>& quota) {
  if (!quota) return "0 0 0 0";
  return text(quota->storage) + " " + text(quota->messages);
}

std::optional<imap::Quota> parseQuotaSetting(std::string_view setting) {
  uint64_t storage_used = 0;
  uint64_t storage_limit = 0;
  uint64_t messages_used = 0;
  uint64_t messages_limit = 0;
  std::istringstream words{std::string(setting)};
  if (!(words >> storage_used >> storage_limit >> messages_used >> messages_limit))
    return std::nullopt;
  if (storage_limit == 0 && messages_limit == 0) return std::nullopt;
  return imap::Quota{usage(storage_used, storage_limit), usage(messages_used, messages_limit)};
}

std::optional<imap::Quota> QuotaKeeper::known() const {
  const auto setting = cache_.snapshot()->setting(kSetting);
  return setting ? parseQuotaSetting(*setting) : std::nullopt;
}

void QuotaKeeper::changed() {
  const MutexLock lock(mutex_);
  changed_ = true;
}

void QuotaKeeper::refresh(imap::Session& session) {
  {
    const MutexLock lock(mutex_);
    const auto now = Clock::now();
    if (asked_ && now - *asked_ < (changed_ ? kAfterChanges : kInterval)) return;
    asked_ = now;
    changed_ = false;
  }
  std::string setting;
  try {
    setting = quotaSetting(session.quota("INBOX"));
  } catch (const Error& error) {
    if (error.scope != Scope::mailbox && error.scope != Scope::message) throw;
    log::debug("the server tells no quota: {}", error.what());
    return;
  }
  if (cache_.snapshot()->setting(kSetting) == setting) return;
  const auto update = cache_.begin();
  update->putSetting(kSetting, setting);
  update->commit();
}

}  // namespace emlfs
