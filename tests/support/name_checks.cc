#include "support/name_checks.h"

#include <fmt/format.h>
#include <gtest/gtest.h>
#include <utf8proc.h>

#include <cstdlib>
#include <memory>
#include <string>

#include "emlfs/view/names.h"

namespace emlfs::test {
namespace {

// Written down apart from the code under test: the categories, and utf8proc's own idea of
// Default_Ignorable_Code_Point.
bool allowed(utf8proc_int32_t c) {
  if (c < 0x80) {
    return std::string_view("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789+-.@_")
               .find(static_cast<char>(c)) != std::string_view::npos;
  }
  if (utf8proc_get_property(c)->ignorable || c == 0xFFFD) return false;
  const std::string_view category = utf8proc_category_string(c);
  if (category == "Sk") return c >= 0x1F3FB && c <= 0x1F3FF;
  return std::string_view("LMNS").find(category[0]) != std::string_view::npos;
}

bool isMark(utf8proc_int32_t c) {
  return *utf8proc_category_string(c) == 'M';
}

// Why `name` is none that may be given; empty if it may.
std::string objection(const std::string& name, Uid uid) {
  const std::string end = std::to_string(uid) + ".eml";
  if (name.size() > view::kNameMax) return "too long";
  if (name != end && !name.ends_with("." + end)) return "doesn't end in the UID";
  if (name.front() == '-' || name.front() == '.') return "begins with punctuation";

  const auto* bytes = reinterpret_cast<const utf8proc_uint8_t*>(name.c_str());
  for (size_t i = 0; i < name.size();) {
    utf8proc_int32_t c = -1;
    const auto length =
        utf8proc_iterate(bytes + i, static_cast<utf8proc_ssize_t>(name.size() - i), &c);
    if (length <= 0) return fmt::format("not UTF-8 at byte {}", i);
    if (!allowed(c)) return fmt::format("U+{:04X} is not allowed", c);
    if (i == 0 && isMark(c)) return "begins with a mark";
    i += static_cast<size_t>(length);
  }
  const std::unique_ptr<utf8proc_uint8_t, decltype(&std::free)> nfc(utf8proc_NFC(bytes),
                                                                    &std::free);
  return name == reinterpret_cast<const char*>(nfc.get()) ? "" : "not NFC";
}

}  // namespace

void checkMessageName(std::string_view name, Uid uid) {
  const std::string text(name);
  EXPECT_EQ(objection(text, uid), "") << text;
}

std::string nameOf(std::string_view block) {
  MessageMeta meta;
  meta.uid = 4211;
  meta.date = {.seconds = 1795219199, .zone_minutes = 0};
  meta.header = parseHeaderFields(block);
  std::string name = view::messageName(view::NameFormat(), meta);
  checkMessageName(name, meta.uid);
  return name;
}

}  // namespace emlfs::test
