// `casemate containers status`, and which command about containers was given.
#include <unistd.h>

#include <algorithm>
#include <iostream>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include <nlohmann/json.hpp>

#include "base/json.h"
#include "clients/cli/command_line.h"
#include "clients/cli/containers_commands.h"
#include "clients/cli/containers_failure.h"
#include "clients/cli/terminal.h"
#include "tools/container_report.h"

namespace casemate::cli {
namespace {

using nlohmann::json;

constexpr std::int64_t kMsPerSecond = 1000;

std::string Text(const json& object, const char* name) {
  const auto found = object.find(name);
  return found != object.end() && found->is_string() ? found->get<std::string>() : std::string();
}

std::int64_t Number(const json& object, const char* name) {
  const auto found = object.find(name);
  return found != object.end() && found->is_number() ? found->get<std::int64_t>() : 0;
}

// A number as the tool rounded it: "12.5", "3".
std::string Short(const json& object, const char* name) {
  return object.contains(name) ? object[name].dump() : "?";
}

// "name       value", further values below each other.
class Sheet {
 public:
  void Add(const char* name, const std::vector<std::string>& values) {
    constexpr std::size_t kColumn = 13;
    std::string label = name;
    for (const std::string& value : values) {
      if (!value.empty()) {
        std::cout << "  " << Paint(STDOUT_FILENO, Colour::kDim, label)
                  << std::string(kColumn - label.size(), ' ') << value << '\n';
        label.clear();
      }
    }
  }
  void Add(const char* name, const std::string& value) { Add(name, std::vector{value}); }
  template <typename Show>
  void AddAll(const char* name, const json& items, const Show& show) {
    std::vector<std::string> values;
    std::ranges::transform(items, std::back_inserter(values), show);
    Add(name, values);
  }
};

std::string AsText(const json& item) {
  return item.is_string() ? item.get<std::string>() : item.dump();
}

// "name=value" of each member.
std::vector<std::string> Pairs(const json& object, const char* between) {
  std::vector<std::string> texts;
  for (const auto& [name, value] : object.items()) {
    texts.push_back(name + between + AsText(value));
  }
  return texts;
}

Colour ColourOfState(const std::string& state) {
  return state == "running" ? Colour::kGreen : state == "dead" ? Colour::kRed : Colour::kYellow;
}

// "running, healthy, up 3 h 2 min"
std::string StateLine(const json& shown) {
  const std::string state = Text(shown, "state");
  std::string line = Paint(STDOUT_FILENO, ColourOfState(state), state);
  if (shown.contains("health")) {
    const std::string health = Text(shown["health"], "status");
    line += ", " + (health == "unhealthy" ? Paint(STDOUT_FILENO, Colour::kRed, health) : health);
  }
  if (shown.contains("uptime_s")) {
    line += ", up " + tools::DurationText(Number(shown, "uptime_s") * kMsPerSecond);
  }
  if (shown.contains("exit_code") && !Text(shown, "finished_at").empty()) {
    line += " with " + std::to_string(Number(shown, "exit_code"));
    line += shown.value("oom_killed", false) ? ", out of memory" : "";
  }
  if (const auto restarts = Number(shown, "restart_count"); restarts > 0) {
    line += ", " + std::to_string(restarts) + (restarts == 1 ? " restart" : " restarts");
  }
  return line;
}

// What is wrong and what to do about it, before all else.
void PrintDiagnosis(const json& shown) {
  const std::string diagnosis = Text(shown, "diagnosis");
  if (diagnosis.empty()) {
    return;
  }
  const auto& findings = shown["findings"];
  const bool is_error = std::ranges::any_of(
      findings, [](const json& finding) { return Text(finding, "severity") == "error"; });
  std::cout << Paint(STDOUT_FILENO, is_error ? Colour::kRed : Colour::kYellow, diagnosis) << "\n\n";
}

void AddUse(Sheet& sheet, const json& use, const json& limits) {
  if (use.contains("memory_bytes")) {
    std::string cpu = Short(use, "cpu_percent") + " % of one processor";
    cpu += limits.contains("cpus") ? "; limit " + Short(limits, "cpus") + " processors" : "";
    std::string memory = tools::BytesText(Number(use, "memory_bytes"));
    if (limits.contains("memory_mb")) {
      memory += " of " + Short(limits, "memory_mb") + " MiB";
    }
    memory += ", and " + tools::BytesText(Number(use, "cache_bytes")) + " of cache";
    sheet.Add("cpu", cpu);
    sheet.Add("memory", memory);
    sheet.Add("processes",
              Short(use, "pids") + (limits.contains("pids") ? " of " + Short(limits, "pids") : ""));
    sheet.Add("network", tools::BytesText(Number(use, "network_received")) + " in, " +
                             tools::BytesText(Number(use, "network_sent")) + " out");
    sheet.Add("disk", tools::BytesText(Number(use, "disk_read")) + " read, " +
                          tools::BytesText(Number(use, "disk_written")) + " written");
  } else {
    sheet.Add("limits", Pairs(limits, " "));
  }
  if (use.contains("log_bytes")) {
    sheet.Add("log", tools::BytesText(Number(use, "log_bytes")));
  }
}

std::string ServiceLine(const json& service) {
  std::string line = Text(service, "name");
  const std::string kind = Text(service, "kind");
  line += kind == "unknown" && line != kind ? " (unknown kind)" : "";
  for (const json& port : service.value("ports", json::array())) {
    line += " " + AsText(port);
  }
  return line + (service.contains("pid") ? ", process " + Short(service, "pid") : "");
}

std::string MountLine(const json& mount) {
  const std::string source = Text(mount, "source");
  return (source.empty() ? Text(mount, "kind") : source) + " on " + Text(mount, "destination") +
         (mount.value("writable", false) ? "" : ", read-only");
}

std::string CheckLine(const json& run) {
  return Text(run, "ended_at") + " exit " + Short(run, "exit_code") +
         (Text(run, "output").empty() ? "" : ": " + Text(run, "output"));
}

void PrintSheet(const json& shown) {
  constexpr std::size_t kShortId = 12;
  std::cout << Text(shown, "name") << " (" << Text(shown, "id").substr(0, kShortId)
            << "): " << StateLine(shown) << '\n';
  Sheet sheet;
  const json image = shown.value("image", json::object());
  sheet.Add("image", {Text(image, "reference"),
                      image.contains("digest") ? Text(image, "digest") : Text(image, "id")});
  sheet.AddAll("services", shown.value("services", json::array()), ServiceLine);
  sheet.AddAll("not seen", shown.value("blind_spots", json::array()), AsText);
  sheet.AddAll("ports", shown.value("ports", json::array()), AsText);
  AddUse(sheet, shown.value("use", json::object()), shown.value("limits", json::object()));
  if (shown.contains("health")) {
    sheet.AddAll("checks", shown["health"].value("log", json::array()), CheckLine);
  }
  sheet.AddAll("dangers", shown.value("dangers", json::array()), AsText);
  sheet.Add("command", Text(shown, "command"));
  sheet.Add("user", Text(shown, "user"));
  sheet.AddAll("mounts", shown.value("mounts", json::array()), MountLine);
  sheet.AddAll("networks", shown.value("networks", json::array()), AsText);
  sheet.Add("restart", Text(shown, "restart_policy"));
  sheet.Add("created", Text(shown, "created_at"));
  sheet.Add("started", Text(shown, "started_at"));
  sheet.Add("finished", Text(shown, "finished_at"));
  sheet.Add("labels", Pairs(shown.value("labels", json::object()), "="));
  sheet.AddAll("left out", shown.value("cut", json::array()), AsText);
}

}  // namespace

int ContainersStatus(const ContainersStatusArgs& args, const WithCalls& with_calls) {
  Result<tools::ToolResult> done = Error{ErrorCode::kInternal, "no call was made", {}, {}, 0};
  int signal = 0;
  if (auto stood = with_calls([&](ToolCalls& calls) {
        done = calls.Call("container_status", {{"container", args.name}}, {});
        signal = calls.signal();
      });
      !stood) {
    done = std::move(stood).error();
  }
  if (HasFailed(done)) {
    return signal != 0 ? kExitSignalBase + signal : Fail(done, kExitFailure);
  }
  const json shown = done->structured.value("container", json::object());
  if (args.json) {
    std::cout << DumpJson(shown) << '\n';
  } else {
    PrintDiagnosis(shown);
    PrintSheet(shown);
  }
  return Flushed(kExitOk, kExitFailure);
}

int ContainersCommand(const ContainersArgs& args, const WithCalls& with_calls) {
  if (const auto* list = std::get_if<ContainersListArgs>(&args.work)) {
    return ContainersList(*list, with_calls);
  }
  if (const auto* status = std::get_if<ContainersStatusArgs>(&args.work)) {
    return ContainersStatus(*status, with_calls);
  }
  if (const auto* logs = std::get_if<ContainersLogsArgs>(&args.work)) {
    return ContainersLogs(*logs, with_calls);
  }
  if (const auto* exec = std::get_if<ContainersExecArgs>(&args.work)) {
    return ContainersExec(*exec, with_calls);
  }
  return ContainersOptimize(std::get<ContainersOptimizeArgs>(args.work), with_calls);
}

}  // namespace casemate::cli
