#include "store/probe.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <cerrno>

#include "emlfs/base/error.h"
#include "emlfs/base/file.h"
#include "store/apart.h"
#include "store/pages.h"

namespace emlfs::store {
namespace {

constexpr unsigned kCpuSeconds = 60;

}  // namespace

void examinePages(Environment& environment, const std::string& path) {
  const Fd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!fd) throw systemError("opening " + path, errno);
  Readers readers(environment.get());
  constexpr int kTries = 100;
  for (int left = kTries; left > 0; --left) {
    ReadTransaction txn(readers);
    const Header header = readHeader(fd.get(), kCacheMapBytes);
    if (header.transaction != mdb_txn_id(txn.get())) continue;  // another has just committed
    return checkPages(fd.get(), header);
  }
  throw Error(Code::busy, Scope::account, path + " changes too fast to be looked at");
}

Checked examine(Environment& environment, const std::string& path) {
  examinePages(environment, path);
  auto tables = findTables(environment.get());
  if (!tables) return {};
  Readers readers(environment.get());
  return checkTables(ReadTransaction(readers).get(), *tables);
}

Environment openToRead(const std::string& path) {
  {
    const Fd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
    if (!fd) throw systemError("opening " + path, errno);
    readHeader(fd.get(), kCacheMapBytes);
  }
  return {path, kCacheFlags | MDB_RDONLY, kCacheMapBytes, Environment::OnDamage::only_throw};
}

std::string probe(const std::string& path) {
  struct stat file;
  if (::stat(path.c_str(), &file) != 0) {
    if (errno == ENOENT) return {};
    throw systemError("looking at " + path, errno);
  }
  if (file.st_size == 0) return {};
  const auto work = [&](const Say&) {
    Environment environment = openToRead(path);
    examine(environment, path);
  };
  return runApart(kCpuSeconds, work, [](std::string_view) {});
}

}  // namespace emlfs::store
