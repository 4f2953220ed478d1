#include "support/scripted_peer.h"

#include <fmt/format.h>
#include <openssl/err.h>
#include <poll.h>
#include <strings.h>
#include <sys/socket.h>

#include <cerrno>
#include <stdexcept>

namespace emlfs::test {
namespace {

constexpr Milliseconds kPatience{10'000};

Deadline patience() {
  return Deadline::after(kPatience);
}

[[noreturn]] void fail(const std::string& what) {
  throw std::runtime_error(what);
}

}  // namespace

std::shared_ptr<SSL_CTX> serverContext(const ServerTls& tls) {
  std::shared_ptr<SSL_CTX> context(SSL_CTX_new(TLS_server_method()), SSL_CTX_free);
  // Level 0, so that the server itself takes weak keys and old versions: the client is to refuse.
  SSL_CTX_set_security_level(context.get(), 0);
  if (tls.outdated) {
    SSL_CTX_set_min_proto_version(context.get(), TLS1_VERSION);
    SSL_CTX_set_max_proto_version(context.get(), TLS1_1_VERSION);
    SSL_CTX_set_cipher_list(context.get(), "ALL:@SECLEVEL=0");
  }
  if (SSL_CTX_use_certificate_chain_file(context.get(), tls.certificate.c_str()) != 1 ||
      SSL_CTX_use_PrivateKey_file(context.get(), tls.key.c_str(), SSL_FILETYPE_PEM) != 1) {
    fail("can't use " + tls.certificate);
  }
  return context;
}

void ScriptedPeer::wait(short events, Deadline deadline) {
  pollfd waited[] = {{socket_.get(), events, 0}, {setup_.stop, POLLIN, 0}};
  while (poll(waited, 2, deadline.pollTimeout()) < 0) {
    if (errno != EINTR) fail("poll failed");
  }
  if (waited[1].revents != 0) fail("the server was stopped");
  if (waited[0].revents == 0) fail("the client did nothing for ten seconds");
}

void ScriptedPeer::waitForTls(int result, Deadline deadline) {
  switch (SSL_get_error(ssl_.get(), result)) {
    case SSL_ERROR_WANT_READ:
      return wait(POLLIN, deadline);
    case SSL_ERROR_WANT_WRITE:
      return wait(POLLOUT, deadline);
    default: {
      const char* reason = ERR_reason_error_string(ERR_get_error());
      fail(fmt::format("TLS: {}", reason ? reason : "the client has gone"));
    }
  }
}

void ScriptedPeer::send(std::string_view bytes) {
  const Deadline deadline = patience();
  while (!bytes.empty()) {
    ERR_clear_error();
    if (ssl_) {
      const int sent = SSL_write(ssl_.get(), bytes.data(), static_cast<int>(bytes.size()));
      if (sent > 0) return;  // all of it: partial writes are not enabled
      waitForTls(sent, deadline);
      continue;
    }
    const ssize_t sent = ::send(socket_.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (sent > 0) {
      plain_bytes_ += static_cast<size_t>(sent);
      bytes.remove_prefix(static_cast<size_t>(sent));
    } else if (errno == EAGAIN) {
      wait(POLLOUT, deadline);
    } else if (errno != EINTR) {
      fail("the client has gone");
    }
  }
}

size_t ScriptedPeer::readSome(char* into, size_t count, Deadline deadline) {
  for (;;) {
    ERR_clear_error();
    if (ssl_) {
      const int got = SSL_read(ssl_.get(), into, static_cast<int>(count));
      if (got > 0) return static_cast<size_t>(got);
      const int error = SSL_get_error(ssl_.get(), got);
      if (error == SSL_ERROR_ZERO_RETURN || error == SSL_ERROR_SYSCALL) return 0;
      if (error == SSL_ERROR_SSL &&
          ERR_GET_REASON(ERR_peek_error()) == SSL_R_UNEXPECTED_EOF_WHILE_READING) {
        return 0;
      }
      waitForTls(got, deadline);
      continue;
    }
    const ssize_t got = recv(socket_.get(), into, count, 0);
    if (got >= 0) {
      plain_bytes_ += static_cast<size_t>(got);
      return static_cast<size_t>(got);
    }
    if (errno == EAGAIN) {
      wait(POLLIN, deadline);
    } else if (errno == ECONNRESET) {
      return 0;
    } else if (errno != EINTR) {
      fail("recv failed");
    }
  }
}

void ScriptedPeer::fill(Deadline deadline) {
  if (!socket_) fail("the script has closed the connection");
  char bytes[4096];
  const size_t got = readSome(bytes, sizeof bytes, deadline);
  if (got == 0) fail(fmt::format("the client has gone; unread: '{}'", buffer_));
  buffer_.append(bytes, got);
}

std::string ScriptedPeer::readLine() {
  const Deadline deadline = patience();
  size_t end = 0;
  while ((end = buffer_.find("\r\n")) == std::string::npos) fill(deadline);
  std::string line = buffer_.substr(0, end);
  buffer_.erase(0, end + 2);
  return line;
}

std::string ScriptedPeer::readBytes(size_t count) {
  const Deadline deadline = patience();
  while (buffer_.size() < count) fill(deadline);
  std::string bytes = buffer_.substr(0, count);
  buffer_.erase(0, count);
  return bytes;
}

std::string ScriptedPeer::expect(std::string_view command) {
  const std::string line = readLine();
  const size_t blank = line.find(' ');
  if (blank == std::string::npos || line.size() - blank - 1 < command.size() ||
      strncasecmp(line.c_str() + blank + 1, command.data(), command.size()) != 0) {
    fail(fmt::format("expected '{}', got '{}'", command, line));
  }
  return line.substr(0, blank);
}

void ScriptedPeer::startTls() {
  if (!setup_.context) fail("startTls on a server without certificate");
  if (!buffer_.empty()) fail("the client sent plaintext before TLS: " + buffer_);
  ssl_.reset(SSL_new(setup_.context));
  SSL_set_fd(ssl_.get(), socket_.get());
  const Deadline deadline = patience();
  for (int result = 0; (result = SSL_accept(ssl_.get())) != 1;) waitForTls(result, deadline);
  if (const char* name = SSL_get_servername(ssl_.get(), TLSEXT_NAMETYPE_host_name)) {
    server_name_ = name;
  }
}

uint64_t ScriptedPeer::wireBytes() const {
  if (!ssl_) return plain_bytes_;
  return plain_bytes_ + BIO_number_read(SSL_get_rbio(ssl_.get())) +
         BIO_number_written(SSL_get_wbio(ssl_.get()));
}

void ScriptedPeer::close() {
  socket_.reset();
}

void ScriptedPeer::finish() {
  if (!socket_) return;
  if (ssl_ && SSL_is_init_finished(ssl_.get())) SSL_shutdown(ssl_.get());
  socket_.reset();
}

void ScriptedPeer::waitForClose() {
  if (!socket_) return;
  struct Rest {
    const std::function<void(bool)>& tell;
    explicit Rest(const std::function<void(bool)>& told) : tell(told) { tell(true); }
    ~Rest() { tell(false); }
  } rest(setup_.resting);
  buffer_.clear();
  char dropped[4096];
  while (readSome(dropped, sizeof dropped, patience()) > 0) {
  }
}

}  // namespace emlfs::test
