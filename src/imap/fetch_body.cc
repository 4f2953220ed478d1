// UID FETCH of a part of a body (RFC 9051 section 6.4.5). A server that ignores the part (Exchange)
// sends the message from its first byte and doesn't name an origin; that some name none and still
// send the part makes the short answers ambiguous, and then the whole message is asked for.
#include <fmt/format.h>

#include <algorithm>

#include "imap/commands.h"

namespace emlfs::imap {
namespace {

constexpr uint32_t kMaxPiece = 16 << 20;

using Request = Next::Piece;

std::string what(const Request& request, bool partial) {
  return partial ? fmt::format("{} (UID BODY.PEEK[]<{}.{}>)", request.uid, request.offset,
                               request.count)
                 : fmt::format("{} (UID BODY.PEEK[])", request.uid);
}

// Gives the body as it came, or nothing.
std::optional<Body> ask(Connection& connection, const Request& request, bool partial) {
  Command command("UID FETCH");
  command.syntax(what(request, partial));
  connection.setWindow({request.offset, request.count});
  std::optional<Body> body;
  bool unreadable = false;
  const StatusLine status = connection.run(
      command,
      [&](Data&& data) {
        if (auto* fetch = std::get_if<FetchData>(&data)) {
          if (!fetch->body) return;
          if (fetch->uid == request.uid && !body)
            body = std::move(fetch->body);
          else
            connection.waste();
        } else if (const auto* other = std::get_if<UnreadableData>(&data)) {
          unreadable |= other->kind == "FETCH";
        }
      },
      1);
  connection.setWindow({});
  if (status.status == Status::no) {
    throw Error(Code::refused, Scope::message,
                fmt::format("the server doesn't give the message: {}", status.text), status.text);
  }
  check(status, "can't read the message");
  if (unreadable && !body) {
    throw Error(Code::protocol, Scope::message,
                "the server's answer with the message can't be read");
  }
  return body;
}

[[noreturn]] void noData() {
  throw Error(Code::stale, Scope::message,
              "the server gave no data for the message; it may be gone");
}

// The part offset.count of a message that came from its first byte. A literal went through the
// window on its way in, a quoted string is all there.
BodyPiece cutWhole(Body&& body, const Request& request) {
  BodyPiece piece;
  if (body.windowed) {
    piece.bytes = std::move(body.bytes);
  } else if (request.offset < body.bytes.size()) {
    piece.bytes = body.bytes.substr(request.offset, request.count);
  }
  piece.at_end = body.length <= request.offset + piece.bytes.size();
  return piece;
}

// The same for a server that named the origin, or began where it was asked to.
BodyPiece cutPart(Body&& body, const Request& request) {
  BodyPiece piece;
  piece.bytes = std::move(body.bytes);
  if (piece.bytes.size() > request.count) piece.bytes.resize(request.count);
  piece.at_end = body.length < request.count;
  return piece;
}

}  // namespace

std::vector<Foretold> nextPiece(const Next::Piece& piece) {
  return foretell(Command("UID FETCH").syntax(what(piece, true)), 1);
}

BodyPiece fetchBodyPiece(Connection& connection, Uid uid, uint64_t offset, uint32_t count) {
  if (connection.selected.wire.empty() || uid == 0 || count == 0 || count > kMaxPiece) {
    throw Error(Code::invalid, Scope::message, "no such part of a message can be asked for");
  }
  const Request request{uid, offset, count};
  auto body = ask(connection, request, true);
  if (!body) noData();
  if (body->origin && *body->origin != offset) {
    throw Error(Code::protocol, Scope::message, "the server sent another part of the message");
  }
  // No message is empty (RFC 5322): some servers say OK and send nothing when they fail.
  if (offset == 0 && body->length == 0) noData();
  if (body->nil) return {{}, true};

  if (body->origin) return cutPart(std::move(*body), request);
  if (offset == 0) {
    BodyPiece piece = cutWhole(std::move(*body), request);
    // `count` bytes may be all of the message or the part: the next request will tell.
    piece.at_end = piece.at_end && piece.bytes.size() < count;
    return piece;
  }
  if (body->length > count) return cutWhole(std::move(*body), request);

  body = ask(connection, request, false);
  if (!body || body->length == 0) noData();
  if (body->origin) {
    throw Error(Code::protocol, Scope::message, "the server sent another part of the message");
  }
  return cutWhole(std::move(*body), request);
}

}  // namespace emlfs::imap
