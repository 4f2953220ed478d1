#include "app/shared_secret.h"

#include <poll.h>

#include <algorithm>
#include <cerrno>
#include <memory>
#include <utility>
#include <vector>

#include "emlfs/base/error.h"
#include "emlfs/base/mutex.h"

namespace emlfs::app {
namespace {

bool same(const std::optional<Secret>& a, const Secret& b) {
  return a && a->reveal() == b.reveal();
}

Error interrupted() {
  return {Code::cancelled, Scope::connection, "the connection was interrupted"};
}

// Until `event`; throws once `interrupt` is signalled.
void waitFor(const Event& event, const Event* interrupt) {
  pollfd waits[] = {{event.fd(), POLLIN, 0}, {interrupt ? interrupt->fd() : -1, POLLIN, 0}};
  while (::poll(waits, 2, -1) < 0)
    if (errno != EINTR) throw systemError("poll", errno);
  if (waits[0].revents == 0) throw interrupted();
}

class SharedSecret {
 public:
  SharedSecret(AskForSecret ask, std::optional<Secret> first)
      : ask_(std::move(ask)), kept_(std::move(first)) {}

  Secret get(const imap::SecretRequest& request) {
    if (request.refused) forget(*request.refused);
    for (;;) {
      const auto waiter = std::make_shared<Waiter>();
      {
        const MutexLock lock(mutex_);
        if (kept_) return *kept_;
        if (!asking_) {
          asking_ = true;
          break;
        }
        waiting_.push_back(waiter);
      }
      if (auto secret = wait(waiter, request.interrupt)) return std::move(*secret);
    }
    return askAndTell(request.interrupt);
  }

 private:
  struct Outcome {
    std::optional<Secret> secret;
    std::optional<Error> error;
  };
  struct Waiter {
    Event told;
    Outcome outcome;  // once `told` is signalled
  };

  void forget(const Secret& refused) {
    const MutexLock lock(mutex_);
    if (same(kept_, refused)) kept_.reset();
    refused_ = refused;
  }

  // Absent if who asked was interrupted: then somebody else has to.
  std::optional<Secret> wait(const std::shared_ptr<Waiter>& waiter, const Event* interrupt) {
    try {
      waitFor(waiter->told, interrupt);
    } catch (...) {
      const MutexLock lock(mutex_);
      std::erase(waiting_, waiter);
      throw;
    }
    const MutexLock lock(mutex_);
    Outcome& outcome = waiter->outcome;
    if (outcome.secret) return std::move(outcome.secret);
    if (outcome.error->code == Code::cancelled) return std::nullopt;
    throw Error(std::move(*outcome.error));
  }

  Secret askAndTell(const Event* interrupt) {
    try {
      Secret secret = ask_(interrupt);
      end([&] { return Outcome{secret, {}}; }, &secret);
      return secret;
    } catch (const Error& error) {
      // Texts of their own, see ThreadPool.
      end([&] {
        return Outcome{{}, Error(error.code, error.scope, std::string(error.what()), error.server)};
      });
      throw;
    }
  }

  void end(const std::function<Outcome()>& outcome, const Secret* secret = nullptr) {
    const MutexLock lock(mutex_);
    if (secret && !same(refused_, *secret)) kept_ = *secret;
    refused_.reset();  // it may be right at the next try: servers err
    asking_ = false;
    for (const auto& waiter : waiting_) {
      waiter->outcome = outcome();
      waiter->told.signal();
    }
    waiting_.clear();
  }

  const AskForSecret ask_;
  Mutex mutex_;
  std::optional<Secret> kept_ GUARDED_BY(mutex_);
  std::optional<Secret> refused_ GUARDED_BY(mutex_);  // until it was asked again
  bool asking_ GUARDED_BY(mutex_) = false;
  std::vector<std::shared_ptr<Waiter>> waiting_ GUARDED_BY(mutex_);
};

}  // namespace

imap::SecretSource sharedSecret(AskForSecret ask, std::optional<Secret> first) {
  const auto shared = std::make_shared<SharedSecret>(std::move(ask), std::move(first));
  return [shared](const imap::SecretRequest& request) { return shared->get(request); };
}

}  // namespace emlfs::app
