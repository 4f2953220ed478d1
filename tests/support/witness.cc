#include "support/witness.h"

#include <dirent.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <memory>
#include <system_error>

#include "emlfs/base/file.h"
#include "support/proof_mail.h"

namespace emlfs::test {
namespace {

constexpr size_t kMostComplaints = 20;
constexpr size_t kAlignment = 4096;
constexpr size_t kBuffer = 256 << 10;

struct CloseDirectory {
  void operator()(DIR* directory) const { ::closedir(directory); }
};

std::string nameOf(const std::string& path) {
  return path.substr(path.rfind('/') + 1);
}

}  // namespace

std::string errorText(int number) {
  return std::generic_category().message(number);
}

std::string text(const Figures& figures) {
  std::string errors;
  for (const auto& [number, count] : figures.errors)
    errors += fmt::format(" {}x {}", count, errorText(number));
  return fmt::format(
      "{} system calls, {} late, slowest {} ms; {} bodies compared ({} kB), {} wrong; errors:{}",
      figures.calls, figures.late, figures.slowest.count(), figures.bodies, figures.bytes >> 10,
      figures.wrong, errors.empty() ? " none" : errors);
}

int Witness::call(const char* what, const std::string& path, const std::function<long()>& body) {
  const auto began = Clock::now();
  const int error = body() < 0 ? errno : 0;
  const auto took = std::chrono::duration_cast<Milliseconds>(Clock::now() - began);
  bool late = false;
  {
    const MutexLock lock(mutex_);
    ++figures_.calls;
    if (error != 0) ++figures_.errors[error];
    figures_.slowest = std::max(figures_.slowest, took);
    late = took > limit_;
    if (late) ++figures_.late;
  }
  if (late) complain(fmt::format("{} of {} took {} ms", what, path, took.count()));
  return error;
}

void Witness::judge(const std::string& path, std::string_view bytes, size_t offset, bool whole) {
  const std::string wrong = wrongness(nameOf(path), bytes, offset, whole);
  {
    const MutexLock lock(mutex_);
    if (whole) ++figures_.bodies;
    figures_.bytes += bytes.size();
    if (!wrong.empty()) ++figures_.wrong;
  }
  if (!wrong.empty()) complain(path + ": " + wrong);
}

int Witness::list(const std::string& directory, std::vector<std::string>& names) {
  names.clear();
  DIR* opened = nullptr;
  int error = call("opendir", directory, [&] {
    opened = ::opendir(directory.c_str());
    return opened == nullptr ? -1 : 0;
  });
  if (error != 0) return error;
  const std::unique_ptr<DIR, CloseDirectory> stream(opened);
  for (bool more = true; more && error == 0;) {
    error = call("readdir", directory, [&] {
      errno = 0;
      const dirent* entry = ::readdir(opened);
      more = entry != nullptr;
      if (!more) return errno == 0 ? 0 : -1;
      const std::string name = entry->d_name;
      if (name != "." && name != "..") names.push_back(name);
      return 0;
    });
  }
  return error;
}

int Witness::stat(const std::string& path, struct stat& result) {
  return call("stat", path, [&] { return ::lstat(path.c_str(), &result); });
}

int Witness::create(const std::string& path) {
  Fd file;
  return call("create", path, [&] {
    file = Fd(::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600));
    return file.get();
  });
}

int Witness::read(const std::string& path, Through through) {
  struct stat told{};
  if (const int error = stat(path, told)) return error;
  Fd file;
  const int flags = O_RDONLY | O_CLOEXEC | (through == Through::direct ? O_DIRECT : 0);
  if (const int error = call("open", path, [&] {
        file = Fd(::open(path.c_str(), flags));
        return file.get();
      }))
    return error;
  const std::unique_ptr<char, decltype(&std::free)> buffer(
      static_cast<char*>(std::aligned_alloc(kAlignment, kBuffer)), &std::free);
  std::string bytes;
  for (ssize_t got = 1; got > 0;) {
    const int error =
        call("read", path, [&] { return got = ::read(file.get(), buffer.get(), kBuffer); });
    if (error != 0) {
      judge(path, bytes, 0, false);
      return error;
    }
    bytes.append(buffer.get(), static_cast<size_t>(got));
  }
  judge(path, bytes, 0, true);
  if (static_cast<size_t>(told.st_size) != bytes.size())
    complain(fmt::format("{}: stat said {} bytes, {} were read", path, told.st_size, bytes.size()));
  return 0;
}

int Witness::readAt(int file, const std::string& name, size_t offset, size_t size) {
  std::string bytes(size, '\0');
  size_t have = 0;
  int error = 0;
  // The kernel gives what it has cached before the first page that can't be read: fewer bytes than
  // asked for are an end only if nothing follows them.
  for (ssize_t got = 1; got > 0 && error == 0 && have < size;) {
    error = call("pread", name, [&] {
      return got =
                 ::pread(file, bytes.data() + have, size - have, static_cast<off_t>(offset + have));
    });
    if (error == 0) have += static_cast<size_t>(got);
  }
  bytes.resize(have);
  judge(name, bytes, offset, error == 0 && have < size);
  return error;
}

std::vector<int> Witness::readAll(const std::string& path) {
  std::vector<std::string> names;
  std::vector<int> errors;
  if (const int error = list(path, names)) errors.push_back(error);
  for (const auto& name : names) {
    const std::string below = path + "/" + name;
    struct stat found{};
    int error = stat(below, found);
    if (error == 0 && S_ISDIR(found.st_mode)) {
      const auto more = readAll(below);
      errors.insert(errors.end(), more.begin(), more.end());
    } else if (error == 0) {
      error = read(below);
    }
    if (error != 0) errors.push_back(error);
  }
  return errors;
}

void Witness::complain(const std::string& what) {
  const MutexLock lock(mutex_);
  if (figures_.complaints.size() < kMostComplaints) figures_.complaints.push_back(what);
}

Figures Witness::figures() const {
  const MutexLock lock(mutex_);
  return figures_;
}

}  // namespace emlfs::test
