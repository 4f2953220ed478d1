// emlfs-proxy: the tests' proxy as a program, for benchmarks and for trying out bad networks by
// hand.
#include <fmt/format.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <csignal>
#include <cstdio>
#include <nlohmann/json.hpp>

#include "emlfs/base/error.h"
#include "emlfs/base/file.h"
#include "support/proxy.h"

namespace {

using emlfs::test::Proxy;
using emlfs::test::ProxyAddress;

// "HOST:PORT" or "PORT".
ProxyAddress parse(const std::string& text) {
  ProxyAddress address;
  const size_t colon = text.rfind(':');
  if (colon != text.npos) address.host = text.substr(0, colon);
  address.port = static_cast<uint16_t>(std::stoi(text.substr(colon + 1)));
  return address;
}

void print(const Proxy& proxy) {
  const emlfs::test::ProxyStats stats = proxy.stats();
  const nlohmann::json json{{"connections", stats.connections}, {"open", stats.open},
                            {"to_server", stats.to_server},     {"to_client", stats.to_client},
                            {"commands", stats.commands},       {"round_trips", stats.round_trips}};
  fmt::print("{}\n", json.dump());
  std::fflush(stdout);
}

emlfs::Fd blockSignals() {
  sigset_t signals;
  sigemptyset(&signals);
  for (const int signal : {SIGINT, SIGTERM, SIGUSR1, SIGUSR2}) sigaddset(&signals, signal);
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  emlfs::Fd fd(signalfd(-1, &signals, SFD_CLOEXEC));
  if (!fd) throw emlfs::systemError("signalfd", errno);
  return fd;
}

int serve(const std::string& to, const std::string& listen, unsigned rtt, uint64_t rate) {
  const emlfs::Fd signals = blockSignals();
  const auto proxy = Proxy::start(parse(to), parse(listen));
  proxy->setRoundTrip(emlfs::Milliseconds(rtt));
  proxy->setRate(rate);
  fmt::print("{{\"port\":{}}}\n", proxy->port());
  std::fflush(stdout);

  signalfd_siginfo signal{};
  while (read(signals.get(), &signal, sizeof signal) == sizeof signal) {
    print(*proxy);
    if (signal.ssi_signo == SIGUSR2) {
      proxy->resetStats();
    } else if (signal.ssi_signo != SIGUSR1) {
      return 0;
    }
  }
  throw emlfs::systemError("reading a signal", errno);
}

}  // namespace

int main(int argc, char** argv) {
  CLI::App app(
      "Forwards TCP on loopback, counts, delays and throttles. The first line printed is "
      "the port; SIGUSR1 prints the counts, SIGUSR2 prints them and starts again at 0.");
  std::string to;
  std::string listen = "127.0.0.1:0";
  unsigned rtt = 0;
  uint64_t rate = 0;
  app.add_option("--to", to, "[HOST:]PORT of the server")->required();
  app.add_option("--listen", listen, "[HOST:]PORT to listen on, port 0 takes a free one");
  app.add_option("--rtt", rtt, "round trip in ms");
  app.add_option("--rate", rate, "bytes per second in each direction, 0 is no limit");
  CLI11_PARSE(app, argc, argv);
  try {
    return serve(to, listen, rtt, rate);
  } catch (const std::exception& failure) {
    fmt::print(stderr, "emlfs-proxy: {}\n", failure.what());
    return 1;
  }
}
