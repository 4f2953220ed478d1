// The work of `emlfs fetch`, on threads of its own, while another thread shows how far it is.
#pragma once

#include <atomic>
#include <cstdint>
#include <exception>
#include <functional>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "app/fetch_list.h"
#include "app/progress.h"
#include "emlfs/base/file.h"
#include "emlfs/base/mutex.h"

namespace emlfs::app {

class Drain;

enum class FetchPhase { listing, reading, confirming, done };

struct FetchState {
  FetchPhase phase = FetchPhase::listing;
  std::string directory;             // that is being listed
  uint64_t listed = 0;               // messages so far
  Progress progress;                 // of the reading; without pace
  uint64_t failed = 0;               // could not be read, or listed
  uint64_t vanished = 0;             // expunged meanwhile
  uint64_t not_kept = 0;             // read, and not whole in the cache for all that
  uint64_t cached_before = 0;        // messages that were whole already
  std::optional<int> ended_by;       // errno of the failures in a row that ended it
  std::vector<std::string> refused;  // why nothing is read, a line each
};

// Thread-safe.
class FetchRun {
 public:
  // What a person is told of, at once: a path and why.
  struct Failure {
    std::string path;
    int error = 0;
  };

  // Why not to read what was listed, a line each, given the bytes that belong to each path, cached
  // ones included. Empty: read.
  using Objections = std::function<std::vector<std::string>(const std::vector<uint64_t>& bytes)>;

  // Begins, with `threads` readers. `objections` is asked on another thread, once, if anything is
  // missing.
  FetchRun(std::vector<std::string> paths, unsigned threads, Objections objections);
  FetchRun(const FetchRun&) = delete;
  FetchRun& operator=(const FetchRun&) = delete;
  ~FetchRun();  // waits for the reads that are under way

  FetchState state() const;
  // The failures since the last call, at most kNamed in all.
  std::vector<Failure> takeFailures();
  // Signalled when a failure can be taken, and when all is done.
  int changed() const { return changed_.fd(); }
  // Waits for the end. Throws what ended the run, if it is nothing that a FetchState tells.
  void join();

  static constexpr size_t kNamed = 10;

 private:
  void run();
  void list();
  bool mayRead();
  void readAll();
  void readSome();
  void readOne(Drain& drain, size_t index);
  int readBytes(Drain& drain, const std::string& path, uint64_t cached, uint64_t missing);
  void confirm();
  void failed(const std::string& path, int error);
  void unreachable(int error);
  void enter(FetchPhase phase);

  const std::vector<std::string> paths_;
  const unsigned threads_;
  const Objections objections_;
  FetchList list_;             // written before the readers start
  std::vector<uint8_t> read_;  // by item, each by one reader
  std::atomic<size_t> next_{0};
  std::atomic<bool> stop_{false};
  std::atomic<uint64_t> found_{0};
  std::atomic<uint64_t> messages_{0};
  std::atomic<uint64_t> bytes_{0};
  std::atomic<unsigned> in_a_row_{0};  // failures of the server, without a success between them
  mutable Mutex mutex_;
  FetchState state_ GUARDED_BY(mutex_);
  std::vector<Failure> failures_ GUARDED_BY(mutex_);
  size_t named_ GUARDED_BY(mutex_) = 0;
  std::exception_ptr error_ GUARDED_BY(mutex_);
  Event changed_;
  std::thread thread_;
};

}  // namespace emlfs::app
