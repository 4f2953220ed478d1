// The syntax of -o: name=value,name,...
#include <fmt/format.h>

#include "app/failure.h"
#include "app/options.h"

namespace emlfs::app {
namespace {

// Takes a value in double quotes off the front of `text`, up to the comma after it.
std::string takeQuoted(std::string_view name, std::string_view& text) {
  std::string value;
  text.remove_prefix(1);
  while (!text.empty() && text.front() != '"') {
    if (text.front() == '\\' && text.size() > 1 && (text[1] == '"' || text[1] == '\\'))
      text.remove_prefix(1);
    value += text.front();
    text.remove_prefix(1);
  }
  if (text.empty()) throw badInput(fmt::format("option {}: no quote ends the value", name));
  text.remove_prefix(1);
  if (!text.empty() && text.front() != ',')
    throw badInput(fmt::format("option {}: the quotes must hold the whole value", name));
  return value;
}

// Takes what stands before the next comma that no backslash precedes.
std::string takePlain(std::string_view& text) {
  std::string value;
  while (!text.empty() && text.front() != ',') {
    if (text.starts_with("\\,") || text.starts_with("\\\\")) text.remove_prefix(1);
    value += text.front();
    text.remove_prefix(1);
  }
  return value;
}

}  // namespace

std::vector<Assignment> splitOptions(std::string_view text) {
  std::vector<Assignment> result;
  while (!text.empty()) {
    Assignment one;
    const size_t end = text.find_first_of(",=");
    one.name = text.substr(0, end);
    text.remove_prefix(end == std::string_view::npos ? text.size() : end);
    if (text.starts_with('=')) {
      text.remove_prefix(1);
      one.value = text.starts_with('"') ? takeQuoted(one.name, text) : takePlain(text);
    }
    if (text.starts_with(',')) text.remove_prefix(1);
    if (!one.name.empty())
      result.push_back(std::move(one));
    else if (one.value)
      throw badInput(fmt::format("option without a name before '={}'", *one.value));
  }
  return result;
}

}  // namespace emlfs::app
