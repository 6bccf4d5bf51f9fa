// `casemate containers ls`.
#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <condition_variable>
#include <cstdlib>
#include <iostream>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>

#include <nlohmann/json.hpp>

#include "base/clock.h"
#include "base/json.h"
#include "clients/cli/command_line.h"
#include "clients/cli/containers_commands.h"
#include "clients/cli/containers_failure.h"
#include "clients/cli/containers_table.h"
#include "clients/cli/outlet.h"
#include "clients/cli/terminal.h"

namespace casemate::cli {
namespace {

using nlohmann::json;
using Listed = Result<tools::ToolResult>;

constexpr std::chrono::seconds kBetween{2};
constexpr std::size_t kRoomForRest = 1;  // lines of the terminal: the one with the cursor

Listed Ask(ToolCalls& calls) {
  return calls.Call("container_status", json::object(), {.raw = true});
}

bool Runs(const json& row) {
  const std::string state = row.value("state", "");
  return state == "running" || state == "paused" || state == "restarting";
}

// What is asked for, and how many there are beside that.
struct Chosen {
  json rows = json::array();
  std::size_t stopped = 0;
};
Chosen Choose(const ContainersListArgs& args, const tools::ToolResult& result) {
  Chosen chosen;
  for (const json& row : result.structured.value("containers", json::array())) {
    if (args.all || Runs(row)) {
      chosen.rows.push_back(row);
    } else {
      ++chosen.stopped;
    }
  }
  return chosen;
}

std::string NothingText(const Chosen& chosen) {
  if (chosen.stopped == 0) {
    return "No containers.";
  }
  return "No container runs; " + std::to_string(chosen.stopped) +
         " stopped: casemate containers ls --all";
}

std::string JsonText(const Chosen& chosen) {
  return DumpJson({{"total", chosen.rows.size()}, {"containers", chosen.rows}});
}

std::vector<std::string> LinesOf(const Chosen& chosen, std::size_t width) {
  if (chosen.rows.empty()) {
    return {NothingText(chosen)};
  }
  return TableLines(ContainerTable(chosen.rows), width);
}

int Once(const ContainersListArgs& args, const WithCalls& with_calls) {
  Listed listed = Error{ErrorCode::kInternal, "no call was made", {}, {}, 0};
  int signal = 0;
  if (auto stood = with_calls([&](ToolCalls& calls) {
        listed = Ask(calls);
        signal = calls.signal();
      });
      !stood) {
    listed = std::move(stood).error();
  }
  if (signal != 0 && HasFailed(listed)) {
    return kExitSignalBase + signal;
  }
  if (HasFailed(listed)) {
    return Fail(listed, kExitFailure);
  }
  const Chosen chosen = Choose(args, *listed);
  if (args.json) {
    std::cout << JsonText(chosen) << '\n';
  } else {
    for (const std::string& line : LinesOf(chosen, 0)) {
      std::cout << line << '\n';
    }
  }
  return Flushed(kExitOk, kExitFailure);
}

// One table, drawn over itself.
class Screen {
 public:
  // nullopt: standard output cannot be drawn on.
  static std::optional<Screen> Open() {
    const char* term = std::getenv("TERM");  // NOLINT(concurrency-mt-unsafe): nobody sets it
    const bool is_plain = term == nullptr || std::string_view(term) == "dumb";
    return is_plain || isatty(STDOUT_FILENO) == 0 ? std::nullopt : std::optional(Screen());
  }

  // At most as many lines as the terminal has, for the cursor goes no further up.
  std::string Draw(std::vector<std::string> lines) {
    std::string text = drawn_ == 0 ? "" : "\x1b[" + std::to_string(drawn_) + "A";
    const std::size_t room = std::max<std::size_t>(rows_, kRoomForRest + 1) - kRoomForRest;
    if (rows_ > 0 && lines.size() > room) {
      const std::size_t more = lines.size() - room + 1;
      lines.resize(room - 1);
      lines.push_back("… " + std::to_string(more) + " more");
    }
    drawn_ = lines.size();
    for (const std::string& line : lines) {
      text += "\r\x1b[K" + line + "\n";
    }
    return text + "\x1b[J";
  }
  // Characters in a line; 0: not known. Asked anew, as windows change.
  std::size_t Measure() {
    winsize size{};
    if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) != 0) {
      size = {};
    }
    rows_ = size.ws_row;
    return size.ws_col;
  }

 private:
  std::size_t drawn_ = 0;  // lines
  std::size_t rows_ = 0;
};

void Wait(const std::stop_token& stop) {
  std::mutex mutex;
  std::condition_variable_any never;
  std::unique_lock lock(mutex);
  never.wait_for(lock, stop, kBetween, [] { return false; });
}

// What is written for one look.
std::string LookText(const ContainersListArgs& args, const Listed& listed,
                     std::optional<Screen>& screen, bool is_first) {
  if (args.json) {
    return HasFailed(listed) ? DumpJson({{"error", FailureText(listed)}}) + "\n"
                             : JsonText(Choose(args, *listed)) + "\n";
  }
  const std::size_t width = screen ? screen->Measure() : 0;
  std::vector<std::string> lines;
  if (HasFailed(listed)) {
    const std::string text = FailureText(listed);
    // Cut, for a line that goes on below would not be drawn over.
    lines = TableLines({{{text, Colour::kRed}}}, width);
  } else {
    lines = LinesOf(Choose(args, *listed), width);
  }
  if (screen) {
    const std::string top = FormatTime(WallClockMs()).substr(0, 19) + " UTC; Ctrl-C ends it";
    const auto header = TableLines({{{top, Colour::kDim}}}, width);
    lines.insert(lines.begin(), header.begin(), header.end());
    return screen->Draw(std::move(lines));
  }
  std::string text = is_first ? "" : "\n";
  for (const std::string& line : lines) {
    text += line + "\n";
  }
  return text;
}

// An engine that is away may come back; what is wrong at the first look stays so.
int Watch(const ContainersListArgs& args, const WithCalls& with_calls) {
  std::optional<Listed> failed;
  int code = kExitFailure;
  auto screen = args.json ? std::nullopt : Screen::Open();
  const auto stood = with_calls([&](ToolCalls& calls) {
    auto outlet = Outlet::Create(calls.stop(), [&calls] { calls.Cancel(); });
    if (!outlet) {
      failed = std::move(outlet).error();
      return;
    }
    for (bool is_first = true; !calls.stop().stop_requested(); is_first = false) {
      Listed listed = Ask(calls);
      if (calls.stop().stop_requested()) {
        break;
      }
      if (is_first && HasFailed(listed)) {
        failed = std::move(listed);
        return;
      }
      (*outlet)->Write(STDOUT_FILENO, LookText(args, listed, screen, is_first));
      Wait(calls.stop());
    }
    code = (*outlet)->Ended(kExitSignalBase + calls.signal(), kExitFailure);
  });
  if (!stood) {
    failed = stood.error();
  }
  return failed ? Fail(*failed, kExitFailure) : code;
}

}  // namespace

int ContainersList(const ContainersListArgs& args, const WithCalls& with_calls) {
  return args.watch ? Watch(args, with_calls) : Once(args, with_calls);
}

}  // namespace casemate::cli
