// Our own limit on a connection: it holds, and the time that it takes is nobody's silence.
#include <future>
#include <thread>

#include "emlfs/imap/throttle.h"
#include "wire/transport_fixture.h"

namespace emlfs::imap {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

class ThrottledTransport : public TransportTest {
 protected:
  std::unique_ptr<Transport> connectWith(const Endpoint& endpoint, Throttle& throttle) {
    return Transport::connect(endpoint, &traffic_, interrupt_, Deadline::after(endpoint.timeout),
                              &throttle);
  }
  static constexpr Rate kRate{100'000, seconds(1)};
};

TEST_F(ThrottledTransport, ReceivesNoFasterAndDoesNotCallThatSilence) {
  for (const bool encrypted : {false, true}) {
    const std::string text(150'000, 'x');
    const auto script = [&](Peer& peer) {
      peer.send(text);
      peer.waitForClose();
    };
    const auto server = encrypted ? ScriptedServer::start(script, tls(certificates_.good))
                                  : ScriptedServer::start(script);
    Throttle throttle(kRate, 0);
    const auto transport =
        connectWith(endpoint(*server, encrypted ? Security::tls : Security::plain), throttle);
    transport->takeHeldBack();
    const auto began = Clock::now();
    // All of it by one deadline, which our limit moves as far as it has to.
    const Deadline deadline = Deadline::after(milliseconds(500));
    std::string got(text.size(), 0);
    for (size_t have = 0; have < got.size();)
      have += transport->read(std::span(got).subspan(have), deadline);
    EXPECT_EQ(got, text);
    EXPECT_GE(Clock::now() - began, milliseconds(1'000));
    EXPECT_GE(transport->takeHeldBack(), milliseconds(800));
    // The server's own silence is.
    std::array<char, 1> more{};
    EXPECT_EQ(errorOf([&] { transport->read(more, Deadline::after(milliseconds(50))); }).code,
              Code::timeout);
    EXPECT_EQ(server->failures(), "");
  }
}

TEST_F(ThrottledTransport, SendsNoFaster) {
  const std::string text(150'000, 'x');
  std::promise<void> done;
  const auto server = ScriptedServer::start([&](Peer& peer) {
    EXPECT_EQ(peer.readLine(), text);
    done.set_value();
    peer.waitForClose();
  });
  Throttle throttle(kRate, 0);
  const auto transport = connectWith(endpoint(*server, Security::plain), throttle);
  const auto began = Clock::now();
  Patience patience(milliseconds(500));
  transport->write(text + "\r\n", patience);
  transport->drain(patience);
  EXPECT_FALSE(patience.isOver());
  done.get_future().get();
  EXPECT_GE(Clock::now() - began, milliseconds(1'000));
}

TEST_F(ThrottledTransport, AWaitForItCanBeInterrupted) {
  const auto server = ScriptedServer::start(greet);
  Throttle throttle(kRate, -10'000'000);
  const auto transport = connectWith(endpoint(*server, Security::plain), throttle);
  std::thread other([this] { interrupt_.signal(); });
  const auto began = Clock::now();
  EXPECT_EQ(errorOf([&] { readExactly(*transport, 5); }).code, Code::cancelled);
  EXPECT_LT(Clock::now() - began, seconds(10));
  other.join();
}

TEST_F(ThrottledTransport, WhoListensDoesNotWait) {
  const auto server = ScriptedServer::start(greet);
  Throttle throttle(kRate, -10'000'000);
  const Throttle::As listening(Throttle::Manner::at_once);
  const auto transport = connectWith(endpoint(*server, Security::plain), throttle);
  const auto began = Clock::now();
  EXPECT_EQ(readExactly(*transport, 5), "hello");
  EXPECT_LT(Clock::now() - began, seconds(10));
  EXPECT_LT(throttle.left(), -10'000'000 + 1'000'000);
}

}  // namespace
}  // namespace emlfs::imap
