// `casemate audit tail|verify|export`.
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <iostream>

#include <nlohmann/json.hpp>

#include "base/json.h"
#include "base/text.h"
#include "clients/cli/commands.h"
#include "clients/cli/terminal.h"

namespace casemate::cli {
namespace {

int Fail(const Error& error) {
  std::cerr << "casemate: " << Describe(error) << '\n';
  return kExitFailure;
}

// What a record is about, in one line; the whole of it is in --json.
std::string Summary(const nlohmann::json& body) {
  const std::string kind = body.value("kind", "?");
  if (kind == "outcome") {
    const auto outcome = body.value("outcome", nlohmann::json::object());
    std::string text = "of #" + std::to_string(body.value("intent_seq", std::int64_t{0})) + ": " +
                       outcome.value("status", "?");
    if (outcome.contains("exit_code") && outcome["exit_code"].is_number_integer()) {
      text += " (exit code " + std::to_string(outcome["exit_code"].get<int>()) + ")";
    }
    return text;
  }
  if (kind == "intent" || kind == "refused") {
    const auto args = body.value("args", nlohmann::json::object());
    std::string what = body.value("tool", "?");
    if (args.contains("command")) {
      what += " " + DumpJson(args["command"]);
    } else if (args.contains("language")) {
      what += " " + args.value("language", "?") + " code";
    }
    constexpr std::size_t kWidth = 90;
    return ToValidUtf8(what.substr(0, kWidth));
  }
  return body.contains("detail") ? DumpJson(body["detail"]).substr(0, 120) : "";
}

std::string PaintKind(const std::string& kind) {
  std::string padded = kind;
  padded.resize(std::max<std::size_t>(12, padded.size()), ' ');
  return kind == "refused" ? Paint(STDOUT_FILENO, Colour::kRed, padded)
                           : Paint(STDOUT_FILENO, Colour::kDim, padded);
}

// A damaged record is shown as one: that is when the trail is looked at.
std::string Line(const std::string& text) {
  constexpr const char* kDamaged = "(damaged: run `casemate audit verify`)";
  const auto body = ParseJson(text);
  if (!body || !body->is_object()) {
    return kDamaged;
  }
  try {
    return FormatTime(body->value("time_ms", std::int64_t{0})) + "  " +
           PaintKind(body->value("kind", "?")) + " " + EscapeControls(Summary(*body), false);
  } catch (const nlohmann::json::exception&) {
    return kDamaged;  // a member of another type
  }
}

nlohmann::json ToJson(const policies::AuditVerification& report) {
  nlohmann::json problems = nlohmann::json::array();
  for (const auto& problem : report.problems) {
    problems.push_back({{"seq", problem.seq}, {"what", problem.what}});
  }
  return {{"intact", report.problems.empty()},
          {"records", report.records},
          {"head_hash", report.head_hash},
          {"problems", std::move(problems)},
          {"unfinished", report.unfinished_intents},
          {"running", report.running_intents},
          {"clock_regressions", report.clock_regressions}};
}

std::string List(const std::vector<std::int64_t>& seqs) {
  std::string text;
  for (const std::int64_t seq : seqs) {
    text += (text.empty() ? "#" : ", #") + std::to_string(seq);
  }
  return text;
}

}  // namespace

int AuditTailCommand(const AuditTailArgs& args, policies::AuditLog& audit) {
  auto records = audit.Tail(args.count);
  if (!records) {
    return Fail(records.error());
  }
  for (const auto& record : *records) {
    if (args.json) {
      std::cout << record.body << '\n';
      continue;
    }
    std::cout << '#' << record.seq << "  " << Line(record.body) << '\n';
  }
  return Flushed(kExitOk, kExitFailure);
}

int AuditVerifyCommand(const AuditVerifyArgs& args, policies::AuditLog& audit,
                       const IsAlive& is_alive) {
  auto report = audit.Verify(is_alive);
  if (!report) {
    return Fail(report.error());
  }
  const bool intact = report->problems.empty();
  if (args.json) {
    std::cout << DumpJson(ToJson(*report)) << '\n';
    return Flushed(intact ? kExitOk : kExitFailure, kExitFailure);
  }
  for (const auto& problem : report->problems) {
    std::cout << Paint(STDOUT_FILENO, Colour::kRed, "BROKEN") << " at #" << problem.seq << ": "
              << problem.what << '\n';
  }
  if (intact) {
    std::cout << Paint(STDOUT_FILENO, Colour::kGreen, "intact") << ": " << report->records
              << " records, head " << report->head_hash << '\n';
  }
  if (!report->unfinished_intents.empty()) {
    std::cout << Paint(STDOUT_FILENO, Colour::kYellow, "unfinished")
              << " (the server died during the call, or could not record its end): "
              << List(report->unfinished_intents) << '\n';
  }
  if (!report->running_intents.empty()) {
    std::cout << "running now: " << List(report->running_intents) << '\n';
  }
  if (!report->clock_regressions.empty()) {
    std::cout << "clock set back before: " << List(report->clock_regressions) << '\n';
  }
  return Flushed(intact ? kExitOk : kExitFailure, kExitFailure);
}

int AuditExportCommand(policies::AuditLog& audit) {
  auto done = audit.ForEach([](const policies::AuditRecord& record) {
    std::cout << DumpJson({{"hash", record.hash}, {"body", record.body}}) << '\n';
  });
  if (!done) {
    std::cout.flush();
    return Fail(done.error());
  }
  return Flushed(kExitOk, kExitFailure);
}

}  // namespace casemate::cli
