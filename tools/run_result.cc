#include "tools/run_result.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <iterator>
#include <limits>
#include <optional>
#include <utility>
#include <vector>

#include <nlohmann/json.hpp>

#include "base/hash.h"
#include "base/text.h"
#include "tools/output_text.h"
#include "tools/run_args.h"
#include "tools/run_errors.h"
#include "tools/run_symptoms.h"
#include "tools/run_workspace.h"

namespace casemate::tools {

namespace {

using nlohmann::json;
using sandbox::OutcomeStatus;
using sandbox::SandboxOutcome;

// Being held back for less than this part of its time is nothing that a caller need know.
constexpr std::int64_t kSlowedShare = 10;

json IsolationJson(const SandboxOutcome& outcome, const RunFacts& facts) {
  json layers = json::array();
  for (const sandbox::Layer& layer : outcome.layers) {
    layers.push_back({{"name", ToValidUtf8(layer.name)},
                      {"in_force", layer.in_force},
                      {"detail", ToValidUtf8(layer.detail)}});
  }
  json isolation = {{"layers", std::move(layers)}, {"workspace", ToString(facts.workspace)}};
  if (outcome.made_ahead) {
    isolation["made_ahead"] = true;
  }
  return isolation;
}

std::string UriOf(const std::string& id, const char* part) {
  return "casemate://runs/" + id + "/" + part;
}

// One of the two streams, and what was kept of it.
struct StreamFacts {
  const char* name;
  const sandbox::CapturedStream& stream;
  std::uint64_t kept_bytes;
};
std::array<StreamFacts, 2> StreamsOf(const SandboxOutcome& outcome, const RunFacts& facts) {
  return {{{"stdout", outcome.out, facts.kept ? facts.kept->stdout_bytes : 0},
           {"stderr", outcome.err, facts.kept ? facts.kept->stderr_bytes : 0}}};
}

std::string CutNote(const StreamFacts& stream, const KeptOutput& kept) {
  const bool all = stream.kept_bytes >= stream.stream.total_bytes;
  const std::string what =
      all ? std::string("all of it") : "its first " + std::to_string(stream.kept_bytes) + " bytes";
  return std::string(stream.name) + " was cut; " + what + ": job_output with job_id " + kept.id +
         (std::string_view(stream.name) == "stdout" ? "" : " and stream stderr") +
         " (offset and limit_kb pick a part), or " + UriOf(kept.id, stream.name) +
         "?offset=0&limit=8192";
}

void AddCutNotes(const SandboxOutcome& outcome, const RunFacts& facts,
                 std::vector<std::string>& notes) {
  if (facts.is_streamed || (!outcome.out.truncated() && !outcome.err.truncated())) {
    return;
  }
  if (facts.kept) {
    for (const StreamFacts& stream : StreamsOf(outcome, facts)) {
      if (stream.stream.truncated()) {
        notes.push_back(CutNote(stream, *facts.kept));
      }
    }
    return;
  }
  notes.push_back("the middle of the output was cut: limits.output_kb = " +
                  std::to_string(facts.limits.output_kb) + " (policy grants up to " +
                  std::to_string(facts.granted.output_kb) +
                  "); write long output to a file and read the part you need");
}

std::string Cpus(std::int64_t millis) {
  return json(static_cast<double>(millis) / 1000).dump();
}

std::vector<std::string> Notes(const SandboxOutcome& outcome, const RunFacts& facts) {
  std::vector<std::string> notes;
  const auto at_limit = [&](const std::string& what, const char* limit, const std::string& value,
                            const std::string& granted, const char* instead) {
    notes.push_back(what + " at limits." + limit + " = " + value + " (policy grants up to " +
                    granted + "): raise it, or " + instead);
  };
  if (outcome.pids_limit_hit) {
    at_limit("new processes or threads were refused", "pids", std::to_string(facts.limits.pids),
             std::to_string(facts.granted.pids), "start fewer at once");
  }
  // A command that died of it has that as its status.
  if (outcome.oom_kills > 0 && outcome.status != OutcomeStatus::kOomKilled) {
    at_limit("the kernel killed some of its processes (" + std::to_string(outcome.oom_kills) + ")",
             "memory_mb", std::to_string(facts.limits.memory_mb),
             std::to_string(facts.granted.memory_mb), "hold less in memory");
  }
  if (outcome.cpu_throttled_ms * kSlowedShare >= std::max<std::int64_t>(outcome.duration_ms, 1)) {
    at_limit("it was held back for " + std::to_string(outcome.cpu_throttled_ms) +
                 " ms (of all processors together)",
             "cpus", Cpus(facts.limits.cpu_millis), Cpus(facts.granted.cpu_millis),
             "give it more time");
  }
  std::ranges::move(SymptomNotes(outcome, facts), std::back_inserter(notes));
  AddCutNotes(outcome, facts, notes);
  if (!facts.not_kept.empty()) {
    notes.push_back("the full output could not be kept: " + ToValidUtf8(facts.not_kept));
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
      {"usage",
       {{"cpu_ms", outcome.cpu_ms},
        {"cpu_throttled_ms", outcome.cpu_throttled_ms},
        {"max_memory_kb", outcome.max_memory_kb},
        {"oom_kills", outcome.oom_kills},
        {"pids_limit_hit", outcome.pids_limit_hit}}},
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

// Where the rest is: of what was cut, structured and as links.
void AddResources(const SandboxOutcome& outcome, const RunFacts& facts, ToolResult& result) {
  if (!facts.kept || (!outcome.out.truncated() && !outcome.err.truncated())) {
    return;
  }
  json resources = {{"result", UriOf(facts.kept->id, "result")}};
  for (const StreamFacts& stream : StreamsOf(outcome, facts)) {
    if (!stream.stream.truncated()) {
      continue;
    }
    const std::string uri = UriOf(facts.kept->id, stream.name);
    resources[stream.name] = uri;
    result.more.emplace_back(ResourceLink{uri, stream.name, std::string("All of ") + stream.name,
                                          "text/plain",
                                          static_cast<std::int64_t>(stream.kept_bytes)});
  }
  result.structured["run_id"] = facts.kept->id;
  result.structured["resources"] = std::move(resources);
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
  if (outcome.status == OutcomeStatus::kLost) {
    record["stage"] = ToValidUtf8(outcome.stage);
    record["may_have_run"] = true;
  }
  return record;
}

std::string Section(const char* title, const sandbox::CapturedStream& stream, std::size_t limit) {
  const std::string shown = ShownText(stream, limit);
  if (shown.empty()) {
    return {};
  }
  return std::string(title) + ":\n" + shown + (shown.ends_with('\n') ? "" : "\n");
}

// Both streams in at most `budget` bytes: what one does not need, the other may have.
std::string Sections(const SandboxOutcome& outcome, std::size_t budget) {
  constexpr std::size_t kTitleBytes = 16;
  constexpr std::size_t kAny = std::numeric_limits<std::size_t>::max();
  const std::string out = Section("stdout", outcome.out, kAny);
  const std::string err = Section("stderr", outcome.err, kAny);
  if (out.size() + err.size() <= budget) {
    return out + err;
  }
  const auto room = [&](std::size_t other) {
    return std::max(budget / 2, budget - std::min(budget, other)) - kTitleBytes;
  };
  return Section("stdout", outcome.out, room(err.size())) +
         Section("stderr", outcome.err, room(out.size()));
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

std::string Text(const SandboxOutcome& outcome, const RunFacts& facts, const json& structured) {
  std::string text = Headline(outcome) + "\n";
  if (structured.contains("error")) {
    const json& error = structured["error"];
    text += "Error: " + error["message"].get<std::string>() + "\n";
    if (error.contains("remedy")) {
      text += "What to do: " + error["remedy"].get<std::string>() + "\n";
    }
  }
  std::string notes;
  for (const json& note : structured.value("notes", json::array())) {
    notes += "Note: " + note.get<std::string>() + "\n";
  }
  // Never so little that nothing of the output is seen.
  const std::size_t around = std::min(facts.max_text_bytes / 2, text.size() + notes.size());
  text += Sections(outcome, facts.max_text_bytes == 0 ? std::numeric_limits<std::size_t>::max()
                                                      : facts.max_text_bytes - around);
  if (outcome.out.total_bytes == 0 && outcome.err.total_bytes == 0 &&
      !structured.contains("error")) {
    text += "(no output)\n";
  }
  return text + notes;
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
    result.structured["error"] = ErrorResult(KindOf(outcome.status), *error).structured["error"];
  }
  result.audit = AuditOutcome(outcome, facts, result.structured);
  AddResources(outcome, facts, result);
  result.text = Text(outcome, facts, result.structured);
  return result;
}

}  // namespace casemate::tools
