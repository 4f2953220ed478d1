#include "imap/deflate.h"

#include <zlib.h>

#include <algorithm>
#include <cstring>

#include "emlfs/base/error.h"

namespace emlfs::imap {
namespace {

constexpr int kRaw = -MAX_WBITS;  // neither header nor checksum
constexpr int kMemory = 8;        // zlib's own choice: 256 KiB a connection
constexpr size_t kPlain = 64 << 10;

// zlib doesn't write to its input, and says so only since 1.2.5.2 and with ZLIB_CONST.
Bytef* input(std::string_view bytes) {
  return reinterpret_cast<Bytef*>(const_cast<char*>(bytes.data()));
}

void require(int result, const char* what) {
  if (result != Z_OK) throw Error(Code::system, Scope::connection, what);
}

}  // namespace

void Inflater::End::operator()(z_stream_s* stream) const {
  ::inflateEnd(stream);
  delete stream;
}

Inflater::Inflater() : stream_(new z_stream_s{}), plain_(kPlain) {
  require(::inflateInit2(stream_.get(), kRaw), "zlib can't read what is compressed");
}

void Inflater::take(std::string_view bytes) {
  taken_.assign(bytes);
  stream_->next_in = input(taken_);
  stream_->avail_in = static_cast<uInt>(taken_.size());
}

bool Inflater::ready() {
  if (given_ < end_) return true;
  stream_->next_out = reinterpret_cast<Bytef*>(plain_.data());
  stream_->avail_out = static_cast<uInt>(plain_.size());
  const int result = ::inflate(stream_.get(), Z_SYNC_FLUSH);
  given_ = 0;
  end_ = plain_.size() - stream_->avail_out;
  if (end_ != 0 || result == Z_OK || result == Z_BUF_ERROR) return end_ != 0;
  throw Error(result == Z_STREAM_END ? Code::network : Code::protocol, Scope::connection,
              result == Z_STREAM_END
                  ? "the server ended the connection within its compression"
                  : "the server sent something that is not compressed as agreed");
}

size_t Inflater::give(std::span<char> into) {
  const size_t count = ready() ? std::min(into.size(), end_ - given_) : 0;
  if (count != 0) std::memcpy(into.data(), plain_.data() + given_, count);
  given_ += count;
  return count;
}

void Deflater::End::operator()(z_stream_s* stream) const {
  ::deflateEnd(stream);
  delete stream;
}

Deflater::Deflater() : stream_(new z_stream_s{}) {
  require(::deflateInit2(stream_.get(), Z_DEFAULT_COMPRESSION, Z_DEFLATED, kRaw, kMemory,
                         Z_DEFAULT_STRATEGY),
          "zlib can't compress");
}

std::string Deflater::deflate(std::string_view bytes) {
  std::string wire;
  if (bytes.empty()) return wire;
  stream_->next_in = input(bytes);
  stream_->avail_in = static_cast<uInt>(bytes.size());
  std::vector<char> room(::deflateBound(stream_.get(), static_cast<uLong>(bytes.size())) + 16);
  do {
    stream_->next_out = reinterpret_cast<Bytef*>(room.data());
    stream_->avail_out = static_cast<uInt>(room.size());
    const int result = ::deflate(stream_.get(), Z_SYNC_FLUSH);
    if (result != Z_BUF_ERROR) require(result, "zlib can't compress");
    wire.append(room.data(), room.size() - stream_->avail_out);
  } while (stream_->avail_out == 0);
  return wire;
}

}  // namespace emlfs::imap
