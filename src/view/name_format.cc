#include "view/name_format.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>

#include "emlfs/base/error.h"
#include "emlfs/view/names.h"
#include "view/component.h"
#include "view/text.h"

namespace emlfs::view {
namespace {

constexpr std::string_view kDefault = "{date}_{from}_{subject}.{uid}";

struct Placeholder {
  std::string_view name;
  Field field;
};

constexpr Placeholder kPlaceholders[] = {
    {"{date}", Field::date},       {"{time}", Field::time}, {"{from}", Field::from},
    {"{subject}", Field::subject}, {"{uid}", Field::uid},   {"{message_id}", Field::message_id},
};

[[noreturn]] void refuse(const std::string& why) {
  throw Error(Code::invalid, Scope::account, "name_format: " + why);
}

[[noreturn]] void refusePlaceholder(std::string_view name) {
  std::string known;
  for (const Placeholder& p : kPlaceholders) {
    if (!known.empty()) known += ", ";
    known += p.name;
  }
  refuse(fmt::format("unknown placeholder '{}'; known are {}", name, known));
}

void checkLiteral(std::string_view text) {
  while (!text.empty()) {
    const std::string_view before = text;
    const auto c = takeCodePoint(text);
    if (!c || !standsInName(*c)) {
      refuse(fmt::format("'{}' can't be part of a message name",
                         before.substr(0, before.size() - text.size())));
    }
  }
}

}  // namespace

std::vector<Piece> pieces(std::string_view pattern) {
  std::vector<Piece> result;
  while (!pattern.empty()) {
    if (pattern.front() != '{') {
      const std::string_view literal = pattern.substr(0, pattern.find('{'));
      checkLiteral(literal);
      result.push_back({Field::literal, literal});
      pattern.remove_prefix(literal.size());
      continue;
    }
    const std::string_view name =
        pattern.substr(0, std::min(pattern.find('}'), pattern.size() - 1) + 1);
    const auto known = std::find_if(std::begin(kPlaceholders), std::end(kPlaceholders),
                                    [&](const Placeholder& p) { return p.name == name; });
    if (known == std::end(kPlaceholders)) refusePlaceholder(name);
    result.push_back({known->field, {}});
    pattern.remove_prefix(name.size());
  }
  return result;
}

NameFormat::NameFormat() : NameFormat(kDefault) {}

NameFormat::NameFormat(std::string_view pattern) : pattern_(pattern.empty() ? kDefault : pattern) {
  const auto parts = pieces(pattern_);
  needs_headers_ = std::any_of(parts.begin(), parts.end(), [](const Piece& p) {
    return p.field == Field::from || p.field == Field::subject || p.field == Field::message_id;
  });
}

}  // namespace emlfs::view
