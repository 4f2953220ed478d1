// What a server says unasked, and waiting for it.
#include <fmt/format.h>

#include <array>
#include <optional>
#include <utility>

#include "emlfs/imap/throttle.h"
#include "imap/answer_budget.h"
#include "imap/connection.h"
#include "imap/text.h"

namespace emlfs::imap {

void Connection::listen(Deadline deadline, const Event& wake) {
  constexpr Milliseconds kGather{20};
  constexpr Milliseconds kGatherMost{200};
  const Throttle::As as(Throttle::Manner::at_once);
  try {
    while (!ahead_.empty()) forgetFirstAhead();
    patience_.begin();
    std::array<char, 64 << 10> buffer;
    AnswerBudget budget(framer_, 0);
    std::optional<Deadline> end;  // since something came
    for (;;) {
      while (auto response = nextResponse()) {
        budget.spend();
        if (response->text.empty()) continue;
        if (!response->text.starts_with("* "))
          notImap(fmt::format("something that nobody asked for: {}",
                              printable(std::string_view(response->text).substr(0, 80))));
        takeUntagged(std::move(*response), {});
        if (!end) end = Deadline::after(kGatherMost);
      }
      if (end && end->passed()) return;
      if (!transport_->readable(end ? Deadline::after(kGather) : deadline, wake)) return;
      const size_t got = transport_->read(buffer, patience_.deadline());
      framer_.feed({buffer.data(), got});
    }
  } catch (...) {
    broken_ = true;
    throw;
  }
}

void Connection::idle(Deadline deadline, const Event& wake) {
  StatusLine status;
  try {
    bool begun = false;
    status = exchange(Command("IDLE"), {}, 0, {}, [&](std::string_view) {
      if (std::exchange(begun, true)) return false;
      listen(deadline, wake);
      send("DONE\r\n");
      return true;
    });
  } catch (...) {
    broken_ = true;
    throw;
  }
  check(status, "IDLE failed");
}

}  // namespace emlfs::imap
