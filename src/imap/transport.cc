#include "imap/transport.h"

#include <array>
#include <optional>

#include "imap/deflate.h"
#include "imap/tcp.h"
#include "imap/tls.h"
#include "imap/tls_context.h"

namespace emlfs::imap {
namespace {

class NetworkTransport : public Transport {
 public:
  NetworkTransport(const Endpoint& endpoint, Traffic* traffic, const Event& interrupt,
                   Deadline deadline, Throttle* throttle)
      : context_(endpoint),
        tcp_(endpoint.host, endpoint.port, endpoint.timeout, {traffic, throttle}, interrupt,
             deadline) {
    if (endpoint.security == Security::tls) startTls(deadline);
  }

  size_t read(std::span<char> into, Deadline deadline) override {
    if (!inflater_) return receive(into, deadline);
    while (!inflater_->ready()) inflateNext(deadline);
    return inflater_->give(into);
  }

  bool readable(Deadline deadline, const Event& wake) override {
    if (!inflater_) return receivable(deadline, wake);
    while (!inflater_->ready()) {
      if (!receivable(deadline, wake)) return false;
      inflateNext(deadline);
    }
    return true;
  }

  void write(std::string_view bytes, Deadline deadline) override {
    const std::string deflated = deflater_ ? deflater_->deflate(bytes) : "";
    if (deflater_) bytes = deflated;
    tls_ ? tls_->write(bytes, deadline) : tcp_.write(bytes, deadline);
  }

  void write(std::string_view bytes, Patience& patience) override {
    const std::string deflated = deflater_ ? deflater_->deflate(bytes) : "";
    if (deflater_) bytes = deflated;
    tls_ ? tls_->write(bytes, patience) : tcp_.write(bytes, patience.deadline(), &patience);
  }

  void drain(Patience& patience) override { tcp_.drain(patience); }

  Clock::duration takeHeldBack() override { return tcp_.takeHeldBack(); }

  void startTls(Deadline deadline) override { tls_.emplace(context_, tcp_, deadline); }

  void compress(std::string_view received) override {
    deflater_.emplace();
    inflater_.emplace().take(received);
  }

  bool secure() const override { return tls_.has_value(); }
  std::string tlsVersion() const override { return tls_ ? tls_->version() : ""; }

 private:
  size_t receive(std::span<char> into, Deadline deadline) {
    return tls_ ? tls_->read(into, deadline) : tcp_.read(into, deadline);
  }
  bool receivable(Deadline deadline, const Event& wake) {
    return tls_ ? tls_->readable(deadline, wake) : tcp_.readable(deadline, wake);
  }
  void inflateNext(Deadline deadline) {
    std::array<char, 16 << 10> buffer;
    inflater_->take({buffer.data(), receive(buffer, deadline)});
  }

  TlsContext context_;  // made first: a bad ca_file is reported without the network
  TcpStream tcp_;
  std::optional<TlsStream> tls_;
  std::optional<Inflater> inflater_;  // both or none
  std::optional<Deflater> deflater_;
};

}  // namespace

std::unique_ptr<Transport> Transport::connect(const Endpoint& endpoint, Traffic* traffic,
                                              Event& interrupt, Deadline deadline,
                                              Throttle* throttle) {
  return std::make_unique<NetworkTransport>(endpoint, traffic, interrupt, deadline, throttle);
}

}  // namespace emlfs::imap
