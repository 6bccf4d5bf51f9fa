// `casemate containers optimize`: a plan, and as much of it as the user consents to. A plan lives
// as long as the stack that made it, so both happen in one process.
#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <iostream>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <nlohmann/json.hpp>

#include "base/event_fd.h"
#include "base/json.h"
#include "base/text.h"
#include "clients/cli/command_line.h"
#include "clients/cli/containers_commands.h"
#include "clients/cli/containers_failure.h"
#include "clients/cli/outlet.h"
#include "clients/cli/terminal.h"
#include "tools/container_report.h"

namespace casemate::cli {
namespace {

using nlohmann::json;
using Done = Result<tools::ToolResult>;

constexpr const char* kTool = "container_optimize";
constexpr const char* kAll = "all";
// That plans may hold and that can be done.
constexpr std::array<const char*, 5> kKinds = {"set_limits", "restart_container", "remove_stopped",
                                               "prune_images", "prune_build_cache"};

std::string Text(const json& object, const char* name) {
  const auto found = object.find(name);
  return found != object.end() && found->is_string() ? found->get<std::string>() : std::string();
}

// Those of the plan that can be done; the rest is advice.
std::vector<json> Doable(const json& plan) {
  std::vector<json> actions;
  for (const json& action : plan.value("actions", json::array())) {
    if (action.value("executable", false)) {
      actions.push_back(action);
    }
  }
  return actions;
}

// Of --yes. A kind of which the plan has none is fine: there is nothing of it to be done. Errors: a
// word that means nothing.
Result<json> ChosenBy(const std::vector<std::string>& words, const std::vector<json>& actions) {
  json ids = json::array();
  std::vector<std::string> known(kKinds.begin(), kKinds.end());
  known.emplace_back(kAll);
  for (const json& action : actions) {
    known.push_back(Text(action, "kind"));
    known.push_back(Text(action, "id"));
    const bool is_meant = std::ranges::any_of(words, [&](const std::string& word) {
      return word == kAll || word == Text(action, "id") || word == Text(action, "kind");
    });
    if (is_meant) {
      ids.push_back(Text(action, "id"));
    }
  }
  for (const std::string& word : words) {
    if (std::ranges::find(known, word) == known.end()) {
      std::ranges::sort(known);
      const auto repeated = std::ranges::unique(known);
      known.erase(repeated.begin(), repeated.end());
      return InvalidArgument("--yes", "expected any of " + Join(known, ", ") + ", got " +
                                          Quoted(word) + "; nothing was done");
    }
  }
  return ids;
}

// A line from standard input, without its end; nullopt: there is none, or stop was requested.
class Answers {
 public:
  static Result<std::unique_ptr<Answers>> Open(const std::stop_token& stop) {
    auto stopped = EventFd::Create();
    if (!stopped) {
      return std::move(stopped).error();
    }
    return std::unique_ptr<Answers>(new Answers(stop, *std::move(stopped)));
  }
  std::optional<std::string> Line() {
    std::string line;
    while (WaitForByte()) {
      char byte = 0;
      const ssize_t got = read(STDIN_FILENO, &byte, 1);
      if (got < 0 && errno == EINTR) {
        continue;
      }
      if (got <= 0) {
        return std::nullopt;
      }
      if (byte == '\n') {
        return line;
      }
      line += byte;
    }
    return std::nullopt;
  }

 private:
  struct OnStop {
    const EventFd* event;
    void operator()() const { event->Signal(); }
  };
  Answers(const std::stop_token& stop, EventFd stopped)
      : stopped_(std::move(stopped)), on_stop_(stop, OnStop{&stopped_}) {}
  bool WaitForByte() {
    std::array<pollfd, 2> fds = {pollfd{STDIN_FILENO, POLLIN, 0}, pollfd{stopped_.fd(), POLLIN, 0}};
    while (poll(fds.data(), fds.size(), -1) < 0) {
      if (errno != EINTR) {
        return false;
      }
    }
    return fds[1].revents == 0;
  }

  EventFd stopped_;
  std::stop_callback<OnStop> on_stop_;  // last: it uses stopped_
};

// "remove_stopped-3f2a9c1b04de web: it has ended. Frees about 12.0 MiB of disk. It is gone then."
std::string ActionLine(const json& action) {
  std::string line =
      action.value("executable", false) ? Text(action, "id") : "- " + Text(action, "kind");
  if (const std::string name = Text(action, "name"); !name.empty()) {
    line += " " + name;
  }
  line += ": " + Text(action, "reason") + ".";
  const auto bytes = action.value("frees_bytes", std::int64_t{0});
  if (action.value("executable", false) && bytes > 0) {
    line += " Frees about " + tools::BytesText(bytes) + " of " + Text(action, "frees") + ".";
  }
  line += " " + Text(action, "effect");
  return EscapeControls(ToValidUtf8(line), false) + "\n";
}

std::string PlanText(const json& plan) {
  std::string doable;
  std::string advice;
  for (const json& action : plan.value("actions", json::array())) {
    (action.value("executable", false) ? doable : advice) += ActionLine(action);
  }
  std::string text = doable.empty() ? "Nothing to do.\n" : doable;
  text += advice.empty() ? "" : "Advice:\n" + advice;
  for (const json& spot : plan.value("blind_spots", json::array())) {
    text += "Not seen: " + EscapeControls(ToValidUtf8(spot.get<std::string>()), false) + "\n";
  }
  return text;
}

// "remove_stopped-3f2a9c1b04de web: done, it is gone; 12.0 MiB of disk freed"
std::string DoneText(const json& done) {
  std::string text;
  for (const json& action : done.value("actions", json::array())) {
    std::string line = Text(action, "id");
    line += Text(action, "name").empty() ? "" : " " + Text(action, "name");
    line += ": " + Text(action, "status") + ", " + Text(action, "message");
    if (action.contains("freed_bytes")) {
      line += "; " + tools::BytesText(action.value("freed_bytes", std::int64_t{0})) + " of " +
              Text(action, "frees") + " freed";
    }
    text += EscapeControls(ToValidUtf8(line), false) + "\n";
  }
  return text;
}

// What somebody at the terminal says yes to; nullopt: they ended it.
std::optional<json> AskEach(const std::vector<json>& actions, ToolCalls& calls, Outlet& outlet) {
  auto answers = Answers::Open(calls.stop());
  if (!answers) {
    return std::nullopt;
  }
  json ids = json::array();
  for (const json& action : actions) {
    outlet.Write(STDOUT_FILENO, "Do " + Text(action, "id") + "? [y/N] ");
    const auto answer = (*answers)->Line();
    if (!answer) {
      outlet.Write(STDOUT_FILENO, "\n");
      return std::nullopt;
    }
    if (*answer == "y" || *answer == "Y" || *answer == "yes") {
      ids.push_back(Text(action, "id"));
    }
  }
  return ids;
}

class Optimizer {
 public:
  Optimizer(const ContainersOptimizeArgs& args, ToolCalls& calls, Outlet& outlet)
      : args_(args), calls_(calls), outlet_(outlet) {}

  // The exit code, complaints made.
  int Work() {
    json call = json::object();
    if (!args_.name.empty()) {
      call["container"] = args_.name;
    }
    const Done plan = calls_.Call(kTool, call, {});
    if (HasFailed(plan)) {
      return Failed(plan);
    }
    Print("plan", plan->structured, PlanText(plan->structured));
    const auto actions = Doable(plan->structured);
    auto chosen = Choose(actions);
    if (!chosen) {
      std::cerr << "casemate: " << Describe(chosen.error()) << '\n';
      return kExitUsage;
    }
    if (calls_.signal() != 0) {
      return kExitSignalBase + calls_.signal();
    }
    if (chosen->empty()) {
      return End(actions);
    }
    call["plan_id"] = Text(plan->structured, "plan_id");
    call["actions"] = *chosen;
    call.erase("container");
    const Done done = calls_.Call(kTool, call, {});
    if (done) {  // also of one that failed: what was done before that
      Print("done", done->structured, DoneText(done->structured));
    }
    return HasFailed(done) ? Said(Failed(done)) : Said(kExitOk);
  }

 private:
  int Failed(const Done& done) {
    return calls_.signal() != 0 ? kExitSignalBase + calls_.signal() : Fail(done, kExitFailure);
  }
  void Print(const char* part, const json& result, const std::string& text) {
    if (args_.json) {
      said_[part] = result;
    } else {
      outlet_.Write(STDOUT_FILENO, text);
    }
  }
  // The ids of what is to be done.
  Result<json> Choose(const std::vector<json>& actions) {
    if (!args_.yes.empty()) {
      return ChosenBy(args_.yes, actions);
    }
    if (args_.json || isatty(STDIN_FILENO) == 0 || isatty(STDOUT_FILENO) == 0) {
      return json::array();
    }
    return AskEach(actions, calls_, outlet_).value_or(json::array());
  }
  int End(const std::vector<json>& actions) {
    if (!actions.empty() && !args_.json) {
      outlet_.Write(STDOUT_FILENO,
                    "Nothing was done: --yes all, or kinds or ids of this plan, does it.\n");
    }
    return Said(kExitOk);
  }
  int Said(int code) {
    if (args_.json) {
      outlet_.Write(STDOUT_FILENO, DumpJson(said_) + "\n");
    }
    return outlet_.Ended(code, kExitFailure);
  }

  const ContainersOptimizeArgs& args_;
  ToolCalls& calls_;
  Outlet& outlet_;
  json said_ = json::object();
};

}  // namespace

int ContainersOptimize(const ContainersOptimizeArgs& args, const WithCalls& with_calls) {
  int code = kExitFailure;
  const auto stood = with_calls([&](ToolCalls& calls) {
    auto outlet = Outlet::Create(calls.stop(), [&calls] { calls.Cancel(); });
    if (!outlet) {
      code = Fail(std::move(outlet).error(), kExitFailure);
      return;
    }
    code = Optimizer(args, calls, **outlet).Work();
  });
  return stood ? code : Fail(stood.error(), kExitFailure);
}

}  // namespace casemate::cli
