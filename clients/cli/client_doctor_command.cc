// `casemate client doctor`.
#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <iostream>

#include <nlohmann/json.hpp>

#include "base/json.h"
#include "base/text.h"
#include "clients/cli/client_places.h"
#include "clients/cli/commands.h"
#include "clients/cli/terminal.h"
#include "clients/hosts/examine.h"

namespace casemate::cli {
namespace {

using hosts::Examination;
using hosts::State;

// One file of one host that was looked at.
struct Finding {
  const hosts::Host* host;
  hosts::Scope scope;
  bool was_asked_for;  // by its name
  Examination examination;
};

const char* NameOf(State state) {
  switch (state) {
    case State::kWell:
      return "well";
    case State::kNoEntry:
      return "no_entry";
    case State::kWrong:
      return "wrong";
    case State::kNotExamined:
      return "not_examined";
  }
  return "?";
}

// The files of a host that matter: those with something in them and, if none has, the usual one.
std::vector<Finding> FindingsOf(const hosts::Host& host, const hosts::Surroundings& surroundings,
                                const std::string& name, bool was_asked_for,
                                const std::string& self) {
  std::vector<Finding> findings;
  findings.reserve(host.places.size());
  for (const hosts::Place& place : host.places) {
    findings.push_back({&host, place.scope, was_asked_for,
                        hosts::Examine(host, hosts::TargetOf(host, place, surroundings, name),
                                       surroundings, self)});
  }
  const auto has_nothing = [](const Finding& f) { return f.examination.state == State::kNoEntry; };
  if (std::all_of(findings.begin(), findings.end(), has_nothing)) {
    findings.erase(findings.begin() + 1, findings.end());
  } else {
    findings.erase(std::remove_if(findings.begin(), findings.end(), has_nothing), findings.end());
  }
  // Two scopes of a host can be in one file; an error in it is one error.
  const auto same = [](const Finding& a, const Finding& b) {
    return a.examination.state == State::kWrong && b.examination.state == State::kWrong &&
           a.examination.where == b.examination.where;
  };
  for (std::size_t i = 0; i < findings.size(); ++i) {
    findings.erase(
        std::remove_if(findings.begin() + static_cast<std::ptrdiff_t>(i) + 1, findings.end(),
                       [&](const Finding& f) { return same(findings[i], f); }),
        findings.end());
  }
  return findings;
}

// A host that somebody has, but did not connect, is no fault, unless it was asked for.
bool IsWrong(const Finding& finding) {
  return finding.examination.state == State::kWrong ||
         (finding.examination.state == State::kNoEntry && finding.was_asked_for);
}

nlohmann::json ToJson(const Finding& finding) {
  const Examination& examination = finding.examination;
  nlohmann::json object = {{"host", finding.host->id},
                           {"scope", hosts::NameOf(finding.scope)},
                           {"state", NameOf(examination.state)},
                           {"where", examination.where}};
  if (!examination.command.empty()) {
    object["command"] = examination.command;
  }
  if (!examination.problem.empty()) {
    object["problem"] = examination.problem;
  }
  if (!examination.remedy.empty()) {
    object["remedy"] = examination.remedy;
  }
  if (!examination.probe.complaints.empty()) {
    object["stderr"] = examination.probe.complaints;
  }
  if (examination.state == State::kWell) {
    object["server"] = examination.probe.server;
    object["editions"] = examination.probe.editions;
    object["tools"] = examination.probe.tools;
    object["first_reply_ms"] = examination.probe.first_reply_ms;
    object["tools_ms"] = examination.probe.tools_ms;
  }
  return object;
}

std::string Milliseconds(double ms) {
  return std::to_string(std::lround(ms)) + " ms";
}

void Print(const Finding& finding) {
  const Examination& examination = finding.examination;
  const hosts::Probe& probe = examination.probe;
  std::cout << finding.host->title << " (" << hosts::NameOf(finding.scope) << ")  "
            << EscapeControls(examination.where, false) << '\n';
  switch (examination.state) {
    case State::kWell:
      std::cout << "  " << Paint(STDOUT_FILENO, Colour::kGreen, "well") << "  " << probe.tools
                << " tools; first reply after " << Milliseconds(probe.first_reply_ms)
                << ", list of tools after " << Milliseconds(probe.tools_ms) << "; "
                << Join(probe.editions, " and ") << '\n';
      break;
    case State::kNoEntry:
      std::cout << "  "
                << Paint(STDOUT_FILENO, IsWrong(finding) ? Colour::kRed : Colour::kYellow,
                         "not connected")
                << "  " << examination.remedy << '\n';
      break;
    case State::kNotExamined:
      std::cout << "  " << Paint(STDOUT_FILENO, Colour::kYellow, "not examined") << "  "
                << EscapeControls(examination.problem, false) << '\n';
      break;
    case State::kWrong:
      std::cout << "  " << Paint(STDOUT_FILENO, Colour::kRed, "WRONG") << "  "
                << EscapeControls(examination.problem, false) << "\n  → " << examination.remedy
                << '\n';
      break;
  }
  for (std::size_t at = 0; at < probe.complaints.size();) {
    const std::size_t end = std::min(probe.complaints.find('\n', at), probe.complaints.size());
    std::cout << "  | " << EscapeControls(probe.complaints.substr(at, end - at), false) << '\n';
    at = end + 1;
  }
}

int Fail(const Error& error) {
  std::cerr << "casemate: client: " << Describe(error) << '\n';
  return kExitUsage;
}

}  // namespace

int ClientDoctorCommand(const ClientDoctorArgs& args) {
  auto surroundings = SurroundingsHere(args.project);
  if (!surroundings) {
    return Fail(surroundings.error());
  }
  if (auto checked = CheckName(args.name); !checked) {
    return Fail(checked.error());
  }
  auto self = ThisProgram();
  if (!self) {
    return Fail(self.error());
  }
  std::vector<const hosts::Host*> chosen;
  for (const std::string& id : args.hosts) {
    auto host = hosts::FindHost(id);
    if (!host) {
      return Fail(host.error());
    }
    chosen.push_back(*host);
  }
  if (args.hosts.empty()) {
    for (const hosts::Host& host : hosts::Hosts()) {
      if (hosts::IsUsed(host, *surroundings)) {
        chosen.push_back(&host);
      }
    }
  }
  std::vector<Finding> findings;
  for (const hosts::Host* host : chosen) {
    auto some = FindingsOf(*host, *surroundings, args.name, !args.hosts.empty(), *self);
    findings.insert(findings.end(), std::make_move_iterator(some.begin()),
                    std::make_move_iterator(some.end()));
  }
  const bool is_any_connected = std::any_of(findings.begin(), findings.end(), [](const Finding& f) {
    return f.examination.state != State::kNoEntry;
  });
  const bool is_well = is_any_connected && std::none_of(findings.begin(), findings.end(), IsWrong);
  if (args.json) {
    nlohmann::json entries = nlohmann::json::array();
    for (const Finding& finding : findings) {
      entries.push_back(ToJson(finding));
    }
    std::cout << DumpJson({{"ok", is_well}, {"entries", std::move(entries)}}) << '\n';
  } else {
    for (const Finding& finding : findings) {
      Print(finding);
    }
    if (!is_any_connected) {
      std::cout << "No host is connected to Casemate; `casemate client list` names the hosts.\n";
    }
  }
  return Flushed(is_well ? kExitOk : kExitFailure, kExitFailure);
}

}  // namespace casemate::cli
