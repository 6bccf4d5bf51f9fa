// `casemate approve list|show|grant|deny`.
#include <unistd.h>

#include <algorithm>
#include <array>
#include <iostream>

#include <nlohmann/json.hpp>

#include "base/clock.h"
#include "base/json.h"
#include "base/text.h"
#include "clients/cli/commands.h"
#include "clients/cli/table.h"
#include "clients/cli/terminal.h"
#include "policies/engine/policy_json.h"
#include "tools/approval_text.h"

namespace casemate::cli {
namespace {

using policies::Approval;
using policies::ApprovalState;

int Fail(const Error& error) {
  std::cerr << "casemate: " << Describe(error) << '\n';
  return kExitFailure;
}

// Whoever may run this on the state directory is the owner of the server, as over stdio.
policies::Decider Operator() {
  return {policies::Principal{}, "cli", static_cast<std::int64_t>(getuid())};
}

nlohmann::json TimeOrNull(std::int64_t time_ms) {
  return time_ms == 0 ? nlohmann::json() : nlohmann::json(time_ms);
}

nlohmann::json ToJson(const Approval& approval) {
  nlohmann::json decided;
  if (approval.decided_ms != 0) {
    decided = {{"by", approval.approver},
               {"tenant", approval.approver_tenant},
               {"channel", approval.approver_channel},
               {"at_ms", approval.decided_ms},
               {"reason", approval.deny_reason},
               {"remember", approval.remember}};
  }
  return {{"id", approval.id},
          {"state", ToString(approval.state)},
          {"tool", approval.call.tool},
          {"call", approval.call.hash},
          {"principal",
           {{"id", approval.call.principal.id}, {"tenant", approval.call.principal.tenant}}},
          {"channel", approval.call.channel},
          {"rules", approval.rules},
          {"revision", approval.revision},
          {"terms", policies::ApprovalJson(approval.terms)},
          {"summary", approval.text.summary},
          {"created_ms", approval.created_ms},
          {"expires_ms", approval.expires_ms},
          {"decided", std::move(decided)},
          {"used_ms", TimeOrNull(approval.used_ms)},
          {"audit_seq", approval.audit_seq}};
}

// Of the database, a file that others may have written to.
std::string Safe(const std::string& text) {
  return EscapeControls(ToValidUtf8(text), false);
}

std::string Who(const std::string& id, const std::string& tenant) {
  return id == tenant ? id : id + " (" + tenant + ")";
}

std::vector<std::string> RowOf(const Approval& approval, std::int64_t now) {
  const bool is_open =
      approval.state == ApprovalState::kPending || approval.state == ApprovalState::kGranted;
  return {approval.id,
          std::string(ToString(approval.state)),
          tools::InWords(now - approval.created_ms),
          is_open ? tools::InWords(approval.expires_ms - now) : "-",
          Who(approval.call.principal.id, approval.call.principal.tenant),
          approval.text.summary};
}

void PrintOne(const Approval& approval, std::int64_t now) {
  std::cout << "Approval " << approval.id << ": " << ToString(approval.state);
  if (approval.state == ApprovalState::kPending || approval.state == ApprovalState::kGranted) {
    std::cout << ", for another " << tools::InWords(approval.expires_ms - now);
  }
  std::cout << "\nMay be granted by: " << policies::ToString(approval.terms.by)
            << "; may be remembered: " << policies::ToString(approval.terms.remember) << '\n';
  if (approval.decided_ms != 0) {
    std::cout << "Decided by: " << Safe(Who(approval.approver, approval.approver_tenant))
              << " over " << Safe(approval.approver_channel) << ", " << Rfc3339(approval.decided_ms)
              << '\n';
  }
  if (!approval.deny_reason.empty()) {
    std::cout << "Denied because: " << Safe(approval.deny_reason) << '\n';
  }
  std::cout << '\n' << EscapeControls(ToValidUtf8(approval.text.full), true);
}

}  // namespace

int ApproveListCommand(const ApproveListArgs& args, policies::ApprovalDesk& desk) {
  auto list = desk.List(args.all);
  if (!list) {
    return Fail(list.error());
  }
  if (args.json) {
    nlohmann::json items = nlohmann::json::array();
    std::ranges::transform(*list, std::back_inserter(items), ToJson);
    std::cout << DumpJson({{"approvals", std::move(items)}}) << '\n';
    return Flushed(kExitOk, kExitFailure);
  }
  if (list->empty()) {
    std::cout << (args.all ? "No call has asked for approval.\n" : "Nothing waits for approval.\n");
    return Flushed(kExitOk, kExitFailure);
  }
  const std::int64_t now = WallClockMs();
  std::vector<std::vector<std::string>> rows = {
      {"ID", "STATE", "AGE", "EXPIRES IN", "WHO", "CALL"}};
  for (const Approval& approval : *list) {
    rows.push_back(RowOf(approval, now));
  }
  PrintTable(rows);
  return Flushed(kExitOk, kExitFailure);
}

int ApproveShowCommand(const ApproveShowArgs& args, policies::ApprovalDesk& desk) {
  auto approval = desk.Show(args.id);
  if (!approval) {
    return Fail(approval.error());
  }
  if (args.json) {
    nlohmann::json shown = ToJson(*approval);
    shown["text"] = approval->text.full;
    std::cout << DumpJson(shown) << '\n';
  } else {
    PrintOne(*approval, WallClockMs());
  }
  return Flushed(kExitOk, kExitFailure);
}

int ApproveGrantCommand(const ApproveGrantArgs& args, policies::ApprovalDesk& desk) {
  auto granted = desk.Grant(args.id, Operator(), args.remember);
  if (!granted) {
    return Fail(granted.error());
  }
  std::cout << "Approved " << granted->id << ": " << Safe(granted->text.summary)
            << "\nIt holds for one call, made within "
            << tools::InWords(granted->expires_ms - WallClockMs())
            << (granted->remember ? ", and what it says is remembered for that session" : "")
            << ".\n";
  return Flushed(kExitOk, kExitFailure);
}

int ApproveDenyCommand(const ApproveDenyArgs& args, policies::ApprovalDesk& desk) {
  auto denied = desk.Deny(args.id, Operator(), args.reason);
  if (!denied) {
    return Fail(denied.error());
  }
  std::cout << "Denied " << denied->id << ": " << Safe(denied->text.summary) << '\n';
  return Flushed(kExitOk, kExitFailure);
}

}  // namespace casemate::cli
