// What COMPRESS=DEFLATE (RFC 4978) makes of the bytes of one connection: a raw deflate stream
// (RFC 1951) in each direction, which lasts as long as the connection. Owned by one thread.
#pragma once

#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

struct z_stream_s;

namespace emlfs::imap {

class Inflater {
 public:
  Inflater();

  // From the wire, cut anywhere. Once ready() is false, and not before.
  void take(std::string_view bytes);
  // give() has something. Throws Error(protocol, connection) for what is no deflate stream.
  bool ready();
  size_t give(std::span<char> into);  // 0 if it has nothing

 private:
  struct End {
    void operator()(z_stream_s* stream) const;
  };

  std::unique_ptr<z_stream_s, End> stream_;
  std::string taken_;
  std::vector<char> plain_;
  size_t given_ = 0;  // of plain_
  size_t end_ = 0;    // of what is in plain_
};

class Deflater {
 public:
  Deflater();

  // For the wire: all of it, so that the server can read it to its end.
  std::string deflate(std::string_view bytes);

 private:
  struct End {
    void operator()(z_stream_s* stream) const;
  };

  std::unique_ptr<z_stream_s, End> stream_;
};

}  // namespace emlfs::imap
