#include "imap/transport.h"

#include <optional>

#include "imap/tcp.h"
#include "imap/tls.h"
#include "imap/tls_context.h"

namespace emlfs::imap {
namespace {

class NetworkTransport : public Transport {
 public:
  NetworkTransport(const Endpoint& endpoint, Traffic* traffic, const Event& interrupt,
                   Deadline deadline)
      : context_(endpoint),
        tcp_(endpoint.host, endpoint.port, endpoint.timeout, traffic, interrupt, deadline) {
    if (endpoint.security == Security::tls) startTls(deadline);
  }

  size_t read(std::span<char> into, Deadline deadline) override {
    return tls_ ? tls_->read(into, deadline) : tcp_.read(into, deadline);
  }

  bool readable(Deadline deadline, const Event& wake) override {
    return tls_ ? tls_->readable(deadline, wake) : tcp_.readable(deadline, wake);
  }

  void write(std::string_view bytes, Deadline deadline) override {
    return tls_ ? tls_->write(bytes, deadline) : tcp_.write(bytes, deadline);
  }

  void write(std::string_view bytes, Patience& patience) override {
    tls_ ? tls_->write(bytes, patience) : tcp_.write(bytes, patience.deadline(), &patience);
  }

  void drain(Patience& patience) override { tcp_.drain(patience); }

  void startTls(Deadline deadline) override { tls_.emplace(context_, tcp_, deadline); }

  bool secure() const override { return tls_.has_value(); }
  std::string tlsVersion() const override { return tls_ ? tls_->version() : ""; }

 private:
  TlsContext context_;  // made first: a bad ca_file is reported without the network
  TcpStream tcp_;
  std::optional<TlsStream> tls_;
};

}  // namespace

std::unique_ptr<Transport> Transport::connect(const Endpoint& endpoint, Traffic* traffic,
                                              Event& interrupt, Deadline deadline) {
  return std::make_unique<NetworkTransport>(endpoint, traffic, interrupt, deadline);
}

}  // namespace emlfs::imap
