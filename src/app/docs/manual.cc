// The tables of the manual pages.
#include <fmt/format.h>

#include "app/docs/pages.h"
#include "app/exit_code.h"
#include "app/options.h"

namespace emlfs::app::docs {
namespace {

// "\fB-f\fR, \fB--foreground\fR"
std::string names(const Flag& flag) {
  std::string text;
  for (const std::string& name : flag.names)
    text += fmt::format("{}\\fB{}\\fR", text.empty() ? "" : ", ", roff(name));
  if (!flag.value.empty()) text += fmt::format(" \\fI{}\\fR", roff(flag.value));
  return text;
}

std::string inSynopsis(const Flag& flag) {
  const std::string value = flag.value.empty() ? "" : fmt::format(" \\fI{}\\fR", roff(flag.value));
  return fmt::format("[\\fB{}\\fR{}]", roff(flag.names.front()), value);
}

std::string inSynopsis(const Word& word) {
  const std::string text = fmt::format("\\fI{}\\fR{}", roff(word.name), word.repeated ? "..." : "");
  return word.required ? text : "[" + text + "]";
}

std::string capitalised(std::string_view text) {
  std::string out(text);
  if (!out.empty() && out[0] >= 'a' && out[0] <= 'z')
    out[0] = static_cast<char>(out[0] - 'a' + 'A');
  return out;
}

}  // namespace

std::string roff(std::string_view text) {
  std::string out;
  if (text.starts_with('.') || text.starts_with('\'')) out += "\\&";
  for (const char c : text) {
    switch (c) {
      case '\\':
        out += "\\e";
        break;
      case '-':
        out += "\\-";
        break;
      case '~':
        out += "\\(ti";
        break;
      case '^':
        out += "\\(ha";
        break;
      case '`':
        out += "\\(ga";
        break;
      case '\'':
        out += "\\(aq";
        break;
      default:
        out += c;
    }
  }
  return out;
}

std::string manualSynopsis(const std::vector<Command>& commands) {
  std::string text;
  for (const Command& command : commands) {
    text += fmt::format("{}\\fBemlfs {}\\fR", text.empty() ? "" : ".br\n", roff(command.path));
    for (const Flag& flag : command.flags) text += " " + inSynopsis(flag);
    for (const Word& word : command.words) text += " " + inSynopsis(word);
    text += '\n';
  }
  return text;
}

std::string manualCommands(const std::vector<Command>& commands) {
  std::string text;
  for (const Command& command : commands) {
    text += fmt::format(".TP\n\\fBemlfs {}\\fR\n{}.\n", roff(command.path), roff(command.help));
    std::string details;
    for (const Word& word : command.words)
      details += fmt::format(".TP\n\\fI{}\\fR\n{}.\n", roff(word.name), roff(word.help));
    for (const Flag& flag : command.flags)
      details += fmt::format(".TP\n{}\n{}.\n", names(flag), roff(flag.help));
    if (!details.empty()) text += ".RS\n" + details + ".RE\n";
  }
  return text;
}

std::string manualOptions(const std::vector<OptionSpec>& options) {
  std::string text;
  for (const OptionSpec& spec : options) {
    text += fmt::format(
        ".TP\n\\fB{}\\fR{}\n{}.", roff(spec.name), roff(placeholder(spec.kind)),
        roff(spec.kind == Kind::choice ? std::string(spec.help) : capitalised(spec.help)));
    if (!spec.preset.empty()) text += fmt::format(" Default: {}.", roff(spec.preset));
    text += '\n';
    if (!spec.more.empty()) text += roff(spec.more) + '\n';
  }
  return text;
}

std::string manualExitCodes() {
  std::string text;
  for (const ExitCodeRow& row : exitCodeTable())
    text += fmt::format(".TP\n\\fB{}\\fR\n{}.\n", static_cast<int>(row.code),
                        roff(capitalised(row.meaning)));
  return text;
}

}  // namespace emlfs::app::docs
