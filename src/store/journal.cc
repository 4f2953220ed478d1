#include "emlfs/store/journal.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>

#include <cerrno>
#include <chrono>
#include <map>
#include <utility>

#include "emlfs/base/fail_point.h"
#include "emlfs/base/file.h"
#include "emlfs/base/log.h"
#include "emlfs/base/mutex.h"
#include "store/environment.h"
#include "store/journal_salvage.h"
#include "store/journal_tables.h"

namespace emlfs::store {
namespace {

constexpr size_t kMostRecordBytes = 256 * 1024;
constexpr size_t kMostNameBytes = 255;

// The disk has to be full before a commit, where nothing has happened yet, and not within: the room
// that a commit may take is taken from the disk ahead. Less is enough for those that add nothing:
// progress and removals still go when additions no longer do.
constexpr uint64_t kSpareBytes = 1 << 20;
constexpr uint64_t kLeastSpareBytes = 256 * 1024;
constexpr uint64_t kGrowBytes = 1 << 20;

// A batch as it goes to the disk.
struct Prepared {
  std::vector<std::string> add;
  std::vector<std::pair<uint64_t, std::string>> update;
  std::vector<uint64_t> remove;
  std::vector<std::string> remove_names;
  std::vector<std::pair<std::string, std::string>> put_names;
  uint64_t bytes = 0;

  bool adds() const { return !add.empty() || !put_names.empty(); }
  bool empty() const { return !adds() && update.empty() && remove.empty() && remove_names.empty(); }
};

[[noreturn]] void refuse(const char* what) {
  throw Error(Code::invalid, Scope::message, what);
}

std::string bounded(std::string record) {
  if (record.size() > kMostRecordBytes) refuse("a change is too large for the journal");
  return record;
}

std::string checkedKey(const NameKey& key) {
  if (key.uid == 0 && key.id == MessageId{}) refuse("a name for no message");
  return nameKey(key);
}

int64_t now() {
  const auto since = std::chrono::system_clock::now().time_since_epoch();
  return std::chrono::duration_cast<std::chrono::seconds>(since).count();
}

Prepared prepare(const Batch& batch) {
  Prepared out;
  for (Change change : batch.add) {
    change.acknowledged = now();
    out.add.push_back(bounded(encode(change)));
    out.bytes += out.add.back().size();
  }
  for (const Change& change : batch.update) {
    out.update.emplace_back(change.number, bounded(encode(change)));
    out.bytes += out.update.back().second.size();
  }
  out.remove = batch.remove;
  for (const NameKey& key : batch.remove_names) out.remove_names.push_back(checkedKey(key));
  for (const GivenName& name : batch.put_names) {
    if (name.name.empty() || name.name.size() > kMostNameBytes) refuse("not a file name");
    out.put_names.emplace_back(checkedKey(name.key), bounded(encode(name)));
    out.bytes += out.put_names.back().second.size();
  }
  return out;
}

class JournalImpl final : public Journal {
 public:
  JournalImpl(const std::string& path, std::string notice)
      : notice_(std::move(notice)),
        environment_(path, kJournalFlags, kJournalMapBytes),
        tables_(openJournalTables(environment_.get())),
        readers_(environment_.get()) {}

  ~JournalImpl() override {
    try {
      bool left = false;
      {
        MutexLock lock(mutex_);
        left = !notes_.empty() && !broken_;
      }
      if (left) JournalImpl::commit({});
    } catch (const std::exception& error) {
      log::warning("progress of the journal is lost, and will be found out again: {}",
                   error.what());
    }
  }

  std::vector<uint64_t> commit(const Batch& batch) override {
    const Prepared prepared = prepare(batch);
    Waiter me{.batch = &prepared};
    MutexLock lock(mutex_);
    if (prepared.empty() && notes_.empty()) return {};
    queue_.push_back(&me);
    while (!me.done && leading_) changed_.wait(lock);
    if (!me.done) {
      // Whoever comes first writes for all who have come meanwhile.
      leading_ = true;
      const std::vector<Waiter*> all = std::exchange(queue_, {});
      const Notes notes = notes_;
      std::optional<Error> failure = broken_;
      lock.unlock();
      std::optional<Error> broken;
      if (!failure) failure = write(all, notes, broken);
      lock.lock();
      if (broken) broken_ = broken;
      if (!failure) {
        for (const auto& [number, note] : notes) forget(number, note.turn);
        ++commits_;
        batches_ += all.size();
      }
      for (Waiter* waiter : all) {
        waiter->failure = failure;
        waiter->done = true;
      }
      leading_ = false;
      changed_.notify_all();
    }
    if (me.failure) throw Error(*me.failure);
    return std::move(me.numbers);
  }

  void note(const Change& change) override {
    bounded(encode(change));
    MutexLock lock(mutex_);
    notes_[change.number] = {change, ++turn_};
  }

  std::vector<Change> changes() const override {
    std::vector<Change> all;
    Notes notes;
    const auto txn = snapshot(notes);
    Cursor cursor(txn.get(), tables_.changes);
    for (bool more = cursor.seek(changeKey(0)); more; more = cursor.next()) {
      const uint64_t number = changeNumber(cursor.key());
      const auto note = notes.find(number);
      all.push_back(note != notes.end() ? note->second.change
                                        : decodeChange(number, recordOf(cursor.value())));
    }
    return all;
  }

  std::optional<Change> change(uint64_t number) const override {
    std::optional<Change> noted;
    {
      MutexLock lock(mutex_);
      if (const auto note = notes_.find(number); note != notes_.end()) noted = note->second.change;
    }
    const ReadTransaction txn(readers_);
    const auto value = get(txn.get(), tables_.changes, changeKey(number));
    if (!value) return std::nullopt;
    if (noted) return noted;
    return decodeChange(number, recordOf(*value));
  }

  std::optional<GivenName> name(const NameKey& key) const override {
    const ReadTransaction txn(readers_);
    const auto value = get(txn.get(), tables_.names, nameKey(key));
    if (!value) return std::nullopt;
    GivenName name = decodeGivenName(recordOf(*value));
    if (!sameMessage(name.key, key)) return std::nullopt;
    return name;
  }

  void eachName(const std::function<bool(const GivenName&)>& each) const override {
    const ReadTransaction txn(readers_);
    Cursor cursor(txn.get(), tables_.names);
    for (bool more = cursor.seek(std::string_view("\0", 1)); more; more = cursor.next())
      if (!each(decodeGivenName(recordOf(cursor.value())))) return;
  }

  std::string notice() const override { return notice_; }

  Stats stats() const override {
    Stats stats;
    {
      MutexLock lock(mutex_);
      stats.batches = batches_;
      stats.commits = commits_;
    }
    const ReadTransaction txn(readers_);
    stats.changes = count(txn.get(), tables_.changes);
    return stats;
  }

 private:
  struct Note {
    Change change;
    uint64_t turn = 0;
  };
  using Notes = std::map<uint64_t, Note>;

  struct Waiter {
    const Prepared* batch = nullptr;
    std::vector<uint64_t> numbers = {};
    std::optional<Error> failure = {};
    bool done = false;
  };

  // A state, with the notes that lie over it. Only here is the mutex held while a snapshot is
  // taken.
  ReadTransaction snapshot(Notes& notes) const EXCLUDES(mutex_) {
    MutexLock lock(mutex_);
    notes = notes_;
    return ReadTransaction(readers_);
  }

  void forget(uint64_t number, uint64_t turn) REQUIRES(mutex_) {
    const auto note = notes_.find(number);
    if (note != notes_.end() && note->second.turn == turn) notes_.erase(note);
  }

  // Returns why it failed. If that was on the way to the disk, `broken` is what to say from now on.
  std::optional<Error> write(const std::vector<Waiter*>& all, const Notes& notes,
                             std::optional<Error>& broken) {
    bool on_its_way = false;
    try {
      bool adds = false;
      uint64_t bytes = 0;
      for (const Waiter* waiter : all) {
        adds = adds || waiter->batch->adds();
        bytes += waiter->batch->bytes;
      }
      makeRoom((adds ? kSpareBytes : kLeastSpareBytes) + 4 * bytes);
      JournalUpdate update(environment_.get(), tables_);
      for (const auto& [number, note] : notes)
        if (update.has(number)) update.putChange(number, encode(note.change));
      for (Waiter* waiter : all) waiter->numbers = apply(*waiter->batch, update);
      update.writeState();
      on_its_way = true;
      failPoint("journal: before a commit");
      update.commit();
      failPoint("journal: committed");
      return std::nullopt;
    } catch (const Error& error) {
      if (!on_its_way) return error;
      broken.emplace(Code::system, Scope::account,
                     fmt::format("no more changes are taken before the next start, since the "
                                 "journal may not reach the disk: {}",
                                 error.what()));
      log::error("{}", broken->what());
      return broken;
    } catch (const std::exception& error) {
      return Error(Code::system, Scope::account, error.what());
    }
  }

  static std::vector<uint64_t> apply(const Prepared& batch, JournalUpdate& update) {
    std::vector<uint64_t> numbers;
    for (const std::string& record : batch.add) {
      numbers.push_back(update.takeNumber());
      update.putChange(numbers.back(), record);
    }
    for (const auto& [number, record] : batch.update)
      if (update.has(number)) update.putChange(number, record);
    for (const uint64_t number : batch.remove) update.removeChange(number);
    for (const std::string& key : batch.remove_names) update.removeName(key);
    for (const auto& [key, record] : batch.put_names) update.putName(key, record);
    return numbers;
  }

  // Takes from the disk what the file needs to have behind its last page.
  void makeRoom(uint64_t spare) {
    MDB_envinfo info;
    MDB_stat stat;
    int fd = -1;
    check(mdb_env_info(environment_.get(), &info), "looking at the journal");
    check(mdb_env_stat(environment_.get(), &stat), "looking at the journal");
    check(mdb_env_get_fd(environment_.get(), &fd), "looking at the journal");
    struct stat file{};
    if (::fstat(fd, &file) != 0) throw systemError("looking at the journal", errno);
    const auto size = static_cast<uint64_t>(file.st_size);
    const uint64_t need = (info.me_last_pgno + 1) * stat.ms_psize + spare;
    if (size >= need) return;
    const uint64_t grow = (need - size + kGrowBytes - 1) / kGrowBytes * kGrowBytes;
    if (::fallocate(fd, 0, file.st_size, static_cast<off_t>(grow)) == 0) return;
    // Where a file system can't, the commit itself may fail, and breaks the journal.
    if (errno != EOPNOTSUPP && errno != ENOSYS) throw systemError("growing the journal", errno);
  }

  const std::string notice_;
  Environment environment_;
  const JournalTables tables_;
  mutable Readers readers_;

  mutable Mutex mutex_;
  Condition changed_;
  std::vector<Waiter*> queue_ GUARDED_BY(mutex_);  // not yet taken by a leader
  bool leading_ GUARDED_BY(mutex_) = false;
  std::optional<Error> broken_ GUARDED_BY(mutex_);
  Notes notes_ GUARDED_BY(mutex_);
  uint64_t turn_ GUARDED_BY(mutex_) = 0;
  uint64_t batches_ GUARDED_BY(mutex_) = 0;
  uint64_t commits_ GUARDED_BY(mutex_) = 0;
};

}  // namespace

std::unique_ptr<Journal> Journal::open(const std::string& state_dir) {
  makePrivateDirectory(state_dir);
  const std::string path = state_dir + "/journal.mdb";
  std::string notice = mendJournal(state_dir, path);
  if (!notice.empty()) log::error("{}", notice);
  return std::make_unique<JournalImpl>(path, std::move(notice));
}

}  // namespace emlfs::store
