// The file of an LMDB environment, looked at without LMDB, which trusts every byte that it reads: a
// page number that is wrong makes it crash, hide entries, or free pages that are in use.
//
// What is checked: that both headers belong together; that every tree holds as many pages and
// entries as it says, in order, within its pages and below their separators; that each page is
// in use once or free, and in the file. Not: the bytes of values, which have checksums of their own
// (value.h), and the headers of overflow pages, which cost a read each (see soundPlace()).
//
// Needs the format of LMDB 0.9 on this machine: byte order and word size are the file's.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace emlfs::store {

struct Tree {
  uint16_t flags = 0;
  uint16_t depth = 0;
  uint64_t branch_pages = 0;
  uint64_t leaf_pages = 0;
  uint64_t overflow_pages = 0;
  uint64_t entries = 0;
  uint64_t root = 0;
};

// What a transaction committed.
struct Header {
  uint32_t page_bytes = 0;
  uint64_t transaction = 0;
  uint64_t last_page = 0;
  Tree free;
  Tree main;
};

// The newest one. Throws Error(damaged) if LMDB should not open the file.
Header readHeader(int fd, uint64_t map_bytes);

// Only while the header's pages can't be written anew: with a reading transaction of that number,
// or where nobody writes. Throws Error(damaged).
void checkPages(int fd, const Header& header);

// Both for a file that nobody has open; one that is missing or empty is sound.
void checkClosedFile(const std::string& path, uint64_t map_bytes);

// Where page 0 of a map lies in which `in_leaf` is a key or value of a checked leaf page.
const char* mapBegin(std::string_view in_leaf);

// Whether LMDB may free the pages that hold a value: it believes their header. `map` is the whole
// of it; a value outside was written by the same transaction.
bool soundPlace(std::string_view stored, std::string_view map);

}  // namespace emlfs::store
