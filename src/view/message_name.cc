// messageName and alternativeName.
#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <initializer_list>
#include <string>
#include <string_view>

#include "emlfs/view/names.h"
#include "view/address.h"
#include "view/component.h"
#include "view/header_text.h"
#include "view/name_format.h"
#include "view/text.h"

namespace emlfs::view {
namespace {

constexpr std::string_view kExtension = ".eml";
constexpr std::string_view kUid = "{uid}";
constexpr size_t kFromMax = 96;  // bytes, so that a long sender leaves room for the subject

struct Utc {
  std::chrono::year_month_day date;
  std::chrono::hh_mm_ss<std::chrono::seconds> time;
};

// Years that four digits can't say become the nearest that they can.
Utc utc(InternalDate date) {
  using namespace std::chrono;
  constexpr sys_days kFirst = year{0} / January / 1;
  constexpr sys_days kEnd = year{10000} / January / 1;
  const sys_seconds at{
      seconds{std::clamp<int64_t>(date.seconds, sys_seconds(kFirst).time_since_epoch().count(),
                                  sys_seconds(kEnd).time_since_epoch().count() - 1)}};
  const sys_days day = floor<days>(at);
  return {year_month_day(day), hh_mm_ss<seconds>(at - day)};
}

std::string dateText(InternalDate date) {
  const auto day = utc(date).date;
  return fmt::format("{:04}-{:02}-{:02}", static_cast<int>(day.year()),
                     static_cast<unsigned>(day.month()), static_cast<unsigned>(day.day()));
}

std::string timeText(InternalDate date) {
  const auto time = utc(date).time;
  return fmt::format("{:02}{:02}{:02}", time.hours().count(), time.minutes().count(),
                     time.seconds().count());
}

// The first that leaves something.
std::string firstComponent(std::initializer_list<std::string_view> texts) {
  for (const std::string_view text : texts) {
    std::string result = component(text);
    if (!result.empty()) return result;
  }
  return {};
}

std::string fromText(const HeaderFields& header) {
  const Sender from = firstSender(header.from);
  const Sender sender = firstSender(header.sender);
  const std::string text =
      firstComponent({from.name, from.address, sender.name, sender.address, "unknown"});
  return std::string(trim(cutClusters(text, kFromMax), "-."));
}

std::string value(Field field, const MessageMeta& meta) {
  switch (field) {
    case Field::date:
      return dateText(meta.date);
    case Field::time:
      return timeText(meta.date);
    case Field::from:
      return fromText(meta.header);
    case Field::subject:
      return firstComponent({decodeHeader(meta.header.subject), "no-subject"});
    case Field::uid:
      return fmt::to_string(meta.uid);
    case Field::message_id:
      return firstComponent({unfold(meta.header.message_id), "no-message-id"});
    case Field::literal:
      break;
  }
  return {};
}

// What stands before ".UID.eml": a pattern that says that itself says it for this place.
std::string_view stemPattern(std::string_view pattern) {
  if (pattern.ends_with(kExtension)) pattern.remove_suffix(kExtension.size());
  if (pattern.ends_with(kUid)) pattern.remove_suffix(kUid.size());
  return pattern;
}

// A name begins with none of these: options, hidden files, vim's +, response files.
std::string_view withoutLeadingPunctuation(std::string_view stem) {
  return stem.substr(std::min(stem.find_first_not_of("+-.@_"), stem.size()));
}

}  // namespace

std::string messageName(const NameFormat& format, const MessageMeta& meta) {
  std::string whole;
  for (const Piece& piece : pieces(stemPattern(format.pattern()))) {
    whole += piece.field == Field::literal ? std::string(piece.text) : value(piece.field, meta);
  }
  // Parts that are NFC need not be so together.
  whole = nfc(std::move(whole));

  const std::string end = fmt::format("{}{}", meta.uid, kExtension);
  std::string_view stem = withoutLeadingPunctuation(whole);
  stem = trim(cutClusters(stem, kNameMax - end.size() - 1), "-._");
  return stem.empty() ? end : fmt::format("{}.{}", stem, end);
}

std::string alternativeName(std::string_view name, unsigned n) {
  std::string_view stem = name;
  if (stem.ends_with(kExtension)) stem.remove_suffix(kExtension.size());
  const size_t dot = stem.rfind('.');
  // Without a dot there is only the UID.
  stem = dot == stem.npos ? std::string_view() : stem.substr(0, dot);
  const std::string_view uid = stem.empty() ? name : name.substr(stem.size() + 1);

  const std::string end = fmt::format("~{}.{}", n, uid);
  if (stem.empty()) stem = "message";
  return std::string(cutClusters(stem, kNameMax - end.size())) + end;
}

}  // namespace emlfs::view
