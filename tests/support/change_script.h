// A session with a mount in which everything is done that can be done to mail with files, and what
// has to be on the server after it, or after any part of it.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "support/imap_server.h"
#include "support/person.h"
#include "support/proof_mail.h"
#include "support/world.h"

namespace emlfs::test {

enum class DeletePolicy { flag, trash, expunge };
std::string nameOf(DeletePolicy policy);  // as the option `delete` takes it

struct Step {
  // When the person may rely on it: as the call returns, or after the next flush.
  enum class Promise { at_once, by_flush, is_flush };

  std::string what;
  std::function<void(const Person&)> act;
  std::function<void(World&)> effect;
  Promise promise = Promise::at_once;
  std::string writes = {};   // the message that is new
  std::string removes = {};  // the one that rm takes
};

// A message that is there before.
struct Seed {
  Proof proof;
  Copy copy;
};

struct ChangeScript {
  // Another seed, other messages.
  ChangeScript(uint64_t seed, DeletePolicy policy);

  // Puts everything there that it begins with, in place of what there is.
  void populate(const ImapServer& server) const;
  World beginning() const;

  DeletePolicy policy;
  std::vector<Seed> seeds;
  std::vector<Step> steps;
};

// One of the things that a person does with a message. `name` is how it is called from now on,
// without what makes a file name of it; empty: as it is.
Step moveStep(const std::string& message, const std::string& from, const std::string& to,
              const std::string& name = {});
Step removeStep(const std::string& message, const std::string& mailbox, DeletePolicy policy);
Step flagStep(const std::string& message, const std::string& mailbox, const std::string& changes);
// A new file, as cp writes it.
Step writeStep(const Proof& proof, const std::string& mailbox, int64_t date);
// A file written beside it and renamed over the message, as editors do.
Step replaceStep(const Proof& proof, const std::string& message, const std::string& mailbox,
                 DeletePolicy policy);
Step flushStep();
Step makeStep(const std::string& mailbox);
Step renameStep(const std::string& mailbox, const std::string& to);
Step removeMailboxStep(const std::string& mailbox);  // an empty one

// Performs steps and keeps book of what the server may have.
class Performance {
 public:
  explicit Performance(World beginning) : all_(beginning), allowed_{std::move(beginning)} {}

  // Until a call fails: the step that it was a part of may have happened or not. Absent if all went
  // well, or with a flush that the network didn't allow.
  std::optional<CallFailed> perform(const std::vector<Step>& steps, const Person& person);

  // Everything that was done has reached the server.
  void flushed();

  const std::vector<World>& allowed() const { return allowed_; }
  const World& world() const { return all_; }  // if everything happened
  void settleOn(const World& world) {          // that is how it is
    all_ = world;
    allowed_ = {world};
    unsent_.clear();
    dropped_.clear();
  }
  const std::string& last() const { return last_; }       // what was done last
  std::string history(const std::string& message) const;  // what was done with it, a line each

 private:
  void mayHappen(const Step& step);

  World all_;  // if each step happened
  std::vector<World> allowed_;
  std::set<std::string> unsent_;  // messages that were written since the last flush
  std::set<std::string>
      dropped_;  // of them, what was removed: the server need not have heard of it
  std::string last_ = "the beginning";
  std::vector<std::string> history_;
};

// Of a network that is not there, which a flush may say.
bool isOffline(int error);

}  // namespace emlfs::test
