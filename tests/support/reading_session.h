// For fakes of Session that change nothing: whoever asks them to has a fault. Nothing happens on
// the server by itself.
#pragma once

#include <stdexcept>

#include "emlfs/imap/session.h"

namespace emlfs::test {

class ReadingSession : public imap::Session {
 public:
  imap::Selected select(std::string_view) override { fail(); }
  void unselect() override { fail(); }
  bool selectedForWriting() const override { return false; }
  std::optional<imap::CopiedUids> move(const UidSet&, std::string_view) override { fail(); }
  std::optional<imap::CopiedUids> copy(const UidSet&, std::string_view) override { fail(); }
  std::vector<FlagChange> store(const UidSet&, Change, const Flags&) override { fail(); }
  void expunge(const UidSet&) override { fail(); }
  std::optional<imap::AppendedUids> append(std::string_view,
                                           const std::vector<imap::NewMessage>&) override {
    fail();
  }
  std::vector<ListEntry> listBelow(std::string_view, char) override { fail(); }
  void create(std::string_view) override { fail(); }
  void remove(std::string_view) override { fail(); }
  void rename(std::string_view, std::string_view) override { fail(); }
  void subscribe(std::string_view) override { fail(); }
  void unsubscribe(std::string_view) override { fail(); }
  std::optional<std::string> myRights(std::string_view) override { fail(); }
  std::optional<imap::Quota> quota(std::string_view) override { fail(); }
  void fetchBodies(const std::vector<imap::WantedBodies>&, uint64_t,
                   const std::function<void(size_t, Uid, std::string&&)>&) override {}
  void noop() override {}
  imap::Push notify() override { return {}; }
  imap::Push listen(Milliseconds, bool) override { return {}; }
  void wake() noexcept override {}
  void interrupt() noexcept override {}

 private:
  [[noreturn]] static void fail() { throw std::logic_error("this session only reads"); }
};

}  // namespace emlfs::test
