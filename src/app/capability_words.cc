#include "app/capability_words.h"

#include <fmt/format.h>

namespace emlfs::app {
namespace {

constexpr CapabilityWords kWords[] = {
    {"QRESYNC", "what changed or was deleted since the last time comes in one answer",
     "deletions are found by listing the UIDs of a mailbox"},
    {"CONDSTORE", "only flags that changed are sent again",
     "all flags of a mailbox are read to find the changed ones"},
    {"UIDPLUS", "messages are removed for good one by one; the server tells where new ones are",
     "what is removed for good is only marked \\Deleted, until a mail program expunges the "
     "mailbox"},
    {"LIST-EXTENDED", "mailboxes, their use and their state come in fewer answers", "plain LIST"},
    {"LIST-STATUS", "the state of all mailboxes comes with their list",
     "one STATUS command for each mailbox"},
    {"SPECIAL-USE", "Sent, Trash, Drafts, Junk and Archive are known whatever they are called",
     "special mailboxes are not known"},
    {"NAMESPACE", "other users' and shared mailboxes are shown",
     "only one personal namespace is assumed"},
    {"ESEARCH", "lists of UIDs come as short ranges", "lists of UIDs come one by one"},
    {"NOTIFY", "one connection hears of changes in all mailboxes at once",
     "with IDLE each watched mailbox takes a connection; the others are asked about"},
    {"IDLE", "the mailboxes that are used are watched: their changes come at once",
     "without NOTIFY, all mailboxes are asked about from time to time (option poll)"},
    {"MOVE", "moved messages go in one command", "moved messages are copied and removed"},
    {"COMPRESS=DEFLATE",
     "text crosses the network at a third of its size, attachments at three quarters",
     "mail crosses the network as large as it is; with a near server that is faster"},
    {"SASL-IR", "logging in takes a round trip less", "logging in takes a round trip more"},
};

std::string place(const imap::Endpoint& endpoint) {
  const bool brackets = endpoint.host.find(':') != std::string::npos;
  return fmt::format("{}:{}", brackets ? "[" + endpoint.host + "]" : endpoint.host, endpoint.port);
}

std::string tlsAdvice(const imap::Endpoint& endpoint) {
  return fmt::format(
      "This prints the fingerprint of the certificate that answers there; before you trust it, "
      "compare it with\nwhat the operator of the server says:\n"
      "  openssl s_client -connect {}{} </dev/null 2>/dev/null | openssl x509 -noout -fingerprint "
      "-sha256",
      place(endpoint), endpoint.security == imap::Security::starttls ? " -starttls imap" : "");
}

std::string authAdvice(const Error& error, const imap::Endpoint& endpoint) {
  if (error.scope == Scope::connection)
    return "Run that command yourself: does it print what it should, on one line, and ask nothing?";
  switch (endpoint.authentication) {
    case imap::Authentication::password:
      return "Is the user name what the server expects (often the whole mail address)? Many "
             "providers want an\napp password here, and IMAP switched on in their settings; some "
             "take no password at all, but\na token: auth=oauth2.";
    case imap::Authentication::oauth2:
      return "Is the user name what the server expects (often the whole mail address), and the "
             "token for this\naccount, with a scope that lets it use IMAP?";
    case imap::Authentication::external:
      return "Does the server know the client certificate as this user's?";
  }
  return {};
}

}  // namespace

std::span<const CapabilityWords> capabilityWords() {
  return kWords;
}

std::string advice(const Error& error, const imap::Endpoint& endpoint) {
  switch (error.code) {
    case Code::network:
    case Code::timeout:
      return fmt::format(
          "Are the host's name and the port right, and does a firewall let {} through?\n"
          "Usual are imaps:// with port 993 and imap:// with port 143.",
          place(endpoint));
    case Code::tls:
      return tlsAdvice(endpoint);
    case Code::auth:
      return authAdvice(error, endpoint);
    case Code::protocol:
    case Code::limit:
      return fmt::format("Is it an IMAP server that answers at {}?", place(endpoint));
    default:
      return {};
  }
}

}  // namespace emlfs::app
