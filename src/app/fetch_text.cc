#include "app/fetch_text.h"

#include <fmt/format.h>

#include "app/printable.h"
#include "app/units.h"

namespace emlfs::app {
namespace {

std::string messages(uint64_t count) {
  return fmt::format("{} {}", formatCount(count), count == 1 ? "message" : "messages");
}

std::string listingLine(const FetchState& state, size_t columns) {
  const std::string tail = fmt::format(": {}", messages(state.listed));
  if (state.directory.empty()) return ("listing" + tail).substr(0, columns);
  constexpr std::string_view kHead = "listing ";
  constexpr size_t kCut = 3;  // what printable() adds
  const size_t around = kHead.size() + tail.size() + kCut;
  if (columns < around + 1) return tail.substr(2, columns);
  return std::string(kHead) + printable(state.directory, columns - around) + tail;
}

}  // namespace

std::string fetchLine(const FetchState& state, size_t columns) {
  if (state.phase == FetchPhase::listing) return listingLine(state, columns);
  // A plain line needs no bar.
  return columns == std::string::npos ? progressText(state.progress)
                                      : progressLine(state.progress, columns);
}

std::string fetchSummary(const FetchState& state, Milliseconds took) {
  const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(took).count();
  std::string text =
      fmt::format("fetched {}, {} in {}; {} there already", messages(state.progress.messages),
                  formatSize(state.progress.bytes), formatDuration(static_cast<uint64_t>(seconds)),
                  state.cached_before == 1 ? "1 was" : formatCount(state.cached_before) + " were");
  if (state.vanished != 0)
    text += fmt::format("; {} meanwhile", formatCount(state.vanished) + " went away");
  return text;
}

std::string fetchLeftOff(const FetchState& state) {
  if (state.phase == FetchPhase::listing)
    return fmt::format("{} listed; the same command goes on from there", messages(state.listed));
  const Progress& progress = state.progress;
  return fmt::format("{} of {}, {} of {}, are fetched; the same command goes on from there",
                     formatCount(progress.messages), messages(progress.messages_total),
                     formatSize(progress.bytes), formatSize(progress.bytes_total));
}

}  // namespace emlfs::app
