// The completions, asked of the shells themselves.
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <regex>
#include <sstream>

#include "app/options.h"
#include "support/paths.h"
#include "support/process.h"
#include "support/scratch_dir.h"

namespace emlfs::test {
namespace {

using testing::Contains;
using testing::IsEmpty;
using testing::Not;
using testing::UnorderedElementsAre;
using Words = std::vector<std::string>;

// As readline calls it: the words are split at ':' and '=', too.
const char* const kBash = R"(
source "$1"
compopt() { :; }  # it only works while a completion runs
COMP_WORDBREAKS=$' \t\n"\'><=;|&(:'
COMP_LINE=$2 COMP_POINT=${#2}
COMP_WORDS=("${@:3}")
COMP_CWORD=$((${#COMP_WORDS[@]} - 1))
_emlfs
((${#COMPREPLY[@]} == 0)) || printf '%s\n' "${COMPREPLY[@]}"
)";

// zsh completes only at a prompt: one in a terminal of its own is typed at, and what it would offer
// is caught where all of it passes, in compadd.
const char* const kZsh = R"(
zmodload zsh/zpty
zpty z zsh -f -i
zpty -w z "PROMPT= fpath=(${1:h} \$fpath); autoload -Uz compinit; compinit -u -D"
zpty -w z 'compadd() {
  local -a offered
  builtin compadd -A offered "$@" 2>/dev/null
  (( $#offered )) && printf "offer:%s\n" $offered
  builtin compadd "$@"
}
finish() { print -r -- all-offered; }
compprefuncs=() comppostfuncs=(finish)
bindkey "^I" complete-word
zstyle ":completion:*" menu no
zstyle ":completion:*" list-colors ""
LISTMAX=10000
print ready-to-"complete"'
zpty -r -m z all '*ready-to-complete*'
zpty -w -n z "$2"$'\t'
zpty -r -m z all '*all-offered*'
print -r -- "$all"
)";

class Completion : public testing::Test {
 protected:
  Completion() {
    std::filesystem::create_directory(directory_ / "emlfs");
    std::ofstream(directory_ / "emlfs/config.toml")
        << "[account.work]\nsource = \"imaps://a@mail.invalid\"\n"
           "[account.home]\nsource = \"imaps://b@mail.invalid\"\n";
  }
  ProcessResult in(std::vector<std::string> command) const {
    const std::string bin = std::filesystem::path(kProgram).parent_path();
    std::vector<std::string> all{"env", "XDG_CONFIG_HOME=" + directory_.path(),
                                 "HOME=" + directory_.path(),
                                 fmt::format("PATH={}:{}", bin, std::getenv("PATH"))};
    all.insert(all.end(), command.begin(), command.end());
    return run(all);
  }
  static Words lines(const std::string& text) {
    Words words;
    std::istringstream in(text);
    for (std::string line; std::getline(in, line);)
      words.push_back(line.substr(0, line.find('\t')));
    return words;
  }
  static std::string script(const char* name) { return std::string(kDocsDirectory) + "/" + name; }
  static Words splitByReadline(const std::string& line) {
    Words words;
    static const std::regex word("[:=]+|[^ :=]+");
    for (std::sregex_iterator found(line.begin(), line.end(), word), end; found != end; ++found)
      words.push_back(found->str());
    if (line.ends_with(' ')) words.emplace_back();
    return words;
  }
  Words bash(const std::string& line) const {
    std::vector<std::string> command{"bash", "-c", kBash, "bash", script("emlfs.bash"), line};
    for (auto& word : splitByReadline(line)) command.push_back(std::move(word));
    const auto result = in(command);
    EXPECT_EQ(result.errors, "") << line;
    return lines(result.output);
  }
  Words fish(const std::string& line) const {
    const auto result = in({"fish", "--no-config", "-c", "source $argv[1]; complete -C $argv[2]",
                            script("emlfs.fish"), line});
    EXPECT_EQ(result.errors, "") << line;
    return lines(result.output);
  }
  Words zsh(const std::string& line) const {
    const auto result = in({"zsh", "-f", "-c", kZsh, "zsh", script("_emlfs"), line});
    EXPECT_EQ(result.errors, "") << line;
    Words words;
    for (std::string word : lines(result.output)) {
      while (!word.empty() && word.back() == '\r') word.pop_back();
      if (const auto at = word.find("offer:"); at != word.npos)
        words.push_back(word.substr(at + 6));
    }
    return words;
  }
  const ScratchDir directory_;
};

TEST_F(Completion, InBash) {
  EXPECT_THAT(bash("emlfs un"), UnorderedElementsAre("undelete"));
  EXPECT_THAT(bash("emlfs "), Contains("mount"));
  EXPECT_THAT(bash("emlfs "), Not(Contains("complete")));
  EXPECT_THAT(bash("emlfs cache "), UnorderedElementsAre("info", "verify", "clear", "prune"));
  EXPECT_THAT(bash("emlfs mount "),
              UnorderedElementsAre("work", "home", "all", "imaps://", "imap://"));
  for (const char* command : {"umount", "status", "flush", "check"})
    EXPECT_THAT(bash(fmt::format("emlfs {} al", command)), Contains("all")) << command;
  EXPECT_THAT(bash("emlfs journal al"), Not(Contains("all")));
  EXPECT_THAT(bash("emlfs cache info al"), Not(Contains("all")));
  EXPECT_THAT(bash("emlfs mount imaps:"), UnorderedElementsAre("//"));
  EXPECT_THAT(bash("emlfs mount --f"), UnorderedElementsAre("--foreground"));
  EXPECT_THAT(bash("emlfs cache info w"), UnorderedElementsAre("work"));
  EXPECT_THAT(bash("emlfs journal /m "), UnorderedElementsAre("list", "retry", "drop", "export"));
}

TEST_F(Completion, OfOptionsInBash) {
  EXPECT_THAT(bash("emlfs mount -o de"), UnorderedElementsAre("delete="));
  EXPECT_THAT(bash("emlfs mount -o read_only,tok"),
              UnorderedElementsAre("read_only,token_command="));
  // What stands behind the last '=' is what readline replaces.
  EXPECT_THAT(bash("emlfs mount -o read_only,delete="),
              UnorderedElementsAre("flag", "trash", "expunge"));
  EXPECT_THAT(bash("emlfs mount -o auth=o"), UnorderedElementsAre("oauth2"));
  EXPECT_THAT(bash("emlfs mount -o sync=yes,delete=tr"), UnorderedElementsAre("trash"));
  std::ofstream(directory_ / "ca.pem") << "x";
  EXPECT_THAT(bash("emlfs mount -o ca_file=" + directory_.path() + "/ca"),
              UnorderedElementsAre(directory_ / "ca.pem"));
  // The option's value is not the source.
  EXPECT_THAT(bash("emlfs mount -o sync wo"), UnorderedElementsAre("work"));
  for (const auto& spec : app::commandLineOptions())
    EXPECT_THAT(bash(fmt::format("emlfs check -o {}", spec.name)), Not(IsEmpty())) << spec.name;
}

TEST_F(Completion, InFish) {
  EXPECT_THAT(fish("emlfs un"), UnorderedElementsAre("undelete"));
  EXPECT_THAT(fish("emlfs "), testing::AllOf(Contains("mount"), Not(Contains("complete"))));
  EXPECT_THAT(fish("emlfs cache "), UnorderedElementsAre("info", "verify", "clear", "prune"));
  EXPECT_THAT(fish("emlfs mount "),
              UnorderedElementsAre("work", "home", "all", "imaps://", "imap://"));
  EXPECT_THAT(fish("emlfs umount al"), Contains("all"));
  EXPECT_THAT(fish("emlfs journal al"), Not(Contains("all")));  // fish offers what holds it, too
  EXPECT_THAT(fish("emlfs mount --f"), UnorderedElementsAre("--foreground"));
  EXPECT_THAT(fish("emlfs cache info w"), UnorderedElementsAre("work"));
  EXPECT_THAT(fish("emlfs journal /m "), UnorderedElementsAre("list", "retry", "drop", "export"));
  EXPECT_THAT(fish("emlfs mount -o read_only,delete=t"),
              UnorderedElementsAre("read_only,delete=trash"));
  EXPECT_THAT(fish("emlfs mount -o sync wo"), UnorderedElementsAre("work"));
}

TEST_F(Completion, InZsh) {
  EXPECT_THAT(zsh("emlfs un"), Contains("undelete"));
  EXPECT_THAT(zsh("emlfs "), testing::AllOf(Contains("mount"), Not(Contains("complete"))));
  EXPECT_THAT(zsh("emlfs cache "), testing::IsSupersetOf({"info", "verify", "clear", "prune"}));
  EXPECT_THAT(zsh("emlfs mount "),
              testing::IsSupersetOf({"work", "home", "all", "imaps://", "imap://"}));
  EXPECT_THAT(zsh("emlfs umount al"), Contains("all"));
  EXPECT_THAT(zsh("emlfs mount --f"), Contains("--foreground"));
  EXPECT_THAT(zsh("emlfs cache info w"), Contains("work"));
  EXPECT_THAT(zsh("emlfs mount -o read_only,tok"), Contains("token_command"));
  EXPECT_THAT(zsh("emlfs mount -o read_only,delete=t"), Contains("trash"));
  EXPECT_THAT(zsh("emlfs mount -o sync wo"), Contains("work"));
}

// It is called in the middle of somebody's typing.
TEST_F(Completion, SaysNothingAboutABrokenConfigFile) {
  std::ofstream(directory_ / "emlfs/config.toml") << "[account.work\n";
  const auto result = in({kProgram, "complete", "accounts"});
  EXPECT_EQ(result.status, 0);
  EXPECT_EQ(result.output + result.errors, "");
  EXPECT_THAT(bash("emlfs check "), UnorderedElementsAre("all", "imaps://", "imap://"));
}

// Of the help's first words; what is offered is taken.
TEST_F(Completion, OffersEveryChoiceThatThereIs) {
  for (const auto& spec : app::optionTable()) {
    if (spec.kind != app::Kind::choice) continue;
    const auto offered = bash(fmt::format("emlfs mount -o {}=", spec.name));
    EXPECT_GE(offered.size(), 2U) << spec.name;
    for (const auto& value : offered) {
      app::Options options = app::Options::defaults();
      EXPECT_NO_THROW(app::setOption(options, spec.name, value)) << spec.name << '=' << value;
    }
  }
}

}  // namespace
}  // namespace emlfs::test
