// Line ends of spool files, and how a message begins.
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdio>

#include "emlfs/base/error.h"
#include "emlfs/base/fail_point.h"
#include "emlfs/store/spool.h"
#include "store/aside.h"

namespace emlfs::store {
namespace {

constexpr size_t kPiece = 128 * 1024;
constexpr size_t kLongestFieldName = 998;  // a line's, RFC 5322 section 2.1.1

// Calls `each` with the file piece by piece.
template <class Each>
void forPieces(int fd, Each each) {
  std::string piece(kPiece, '\0');
  for (uint64_t at = 0;;) {
    const size_t got = readAt(fd, piece, at);
    if (got > 0 && !each(std::string_view(piece).substr(0, got))) return;
    if (got < piece.size()) return;
    at += got;
  }
}

// `last` is the byte before the piece, and afterwards the last one of it.
bool hasBareLf(std::string_view piece, char& last) {
  for (size_t at = 0; (at = piece.find('\n', at)) != std::string_view::npos; ++at)
    if ((at == 0 ? last : piece[at - 1]) != '\r') return true;
  last = piece.back();
  return false;
}

std::string withCrlf(std::string_view piece, char& last) {
  std::string out;
  out.reserve(piece.size() + piece.size() / 32);
  for (const char byte : piece) {
    if (byte == '\n' && last != '\r') out += '\r';
    out += byte;
    last = byte;
  }
  return out;
}

// Writes the converted file to `fd` and gives its size.
uint64_t convert(int from, int to) {
  char last = 0;
  uint64_t size = 0;
  forPieces(from, [&](std::string_view piece) {
    const std::string out = withCrlf(piece, last);
    writeAt(to, out, size);
    size += out.size();
    return true;
  });
  return size;
}

}  // namespace

uint64_t Spool::convertLineEnds(const std::string& name) const {
  const auto from = read(name);
  if (!from) throw systemError("opening " + path(name), ENOENT);
  bool bare = false;
  char last = 0;
  forPieces(from->get(), [&](std::string_view piece) { return !(bare = hasBareLf(piece, last)); });
  if (!bare) return fileSize(from->get());

  removeFile(before(name));
  const std::string made = directory_ + "/." + name;
  Fd to(::open(made.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0600));
  if (!to) throw systemError("creating " + made, errno);
  try {
    const uint64_t size = convert(from->get(), to.get());
    struct stat file{};
    if (::fstat(from->get(), &file) != 0) throw systemError("looking at a new message", errno);
    const std::array times = {file.st_atim, file.st_mtim};
    if (::futimens(to.get(), times.data()) != 0) throw systemError("dating " + made, errno);
    if (::fchmod(to.get(), file.st_mode & 0777) != 0) throw systemError("marking " + made, errno);
    if (::fsync(to.get()) != 0) throw systemError("syncing " + made, errno);
    failPoint("spool: converted");
    if (::link(path(name).c_str(), before(name).c_str()) != 0)
      throw systemError("keeping " + path(name), errno);
    if (::rename(made.c_str(), path(name).c_str()) != 0) {
      const int failure = errno;
      endConversion(name);
      throw systemError("renaming " + made, failure);
    }
    failPoint("spool: conversion renamed");
    syncDirectory();
    return size;
  } catch (const Error&) {
    ::unlink(made.c_str());  // or the next start does
    undoConversion(name);
    throw;
  }
}

std::string Spool::before(const std::string& name) const {
  return directory_ + "/.before-" + name;
}

void Spool::undoConversion(const std::string& name) const {
  if (::rename(before(name).c_str(), path(name).c_str()) != 0 && errno != ENOENT)
    throw systemError("undoing the conversion of " + path(name), errno);
}

void Spool::endConversion(const std::string& name) const {
  ::unlink(before(name).c_str());  // or the next conversion, or start, does
}

Beginning canBeginMessage(std::string_view bytes) {
  const auto isName = [](char byte) { return byte > ' ' && byte < 0x7f && byte != ':'; };
  size_t at = 0;
  while (at < bytes.size() && isName(bytes[at])) ++at;
  if (at > kLongestFieldName || (at == 0 && !bytes.empty())) return Beginning::no;
  // Blanks before the colon are obsolete, and still read (section 4.5). An mbox's "From " has none.
  while (at < bytes.size() && (bytes[at] == ' ' || bytes[at] == '\t')) ++at;
  if (at > kLongestFieldName) return Beginning::no;
  if (at == bytes.size()) return Beginning::undecided;
  return bytes[at] == ':' ? Beginning::yes : Beginning::no;
}

}  // namespace emlfs::store
