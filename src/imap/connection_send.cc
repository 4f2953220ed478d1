// What a connection sends.
#include <fmt/format.h>
#include <algorithm>

#include <array>
#include <span>
#include <utility>

#include "emlfs/base/log.h"
#include "emlfs/imap/throttle.h"
#include "imap/connection.h"
#include "imap/text.h"

namespace emlfs::imap {

std::string Connection::newTag(std::string_view verb) {
  std::string tag = fmt::format("A{}", next_tag_++);
  if (traffic_ != nullptr) ++traffic_->commands;
  log::debug("imap {}: {} {}", number_, tag, verb);
  return tag;
}

void Connection::send(std::string bytes) {
  patience_.begin();
  write(std::move(bytes));
}

// Without a copy that isn't wiped: it may hold a password.
void Connection::write(std::string bytes) {
  const Secret secret(std::move(bytes));
  transport_->write(secret.reveal(), patience_);
}

// One write for what is short: a small packet after another would wait for an acknowledgement.
void Connection::sendPiece(const Command& command, size_t index, std::string_view tag,
                           std::string_view behind) {
  const std::string& text = command.pieces()[index];
  std::string bytes;
  bytes.reserve(tag.size() + text.size() + 64);
  if (index == 0) bytes.append(tag).append(" ");
  size_t at = 0;
  bool uploads = false;
  patience_.begin();
  for (const Command::Upload& upload : command.uploads()) {
    if (upload.piece != index) continue;
    bytes.append(text, at, upload.at - at);
    at = upload.at;
    sendUpload(upload, bytes);
    uploads = true;
  }
  bytes.append(text, at);
  if (index + 1 == command.pieces().size()) bytes.append("\r\n");
  bytes.append(behind);
  write(std::move(bytes));
  if (!uploads) return;
  transport_->drain(patience_);
  patience_.begin();  // to wait for the answer
}

// Sends what is in `bytes` and the upload, and leaves its end in `bytes`.
void Connection::sendUpload(const Command::Upload& upload, std::string& bytes) {
  constexpr size_t kPiece = 64 << 10;
  for (uint64_t offset = 0; offset < upload.size;) {
    if (bytes.size() >= kPiece) write(std::exchange(bytes, {}));
    const size_t before = bytes.size();
    bytes.resize(before + std::min<uint64_t>(upload.size - offset, kPiece));
    const std::span<char> room = std::span(bytes).subspan(before);
    size_t got = 0;
    try {
      got = upload.source(offset, room);
    } catch (const Error& error) {
      throw Error(error.code, Scope::connection, error.what(), error.server);
    }
    if (got == 0 || got > room.size()) {
      throw Error(Code::damaged, Scope::connection, "a message is shorter than its size");
    }
    bytes.resize(before + got);
    offset += got;
  }
}

// A connection that breaks while we write may have been closed with a reason.
void Connection::hearLastWords() {
  constexpr size_t kMost = 1 << 20;
  const Throttle::As as(Throttle::Manner::at_once);
  try {
    std::array<char, 16 << 10> buffer;
    for (size_t heard = 0; heard < kMost;) {
      const size_t got = transport_->read(buffer, Deadline::after(Milliseconds{0}));
      framer_.feed({buffer.data(), got});
      heard += got;
      while (auto response = nextResponse()) {
        const auto line = response->text.starts_with("* ")
                              ? parseStatusLine(std::string_view(response->text).substr(2))
                              : std::nullopt;
        if (line && line->status == Status::bye) return hungUp(*line);
      }
    }
  } catch (const Error& error) {
    if (!error.server.empty()) throw;
  }
}

}  // namespace emlfs::imap
