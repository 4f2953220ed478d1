// emlfs check SOURCE: connects and says what is there, step by step.
#include <fmt/format.h>
#include <algorithm>
#include <csignal>
#include <cstdio>

#include "app/broken_accounts.h"
#include "app/capability_words.h"
#include "app/commands.h"
#include "app/config.h"
#include "app/exit_code.h"
#include "app/paths.h"
#include "app/printable.h"
#include "app/settings.h"
#include "app/sign_in.h"
#include "emlfs/base/log.h"
#include "emlfs/imap/session.h"
#include "emlfs/view/layout.h"
#include "emlfs/view/mailbox_patterns.h"

namespace emlfs::app {
namespace {

template <class... Args>
void say(fmt::format_string<Args...> format, Args&&... args) {
  fmt::print("{}\n", fmt::format(format, std::forward<Args>(args)...));
  ::fflush(stdout);
}

const char* securityWords(imap::Security security) {
  switch (security) {
    case imap::Security::tls:
      return "TLS from the first byte";
    case imap::Security::starttls:
      return "TLS by STARTTLS";
    case imap::Security::plain:
      return "not encrypted";
  }
  return "";
}

void sayCapabilities(const imap::Capabilities& capabilities) {
  say("capabilities");
  for (const CapabilityWords& words : capabilityWords())
    if (capabilities.has(words.name)) say("  + {:<14} {}", words.name, words.turns_on);
  for (const CapabilityWords& words : capabilityWords())
    if (!capabilities.has(words.name)) say("  - {:<14} not in use: {}", words.name, words.without);
}

const char* kindWords(Namespace::Kind kind) {
  switch (kind) {
    case Namespace::Kind::personal:
      return "personal";
    case Namespace::Kind::other_users:
      return "other users'";
    case Namespace::Kind::shared:
      return "shared";
  }
  return "";
}

void sayNamespaces(const std::vector<Namespace>& namespaces) {
  for (const auto& one : namespaces) {
    const std::string delimiter =
        one.delimiter == '\0' ? "no hierarchy" : fmt::format("delimiter '{}'", one.delimiter);
    say("namespace     {} \"{}\", {}", kindWords(one.kind), printable(one.prefix),
        printable(delimiter));
  }
}

// As a mount shows them.
std::vector<std::string> mailboxPaths(imap::Session& session,
                                      const std::vector<Namespace>& namespaces) {
  std::vector<std::string> paths;
  for (const auto& directory : view::layout(session.list(namespaces), namespaces, false))
    if (directory.entry && directory.entry->selectable)
      paths.push_back(fmt::format("{}", fmt::join(directory.path, "/")));
  return paths;
}

void sayMailboxes(const std::vector<std::string>& paths, const std::vector<std::string>& patterns) {
  const auto shown = std::ranges::count_if(
      paths, [&](const std::string& path) { return view::isShown(patterns, path); });
  say("mailboxes     {}{}", paths.size(),
      patterns.empty() ? "" : fmt::format(", of which the option mailboxes shows {}", shown));
  for (const std::string& pattern : patterns)
    if (std::ranges::none_of(paths,
                             [&](const std::string& path) { return view::fits(pattern, path); }))
      say("  option mailboxes: '{}' fits none of them", printable(pattern));
}

int checkOne(const std::string& source, const std::vector<std::string>& options) {
  const Settings settings = resolveSettings(source, options);
  printNotices(settings.notices);
  log::setLevel(settings.options.log_level);
  imap::Endpoint endpoint = endpointOf(settings);
  const SignIn sign_in = signIn(settings, endpoint);
  ::signal(SIGPIPE, SIG_IGN);

  imap::Traffic traffic;
  imap::SessionOptions session_options;
  session_options.endpoint = endpoint;
  session_options.secret = sign_in.secret;
  session_options.without = settings.options.without;
  session_options.traffic = &traffic;

  say("source        {}", printable(settings.source.text()));
  try {
    const auto session = imap::Session::open(session_options);
    const std::string tls = session->tlsVersion();
    say("connected     {} port {}, {}{}", endpoint.host, endpoint.port,
        securityWords(endpoint.security),
        tls.empty()
            ? ""
            : ", " + tls +
                  (endpoint.fingerprint.empty() ? ", certificate verified"
                                                : ", certificate has the fingerprint given"));
    say("greeting      {}", printable(session->greeting()));
    say("logged in     as {}", printable(endpoint.user));
    sayCapabilities(session->capabilities());
    const auto namespaces = session->namespaces();
    sayNamespaces(namespaces);
    sayMailboxes(mailboxPaths(*session, namespaces), settings.options.mailboxes);
    say("all is well: 'emlfs mount' will work");
  } catch (const Error& error) {
    ::fprintf(stderr, "emlfs: %s\n", errorLine(error).c_str());
    const std::string words = advice(error, endpoint);
    if (!words.empty()) ::fprintf(stderr, "%s\n", words.c_str());
    return static_cast<int>(exitCodeOf(error));
  }
  return static_cast<int>(ExitCode::ok);
}

// One after the other: each may ask for a password.
int checkAll(const std::vector<std::string>& options) {
  Config config = loadConfig(configFile());
  excludeOverlapping(config);
  int code = reportBroken(config);
  size_t well = 0;
  for (const auto& [name, account] : config.accounts) {
    say("account       {}", name);
    int one = 0;
    try {
      one = checkOne(name, options);
    } catch (const Error& error) {
      ::fprintf(stderr, "emlfs: %s\n", errorLine(error).c_str());
      one = static_cast<int>(exitCodeOf(error));
    }
    if (code == 0) code = one;
    well += one == 0 ? 1 : 0;
    say("");
  }
  if (code != 0)
    say("{} of {} accounts are well", well, config.accounts.size() + config.broken.size());
  return code;
}

}  // namespace

int checkCommand(const std::string& source, const std::vector<std::string>& options) {
  return source.empty() || source == kAllAccounts ? checkAll(options) : checkOne(source, options);
}

}  // namespace emlfs::app
