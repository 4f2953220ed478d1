#include "emlfs/mail/message.h"

#include <fmt/format.h>
#include <strings.h>

#include <algorithm>
#include <array>
#include <chrono>

namespace emlfs {
namespace {

constexpr std::array kMonths{"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                             "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};

bool equal(std::string_view a, std::string_view b) {
  return a.size() == b.size() && ::strncasecmp(a.data(), b.data(), a.size()) == 0;
}

bool lessIgnoringCase(const std::string& a, const std::string& b) {
  const int order = ::strcasecmp(a.c_str(), b.c_str());
  return order != 0 ? order < 0 : a < b;
}

}  // namespace

std::string text(InternalDate date) {
  using std::chrono::days;
  using std::chrono::minutes;
  using std::chrono::seconds;
  const std::chrono::sys_seconds local{seconds(date.seconds) + minutes(date.zone_minutes)};
  const auto day = std::chrono::floor<days>(local);
  const std::chrono::year_month_day ymd(day);
  const std::chrono::hh_mm_ss time(local - day);
  const int zone = date.zone_minutes < 0 ? -date.zone_minutes : date.zone_minutes;
  return fmt::format("{:2}-{}-{:04} {:02}:{:02}:{:02} {}{:02}{:02}", unsigned{ymd.day()},
                     kMonths.at(unsigned{ymd.month()} - 1), int{ymd.year()}, time.hours().count(),
                     time.minutes().count(), time.seconds().count(),
                     date.zone_minutes < 0 ? '-' : '+', zone / 60, zone % 60);
}

Flags::Flags(std::vector<std::string> names) : names_(std::move(names)) {
  std::erase_if(names_,
                [](const std::string& name) { return name.empty() || equal(name, "\\Recent"); });
  std::sort(names_.begin(), names_.end(), lessIgnoringCase);
  const auto same = [](const std::string& a, const std::string& b) { return equal(a, b); };
  names_.erase(std::unique(names_.begin(), names_.end(), same), names_.end());
}

bool Flags::has(std::string_view name) const {
  return std::any_of(names_.begin(), names_.end(),
                     [&](const std::string& have) { return equal(have, name); });
}

std::string Flags::text() const {
  return fmt::format("{}", fmt::join(names_, " "));
}

Flags changed(const Flags& flags, const Flags& add, const Flags& remove) {
  std::vector<std::string> names = add.names();
  for (const auto& name : flags.names())
    if (!remove.has(name)) names.push_back(name);
  return Flags(std::move(names));
}

HeaderFields parseHeaderFields(std::string_view block) {
  constexpr size_t kValueMax = 8 * 1024;
  HeaderFields fields;
  const std::array<std::pair<std::string_view, std::string*>, 5> wanted{{
      {"date", &fields.date},
      {"from", &fields.from},
      {"sender", &fields.sender},
      {"subject", &fields.subject},
      {"message-id", &fields.message_id},
  }};
  std::array<bool, wanted.size()> seen{};

  while (!block.empty()) {
    // A field ends at the first line end that no blank follows (RFC 5322 section 2.2.3).
    size_t end = block.find('\n');
    while (end != std::string_view::npos && end + 1 < block.size() &&
           (block[end + 1] == ' ' || block[end + 1] == '\t'))
      end = block.find('\n', end + 1);
    const auto field = block.substr(0, end);
    block.remove_prefix(end == std::string_view::npos ? block.size() : end + 1);

    const size_t colon = field.find(':');
    if (colon == std::string_view::npos) continue;
    auto field_name = field.substr(0, colon);
    while (!field_name.empty() && (field_name.back() == ' ' || field_name.back() == '\t'))
      field_name.remove_suffix(1);  // obsolete syntax, RFC 5322 section 4.5
    for (size_t i = 0; i < wanted.size(); ++i) {
      if (seen.at(i) || !equal(field_name, wanted.at(i).first)) continue;
      seen.at(i) = true;
      auto value = field.substr(colon + 1);
      while (!value.empty() && (value.front() == ' ' || value.front() == '\t'))
        value.remove_prefix(1);
      while (!value.empty() &&
             (value.back() == '\r' || value.back() == ' ' || value.back() == '\t'))
        value.remove_suffix(1);
      *wanted.at(i).second = value.substr(0, kValueMax);
    }
  }
  return fields;
}

}  // namespace emlfs
