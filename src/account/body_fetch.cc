// How a body comes from the server, which may be wrong about its length.
#include <algorithm>
#include <utility>

#include "account/body_reader.h"
#include "emlfs/base/log.h"

namespace emlfs {
namespace {

using store::kChunkBytes;

constexpr size_t kMostCrumbs = 4;
constexpr size_t kCrumb = 8 << 10;  // bytes
// How much longer than announced a message may be.
constexpr uint64_t kGrowthMax = 64 << 20;

}  // namespace

void BodyReader::run(imap::Session& session, const FetchPtr& fetch) {
  fetch->leaving = false;
  Place place = placeOf(*cache_.snapshot(), fetch->id);
  for (bool received = false; !received;) {
    try {
      imap::Next next;
      next.piece = firstPiece(*fetch, place.message);
      select(session, place.mailbox, next);
      receive(session, *fetch, place.message);
      received = true;
    } catch (const Error& error) {
      if (error.code != Code::stale) throw;
      // In this order: what is not leaving any more is where the store says.
      fetch->leaving = hooks_.leaving(fetch->id);
      Place now = placeOf(*cache_.snapshot(), fetch->id);
      if (now.mailbox.id == place.mailbox.id && now.message.uid == place.message.uid) {
        if (!fetch->leaving) hooks_.doubt(place.mailbox.id);
        throw;
      }
      place = std::move(now);
    }
  }
  finish(fetch, std::nullopt);
}

void BodyReader::select(imap::Session& session, const store::MailboxRecord& mailbox,
                        const imap::Next& next) {
  const auto replaced = [&] {
    const UidValidity validity = session.selectedValidity();
    return validity != 0 && validity != mailbox.state.uid_validity;
  };
  // One that was selected before it was replaced is the old one still.
  if (session.selected() != mailbox.wire || replaced()) session.examine(mailbox.wire, {}, next);
  if (replaced())
    throw Error(Code::stale, Scope::message, "the mailbox has been replaced on the server");
}

imap::Next::Piece BodyReader::firstPiece(const Fetch& fetch, const store::MessageRecord& message) {
  const uint64_t offset = uint64_t{fetch.first} * kChunkBytes;
  const uint32_t count = fetch.count * kChunkBytes;
  // One byte beyond what was announced shows whether the message ends there.
  return {message.uid, offset, offset + count == message.size ? count + 1 : count};
}

void BodyReader::receive(imap::Session& session, const Fetch& fetch,
                         const store::MessageRecord& message) {
  const auto first = firstPiece(fetch, message);
  const uint64_t offset = first.offset;
  uint64_t wanted = first.count;

  // Some servers give less than they are asked for. That the message ends there is believed if it
  // was announced so, or if they have nothing more when they are asked again.
  std::string bytes;
  bool at_end = false;
  for (size_t pieces = 0; !at_end; ++pieces) {
    // Each command alone may take its time; a server that gives crumbs would take for ever.
    if (pieces > kMostCrumbs + bytes.size() / kCrumb)
      throw Error(Code::timeout, Scope::message, "the server gives the message only in crumbs");
    if (bytes.size() >= wanted) {
      if (offset + bytes.size() <= message.size) break;
      // Beyond the announced end: on to the real one.
      if (bytes.size() > kGrowthMax + message.size)
        throw Error(Code::protocol, Scope::message, "the message has no end");
      wanted = bytes.size() + uint64_t{kWindowMax} * kChunkBytes;
    }
    auto piece = session.fetchBody(message.uid, offset + bytes.size(),
                                   static_cast<uint32_t>(wanted - bytes.size()));
    bytes.append(piece.bytes);
    at_end = piece.bytes.empty() || (piece.at_end && offset + bytes.size() == message.size);
  }
  uint64_t end = offset + bytes.size();
  if (at_end && bytes.empty()) end = findEnd(session, message.uid, fetch.first);

  // The real size is stored before a byte is given out: nobody may read up to the announced end and
  // take that for the whole.
  if (at_end && end != message.size) correctSize(fetch, message, end);
  publish(fetch, bytes, at_end);
}

uint64_t BodyReader::findEnd(imap::Session& session, Uid uid, uint32_t beyond) {
  uint32_t inside = 0;
  while (beyond - inside > 1) {
    const uint32_t middle = inside + (beyond - inside) / 2;
    const bool empty = session.fetchBody(uid, uint64_t{middle} * kChunkBytes, 1).bytes.empty();
    (empty ? beyond : inside) = middle;
  }
  uint64_t end = uint64_t{inside} * kChunkBytes;
  for (;;) {
    const auto piece = session.fetchBody(uid, end, kChunkBytes);
    if (piece.bytes.empty()) return end;
    end += piece.bytes.size();
  }
}

void BodyReader::publish(const Fetch& fetch, std::string_view bytes, bool at_end) {
  FetchedBody body;
  body.id = fetch.id;
  body.version = fetch.version;
  body.first_chunk = fetch.first;
  for (size_t at = 0; at < bytes.size(); at += kChunkBytes) {
    const auto part = bytes.substr(at, kChunkBytes);
    // Only the last chunk of a message may be short.
    if (part.size() == kChunkBytes || at_end)
      body.chunks.push_back(std::make_shared<const std::string>(part));
  }
  if (body.chunks.empty()) return;
  if (fetch.ahead) counters_.ahead_bytes += bytes.size();
  if (at_end) body.size = uint64_t{fetch.first} * kChunkBytes + bytes.size();
  {
    const MutexLock lock(mutex_);
    if (versionOf(fetch.id) != fetch.version) return;
    uint32_t index = fetch.first;
    for (const auto& chunk : body.chunks) recent_[{fetch.id, index++}] = chunk;
    if (!fetch.to_be_cached) keepForAWhile(body);
  }
  if (fetch.to_be_cached) writer_.put(std::move(body));
}

void BodyReader::correctSize(const Fetch& fetch, store::MessageRecord message, uint64_t real) {
  log::info("UID {}: {} bytes long, the server had said {}", message.uid, real, message.size);
  message.size = real;
  message.size_known = true;
  {
    const auto update = cache_.begin();
    auto stored = update->message(message.id);
    if (!stored || !isCurrent(fetch.id, fetch.version)) return;
    // Another fetch was on its way beyond the end as well, and was first.
    if (stored->size_known && stored->size == real) return;
    // Readers get an error until the kernel knows the real size. With one that is too small it
    // would cut the message; with one that is too large it fills up a short answer with zeros,
    // unless nothing else told it attributes meanwhile, and a seek from the end goes beyond it.
    {
      const MutexLock lock(mutex_);
      resized_[message.id] = real;
    }
    stored->size = real;
    stored->size_known = true;
    update->putMessage(*stored);
    update->commit();
  }
  hooks_.size_changed(message);
}

}  // namespace emlfs
