#include "tools/run_result.h"

#include <cstring>
#include <optional>
#include <utility>
#include <vector>

#include <nlohmann/json.hpp>

#include "base/hash.h"
#include "base/text.h"
#include "tools/output_text.h"
#include "tools/run_args.h"
#include "tools/run_errors.h"
#include "tools/run_workspace.h"

namespace casemate::tools {

namespace {

using nlohmann::json;
using sandbox::OutcomeStatus;
using sandbox::SandboxOutcome;

json IsolationJson(const SandboxOutcome& outcome, const RunFacts& facts) {
  json layers = json::array();
  for (const sandbox::Layer& layer : outcome.layers) {
    layers.push_back({{"name", ToValidUtf8(layer.name)},
                      {"in_force", layer.in_force},
                      {"detail", ToValidUtf8(layer.detail)}});
  }
  return {{"layers", std::move(layers)}, {"workspace", ToString(facts.workspace)}};
}

std::vector<std::string> Notes(const SandboxOutcome& outcome, const RunFacts& facts) {
  std::vector<std::string> notes;
  if (outcome.pids_limit_hit) {
    notes.push_back("new processes or threads were refused at limits.pids = " +
                    std::to_string(facts.limits.pids) + " (policy grants up to " +
                    std::to_string(facts.granted.pids) + ")");
  }
  if (outcome.out.truncated() || outcome.err.truncated()) {
    notes.push_back("the middle of the output was cut: limits.output_kb = " +
                    std::to_string(facts.limits.output_kb) + " (policy grants up to " +
                    std::to_string(facts.granted.output_kb) +
                    "); write long output to a file and read the part you need");
  }
  return notes;
}

json Structured(const SandboxOutcome& outcome, const RunFacts& facts) {
  json limits = LimitsJson(facts.limits);
  limits["timeout_ms"] = facts.limits.wall_ms;
  const bool exited = outcome.status == OutcomeStatus::kExited;
  json body = {
      {"status", ToString(outcome.status)},
      {"exit_code", exited ? json(outcome.exit_code) : json(nullptr)},
      {"signal", outcome.signal > 0 && !exited ? json(SignalName(outcome.signal)) : json(nullptr)},
      {"stdout", StreamText(outcome.out)},
      {"stderr", StreamText(outcome.err)},
      {"truncated", {{"stdout", outcome.out.truncated()}, {"stderr", outcome.err.truncated()}}},
      {"stdout_bytes", outcome.out.total_bytes},
      {"stderr_bytes", outcome.err.total_bytes},
      {"duration_ms", outcome.duration_ms},
      {"usage", {{"cpu_ms", outcome.cpu_ms}, {"max_memory_kb", outcome.max_memory_kb}}},
      {"limits", std::move(limits)},
      {"isolation", IsolationJson(outcome, facts)},
  };
  if (const auto notes = Notes(outcome, facts); !notes.empty()) {
    body["notes"] = notes;
  }
  const bool not_started =
      outcome.status == OutcomeStatus::kSetupFailed || outcome.status == OutcomeStatus::kExecFailed;
  if (not_started) {
    body["errno"] = outcome.sys_errno;
  }
  return body;
}

// Digests of what was kept of a stream; never the output itself.
json StreamRecord(const sandbox::CapturedStream& stream) {
  return {{"bytes", stream.total_bytes},
          {"kept_sha256", Sha256Hex(stream.head + stream.tail)},
          {"truncated", stream.truncated()}};
}

json AuditOutcome(const SandboxOutcome& outcome, const RunFacts& facts, const json& structured) {
  json missing = json::array();
  for (const sandbox::Layer& layer : outcome.layers) {
    if (!layer.in_force) {
      missing.push_back(ToValidUtf8(layer.name));
    }
  }
  json record = {{"status", structured["status"]},         {"exit_code", structured["exit_code"]},
                 {"signal", structured["signal"]},         {"duration_ms", outcome.duration_ms},
                 {"usage", structured["usage"]},           {"limits", structured["limits"]},
                 {"workspace", ToString(facts.workspace)}, {"layers_missing", std::move(missing)},
                 {"stdout", StreamRecord(outcome.out)},    {"stderr", StreamRecord(outcome.err)}};
  if (structured.contains("errno")) {
    record["stage"] = ToValidUtf8(outcome.stage);
    record["errno"] = outcome.sys_errno;
  }
  return record;
}

void AppendSection(std::string& text, const char* title, const json& output) {
  const std::string shown = EscapeControls(output.get_ref<const std::string&>(), true);
  if (shown.empty()) {
    return;
  }
  text += std::string(title) + ":\n" + shown + (shown.ends_with('\n') ? "" : "\n");
}

std::string Headline(const SandboxOutcome& outcome) {
  const std::string time = " (" + std::to_string(outcome.duration_ms) + " ms)";
  if (outcome.status == OutcomeStatus::kExited) {
    return "exit code: " + std::to_string(outcome.exit_code) + time;
  }
  if (outcome.status == OutcomeStatus::kSignaled) {
    return "ended by signal " + SignalName(outcome.signal) + time;
  }
  return std::string(ToString(outcome.status)) + time;
}

std::string Text(const SandboxOutcome& outcome, const json& structured) {
  std::string text = Headline(outcome) + "\n";
  if (structured.contains("error")) {
    const json& error = structured["error"];
    text += "Error: " + error["message"].get<std::string>() + "\n";
    if (error.contains("remedy")) {
      text += "What to do: " + error["remedy"].get<std::string>() + "\n";
    }
  }
  AppendSection(text, "stdout", structured["stdout"]);
  AppendSection(text, "stderr", structured["stderr"]);
  if (outcome.out.total_bytes == 0 && outcome.err.total_bytes == 0 &&
      !structured.contains("error")) {
    text += "(no output)\n";
  }
  for (const json& note : structured.value("notes", json::array())) {
    text += "Note: " + note.get<std::string>() + "\n";
  }
  return text;
}

}  // namespace

std::string SignalName(int number) {
  const char* abbreviation = ::sigabbrev_np(number);
  return "SIG" + (abbreviation != nullptr ? std::string(abbreviation) : std::to_string(number));
}

ToolResult MakeRunResult(const SandboxOutcome& outcome, const RunFacts& facts) {
  ToolResult result;
  result.structured = Structured(outcome, facts);
  if (const auto error = ExplainFailure(outcome, facts)) {
    result.is_error = true;
    result.structured["error"] = ErrorResult(ToString(outcome.status), *error).structured["error"];
  }
  result.audit = AuditOutcome(outcome, facts, result.structured);
  result.text = Text(outcome, result.structured);
  return result;
}

}  // namespace casemate::tools
