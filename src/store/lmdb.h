// LMDB's return codes and byte ranges in our terms.
#pragma once

#include <lmdb.h>

#include <string>
#include <string_view>

namespace emlfs::store {

// Throws the Error for an LMDB return code or errno, `doing` being what was tried.
[[noreturn]] void fail(int code, const std::string& doing);

inline void check(int code, const char* doing) {
  if (code != MDB_SUCCESS) fail(code, doing);
}

inline std::string_view bytes(const MDB_val& value) {
  return {static_cast<const char*>(value.mv_data), value.mv_size};
}

// LMDB takes its input as non-const, and doesn't change it.
inline MDB_val value(std::string_view bytes) {
  return {bytes.size(), const_cast<char*>(bytes.data())};
}

}  // namespace emlfs::store
