// A journal that does what another one does, for tests that change a part of it.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "emlfs/store/journal.h"

namespace emlfs::test {

class JournalAround : public store::Journal {
 public:
  explicit JournalAround(store::Journal& journal) : journal_(journal) {}
  std::vector<uint64_t> commit(const store::Batch& batch) override {
    return journal_.commit(batch);
  }
  void note(const store::Change& change) override { journal_.note(change); }
  std::vector<store::Change> changes() const override { return journal_.changes(); }
  std::optional<store::Change> change(uint64_t number) const override {
    return journal_.change(number);
  }
  std::optional<store::GivenName> name(const store::NameKey& key) const override {
    return journal_.name(key);
  }
  void eachName(const std::function<bool(const store::GivenName&)>& each) const override {
    journal_.eachName(each);
  }
  std::string notice() const override { return journal_.notice(); }
  Stats stats() const override { return journal_.stats(); }

 private:
  store::Journal& journal_;
};

}  // namespace emlfs::test
