#include "imap/etpan.h"

#include <ctime>
#include <memory>
#include <new>

#include "imap/etpan_prototypes.h"
#include "imap/fetch_sieve.h"

namespace emlfs::imap {
namespace {

using Buffer = std::unique_ptr<MMAPString, decltype(&mmap_string_free)>;
using Response = std::unique_ptr<mailimap_response_data, decltype(&mailimap_response_data_free)>;

std::string flagName(const mailimap_flag& flag) {
  switch (flag.fl_type) {
    case MAILIMAP_FLAG_ANSWERED:
      return "\\Answered";
    case MAILIMAP_FLAG_FLAGGED:
      return "\\Flagged";
    case MAILIMAP_FLAG_DELETED:
      return "\\Deleted";
    case MAILIMAP_FLAG_SEEN:
      return "\\Seen";
    case MAILIMAP_FLAG_DRAFT:
      return "\\Draft";
    case MAILIMAP_FLAG_KEYWORD:
      return flag.fl_data.fl_keyword;
    default:
      return std::string("\\") + flag.fl_data.fl_extension;
  }
}

Flags flagsOf(const mailimap_msg_att_dynamic& dynamic) {
  std::vector<std::string> names;
  if (dynamic.att_list != nullptr) {
    for (clistiter* i = clist_begin(dynamic.att_list); i != nullptr; i = clist_next(i)) {
      const auto* fetched = static_cast<const mailimap_flag_fetch*>(clist_content(i));
      if (fetched->fl_type == MAILIMAP_FLAG_FETCH_OTHER) {
        names.push_back(flagName(*fetched->fl_flag));
      }
    }
  }
  return Flags(std::move(names));
}

// libetpan's zone is +hhmm as a decimal number. A date that the calendar doesn't have is absent.
std::optional<InternalDate> dateOf(const mailimap_date_time& date) {
  std::tm time{};
  time.tm_year = date.dt_year - 1900;
  time.tm_mon = date.dt_month - 1;
  time.tm_mday = date.dt_day;
  time.tm_hour = date.dt_hour;
  time.tm_min = date.dt_min;
  time.tm_sec = date.dt_sec;
  if (date.dt_day < 1 || date.dt_day > 31 || date.dt_hour > 23 || date.dt_min > 59 ||
      date.dt_sec > 60) {
    return std::nullopt;
  }
  const int zone = date.dt_zone / 100 * 60 + date.dt_zone % 100;
  return InternalDate{timegm(&time) - int64_t{zone} * 60, static_cast<int16_t>(zone)};
}

void readItem(const mailimap_msg_att_item& item, FetchData& into) {
  if (item.att_type == MAILIMAP_MSG_ATT_ITEM_DYNAMIC) {
    into.flags = flagsOf(*item.att_data.att_dyn);
  } else if (item.att_type == MAILIMAP_MSG_ATT_ITEM_STATIC) {
    const mailimap_msg_att_static& fixed = *item.att_data.att_static;
    if (fixed.att_type == MAILIMAP_MSG_ATT_UID) into.uid = fixed.att_data.att_uid;
    if (fixed.att_type == MAILIMAP_MSG_ATT_INTERNALDATE) {
      into.date = dateOf(*fixed.att_data.att_internal_date);
    }
  }
}

Response parse(const std::string& line) {
  const Buffer buffer(mmap_string_new_len(line.data(), line.size()), &mmap_string_free);
  if (!buffer) throw std::bad_alloc();
  mailimap_parser_context context{};
  size_t index = 0;
  mailimap_response_data* parsed = nullptr;
  const int result =
      mailimap_response_data_parse(nullptr, buffer.get(), &context, &index, &parsed, 0, nullptr);
  if (result == MAILIMAP_ERROR_MEMORY) throw std::bad_alloc();
  if (result != MAILIMAP_NO_ERROR) parsed = nullptr;
  return {parsed, &mailimap_response_data_free};
}

}  // namespace

std::optional<FetchData> parseFetch(RawResponse& response) {
  auto sieved = sieveFetch(response);
  if (!sieved) return std::nullopt;

  FetchData data;
  data.size = sieved->size;
  data.modseq = sieved->modseq;
  data.header = std::move(sieved->header);
  data.body = std::move(sieved->body);
  if (sieved->line.find("()") == sieved->line.size() - 4) return data;  // no item is left

  const Response parsed = parse(sieved->line);
  if (!parsed || parsed->rsp_type != MAILIMAP_RESP_DATA_TYPE_MESSAGE_DATA) return std::nullopt;
  const mailimap_message_data& message = *parsed->rsp_data.rsp_message_data;
  if (message.mdt_msg_att == nullptr) return std::nullopt;
  for (clistiter* i = clist_begin(message.mdt_msg_att->att_list); i != nullptr; i = clist_next(i)) {
    readItem(*static_cast<const mailimap_msg_att_item*>(clist_content(i)), data);
  }
  return data;
}

}  // namespace emlfs::imap
