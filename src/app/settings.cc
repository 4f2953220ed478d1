#include "app/settings.h"

#include <cstdio>

#include "app/config.h"
#include "app/paths.h"
#include "app/printable.h"

namespace emlfs::app {

Settings resolveSettings(const std::string& source, const std::vector<std::string>& option_texts) {
  const auto parsed = parseSource(source);
  const Config config = loadConfig(configFile());
  Settings settings;
  if (const auto* url = std::get_if<Source>(&parsed)) {
    settings.source = *url;
    settings.options = config.options;
  } else {
    settings.account = std::get<AccountName>(parsed).name;
    const AccountConfig& account = findAccount(config, settings.account);
    settings.source = account.source;
    settings.options = account.options;
  }
  for (const std::string& text : option_texts) applyOptions(settings.options, text);
  if (endpointOf(settings).security == imap::Security::plain)
    settings.notices.emplace_back(
        "plaintext: password and mail cross the network for anyone on the way to read");
  return settings;
}

imap::Endpoint endpointOf(const Settings& settings) {
  const Source& source = settings.source;
  const Options& options = settings.options;
  imap::Endpoint endpoint;
  endpoint.host = source.host;
  endpoint.port = source.port;
  endpoint.security = source.security;
  if (source.security == imap::Security::starttls && options.plaintext)
    endpoint.security = imap::Security::plain;
  endpoint.user = source.user;
  endpoint.ca_file = options.ca_file;
  endpoint.fingerprint = options.tls_fingerprint;
  endpoint.timeout = options.timeout;
  return endpoint;
}

void printNotices(const std::vector<std::string>& notices) {
  for (const std::string& notice : notices)
    ::fprintf(stderr, "emlfs: %s\n", printable(notice).c_str());
}

}  // namespace emlfs::app
