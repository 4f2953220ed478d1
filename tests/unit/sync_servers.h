// The same tests for servers that tell changes in different ways.
#pragma once

#include <random>
#include <set>
#include <string>

#include "unit/sync_fixture.h"

namespace emlfs {

using Capabilities = std::set<std::string>;

inline const Capabilities kPlain{};
inline const Capabilities kCondstore{"CONDSTORE"};
inline const Capabilities kQresync{"CONDSTORE", "QRESYNC"};

class SyncTest : public StoreTest, public testing::WithParamInterface<Capabilities> {};

// Something that happens in a mailbox.
inline void change(ModelMailbox& model, std::mt19937& random) {
  const auto any = [&] {
    return std::next(model.messages.begin(), static_cast<long>(random() % model.messages.size()))
        ->first;
  };
  switch (random() % 8) {
    case 0:
    case 1:
    case 2:
      model.append();
      break;
    case 3:
    case 4:
      if (!model.messages.empty()) model.setFlags(any(), Flags({"\\Seen", "$Work"}));
      break;
    case 5:
    case 6:
      if (!model.messages.empty()) model.expunge(any());
      break;
    default:
      if (random() % 16 == 0) model.replace();
  }
}

inline std::string serverName(const testing::TestParamInfo<Capabilities>& server) {
  return server.param.empty() ? "Plain" : server.param.size() == 1 ? "Condstore" : "Qresync";
}

}  // namespace emlfs
