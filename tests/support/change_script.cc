#include "support/change_script.h"

#include <fmt/chrono.h>
#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <random>

#include "emlfs/mail/message.h"
#include "support/eventually.h"
#include "support/imap_client.h"

namespace emlfs::test {
namespace {

constexpr int64_t kFirstDate = 1'600'000'000;
const std::string kInbox = "INBOX";
const std::string kTrash = "Trash";

// Writes down steps; each knows the message by its proofName.
class Writer {
 public:
  Writer(ChangeScript& script, uint64_t seed) : script_(script), random_(seed) {}

  std::string seed(const std::string& mailbox, std::set<std::string> flags = {}) {
    const Proof proof{random_(), 300 + random_() % 900};
    const auto index = static_cast<int64_t>(script_.seeds.size());
    script_.seeds.push_back({proof, {mailbox, std::move(flags), kFirstDate + 100'000 * index}});
    return proofName(proof);
  }

  void move(const std::string& message, const std::string& from, const std::string& to,
            const std::string& name = {}) {
    script_.steps.push_back(moveStep(message, from, to, name));
  }
  void remove(const std::string& message, const std::string& mailbox) {
    script_.steps.push_back(removeStep(message, mailbox, script_.policy));
  }
  void flags(const std::string& message, const std::string& mailbox, const std::string& changes) {
    script_.steps.push_back(flagStep(message, mailbox, changes));
  }
  std::string write(const std::string& mailbox) {
    const Proof proof{random_(), 300 + random_() % 900};
    script_.steps.push_back(writeStep(proof, mailbox, kFirstDate - 1'000 * ++written_));
    return proofName(proof);
  }
  void replace(const std::string& message, const std::string& mailbox) {
    const Proof proof{random_(), 300 + random_() % 900};
    script_.steps.push_back(replaceStep(proof, message, mailbox, script_.policy));
  }
  void flush() { script_.steps.push_back(flushStep()); }
  void make(const std::string& mailbox) { script_.steps.push_back(makeStep(mailbox)); }
  void rename(const std::string& mailbox, const std::string& to) {
    script_.steps.push_back(renameStep(mailbox, to));
  }
  void removeMailbox(const std::string& mailbox) {
    script_.steps.push_back(removeMailboxStep(mailbox));
  }

 private:
  ChangeScript& script_;
  std::mt19937_64 random_;
  int64_t written_ = 0;
};

void writeMessages(Writer& writer) {
  std::vector<std::string> inbox;
  for (int i = 0; i < 12; ++i)
    inbox.push_back(writer.seed(kInbox, i % 3 == 0   ? std::set<std::string>{"\\seen", "$work"}
                                        : i % 3 == 1 ? std::set<std::string>{"\\flagged"}
                                                     : std::set<std::string>{}));
  std::vector<std::string> a;
  for (int i = 0; i < 4; ++i) a.push_back(writer.seed("A", {"\\answered"}));
  std::vector<std::string> b;
  for (int i = 0; i < 3; ++i) b.push_back(writer.seed("B"));
  const std::string in_trash = writer.seed(kTrash, {"\\seen"});

  writer.move(inbox[0], kInbox, "A");
  writer.move(inbox[1], kInbox, "A", "first");
  writer.move(inbox[2], kInbox, kInbox, "second");  // a name alone
  writer.move(inbox[3], kInbox, "A");
  writer.move(inbox[3], "A", "B", "third");  // before the server knows of the first
  writer.flags(inbox[4], kInbox, "+\\Seen $Work");
  writer.flags(inbox[4], kInbox, "-\\Flagged +$Later");
  writer.flags(inbox[0], "A", "+\\Flagged -$Work");  // of one that is on its way
  writer.remove(inbox[5], kInbox);
  writer.remove(inbox[1], "A");
  for (int i = 6; i < 9; ++i) writer.move(inbox[static_cast<size_t>(i)], kInbox, "B");
  const std::string first = writer.write("A");
  const std::string second = writer.write(kInbox);
  writer.write("B");
  writer.move(first, "A", "B", "seventh");  // which may not be sent yet
  writer.flags(second, kInbox, "+\\Seen $Work");
  writer.flush();
  writer.remove(second, kInbox);
  writer.move(first, "B", "A");
  writer.replace(b[2], "B");
  writer.move(a[0], "A", kInbox);
  writer.move(a[0], kInbox, "A");  // there and back
  writer.move(a[1], "A", "B", "fourth");
  writer.flags(a[1], "B", "+\\Seen");
  writer.move(a[1], "B", kInbox);
  writer.remove(b[0], "B");
  writer.move(b[1], "B", "A", "fifth");
  writer.remove(b[1], "A");
  writer.remove(in_trash, kTrash);
  writer.move(inbox[6], "B", kInbox);  // back where it was before the flush
  writer.flags(inbox[2], kInbox, "+\\Answered -\\Seen");
  writer.move(inbox[9], kInbox, "A");
  writer.flush();
  writer.make("New");
  writer.make("New/Below");
  writer.move(inbox[10], kInbox, "New");  // before the server knows it
  const std::string fourth = writer.write("New/Below");
  writer.move(a[2], "A", "New/Below", "sixth");
  writer.rename("New", "Old");
  writer.flags(a[2], "Old/Below", "+\\Flagged");
  writer.make("Empty");
  writer.flush();
  writer.rename("Old/Below", "Below");  // with a message in it
  writer.move(inbox[10], "Old", "Below");
  writer.move(fourth, "Below", kInbox);
  writer.removeMailbox("Old");
  writer.removeMailbox("Empty");
  writer.remove(inbox[9], "A");
  writer.rename("B", "C");
  writer.move(a[3], "A", "C");
  writer.flags(inbox[11], kInbox, "+$Work");
}

}  // namespace

std::string nameOf(DeletePolicy policy) {
  switch (policy) {
    case DeletePolicy::flag:
      return "flag";
    case DeletePolicy::trash:
      return "trash";
    case DeletePolicy::expunge:
      return "expunge";
  }
  return "?";
}

Step moveStep(const std::string& message, const std::string& from, const std::string& to,
              const std::string& name) {
  const std::string given = name.empty() ? name : fmt::format("{}-{}.eml", name, message);
  return {fmt::format("mv {}/{} {}/{}", from, message, to, given),
          [=](const Person& person) { person.move(message, from, to, given); },
          [=](World& world) {
            world.move(message, to);
            if (!given.empty()) world.give(message, given);
          }};
}

Step removeStep(const std::string& message, const std::string& mailbox, DeletePolicy policy) {
  return {fmt::format("rm {}/{}", mailbox, message),
          [=](const Person& person) { person.remove(message, mailbox); },
          [=](World& world) {
            if (policy == DeletePolicy::flag)
              world.changeFlags(message, "+\\Deleted");
            else if (policy == DeletePolicy::expunge || mailbox == kTrash)
              world.erase(message);
            else
              world.move(message, kTrash);
          },
          Step::Promise::at_once,
          {},
          message};
}

Step flagStep(const std::string& message, const std::string& mailbox, const std::string& changes) {
  return {fmt::format("flags {} of {}/{}", changes, mailbox, message),
          [=](const Person& person) { person.changeFlags(message, mailbox, changes); },
          [=](World& world) { world.changeFlags(message, changes); }};
}

Step writeStep(const Proof& proof, const std::string& mailbox, int64_t date) {
  const std::string message = proofName(proof);
  const std::string name = message + ".eml";
  return {fmt::format("write {}/{}", mailbox, name),
          [=](const Person& person) { person.write(mailbox, name, proofMessage(proof), date); },
          [=](World& world) {
            world.put(message, {mailbox, {}, date});
            world.give(message, name);
          },
          Step::Promise::by_flush, message};
}

Step replaceStep(const Proof& proof, const std::string& message, const std::string& mailbox,
                 DeletePolicy policy) {
  const std::string fresh = proofName(proof);
  const auto removed = removeStep(message, mailbox, policy).effect;
  return {fmt::format("write {} over {}/{}", fresh, mailbox, message),
          [=](const Person& person) {
            const std::string path = person.find(mailbox, message);
            const std::string name = path.substr(path.rfind('/') + 1);
            const std::string temporary = fmt::format(".{}.eml.tmp", fresh);
            person.write(mailbox, temporary, proofMessage(proof));
            person.rename(mailbox + "/" + temporary, mailbox + "/" + name);
          },
          [=](World& world) {
            const auto at = world.messages.find(message);
            if (at == world.messages.end()) return;
            const auto flags = at->second.front().flags;
            removed(world);
            world.put(fresh, {mailbox, flags, kAnyDate});
          },
          Step::Promise::by_flush};
}

Step flushStep() {
  return {"flush", [](const Person& person) { person.flush(); }, [](World&) {},
          Step::Promise::is_flush};
}

Step makeStep(const std::string& mailbox) {
  return {"mkdir " + mailbox, [=](const Person& person) { person.makeDirectory(mailbox); },
          [=](World& world) { world.mailboxes.insert(mailbox); }};
}

Step renameStep(const std::string& mailbox, const std::string& to) {
  return {"mv " + mailbox + " " + to, [=](const Person& person) { person.rename(mailbox, to); },
          [=](World& world) { world.renameMailbox(mailbox, to); }};
}

Step removeMailboxStep(const std::string& mailbox) {
  return {"rmdir " + mailbox, [=](const Person& person) { person.removeDirectory(mailbox); },
          [=](World& world) { world.mailboxes.erase(mailbox); }};
}

ChangeScript::ChangeScript(uint64_t seed, DeletePolicy the_policy) : policy(the_policy) {
  Writer writer(*this, seed);
  writeMessages(writer);
}

void ChangeScript::populate(const ImapServer& server) const {
  ImapClient client(server);
  const World wanted = beginning();
  auto there = client.mailboxes();
  std::sort(there.rbegin(), there.rend());  // what is below goes first
  for (const auto& mailbox : there) {
    if (wanted.mailboxes.count(server.pathOf(mailbox)) == 0) {
      // Cyrus keeps what is deleted under its name and the second: one in each.
      const auto command = fmt::format("DELETE \"{}\"", mailbox);
      if (!eventually([&] { return client.command(command).ok; }, std::chrono::seconds(5)))
        client.expectOk(command);
      continue;
    }
    client.expectOk(fmt::format("SELECT \"{}\"", mailbox));
    if (!client.search("1:*").empty()) {
      client.expectOk("STORE 1:* +FLAGS.SILENT (\\Deleted)");
      client.expectOk("EXPUNGE");
    }
  }
  for (const auto& mailbox : wanted.mailboxes) {
    const auto name = server.wireName(mailbox);
    if (std::find(there.begin(), there.end(), name) == there.end())
      client.expectOk(fmt::format("CREATE \"{}\"", name));
  }
  for (const auto& [proof, copy] : seeds) {
    const auto name = server.wireName(copy.mailbox);
    ImapClient::Answer answer;
    // Dovecot may say that what was just made, after another of that name, was deleted.
    const auto appended = [&] {
      answer = client.append(name, fmt::format("{}", fmt::join(copy.flags, " ")),
                             proofMessage(proof), emlfs::text(InternalDate{copy.date, 0}));
      if (!answer.ok) client.command(fmt::format("CREATE \"{}\"", name));
      return answer.ok;
    };
    if (!eventually(appended, std::chrono::seconds(5)))
      throw std::runtime_error("APPEND: " + answer.text);
  }
}

World ChangeScript::beginning() const {
  World world;
  world.mailboxes = {kInbox, kTrash, "A", "B"};
  for (const auto& [proof, copy] : seeds) world.put(proofName(proof), copy);
  return world;
}

std::string Performance::history(const std::string& message) const {
  std::string lines;
  for (const auto& line : history_)
    if (line.find(message) != line.npos) lines += line + "\n";
  return lines;
}

void Performance::flushed() {
  unsent_.clear();
  allowed_ = {all_};
  for (const auto& message : dropped_) {
    const auto before = allowed_;
    for (World world : before) {
      world.erase(message);
      allowed_.push_back(std::move(world));
    }
  }
}

void Performance::mayHappen(const Step& step) {
  const auto before = allowed_;
  for (World world : before) {
    step.effect(world);
    if (std::find(allowed_.begin(), allowed_.end(), world) == allowed_.end())
      allowed_.push_back(std::move(world));
  }
}

std::optional<CallFailed> Performance::perform(const std::vector<Step>& steps,
                                               const Person& person) {
  for (const Step& step : steps) {
    last_ = step.what;
    const auto now = std::chrono::system_clock::now();
    history_.push_back(fmt::format(
        "{:%T} {}", std::chrono::time_point_cast<std::chrono::milliseconds>(now), last_));
    try {
      step.act(person);
    } catch (const CallFailed& failure) {
      if (step.promise == Step::Promise::is_flush && isOffline(failure.error)) continue;
      mayHappen(step);
      return failure;
    }
    step.effect(all_);
    if (!step.writes.empty()) unsent_.insert(step.writes);
    if (unsent_.count(step.removes) != 0) dropped_.insert(step.removes);
    if (step.promise == Step::Promise::is_flush) {
      flushed();
    } else if (step.promise == Step::Promise::by_flush) {
      mayHappen(step);
    } else {
      for (World& world : allowed_) step.effect(world);
    }
  }
  return std::nullopt;
}

bool isOffline(int error) {
  return error == ENETUNREACH || error == ETIMEDOUT;
}

}  // namespace emlfs::test
