// The arguments of `casemate policy`. Plain values.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

namespace casemate::cli {

// `policy`: a file or the name of a shipped policy; empty: that of the configuration.
struct PolicyLintArgs {
  std::string policy;
  bool json = false;
};
struct PolicyTestArgs {
  std::string policy;
  std::vector<std::string> suites;
  bool coverage = false;
  std::optional<int> threshold;  // percent of the rules
  bool json = false;
};
struct PolicyExplainArgs {
  std::string policy;
  std::string tool;
  std::string args = "{}";  // JSON, @FILE, or -
  std::string context = "{}";
  std::string history = "{}";
  std::string principal = "local";
  std::string tenant = "local";
  std::vector<std::string> roles;
  bool json = false;
};
struct PolicyDiffArgs {
  std::string before;
  std::string after;
  std::vector<std::string> suites;
  bool json = false;
};
struct PolicySimulateArgs {
  std::string policy;
  std::string from = "audit";  // or a file of `casemate audit export`
  std::string since;           // 2h, 2026-11-20 or a sequence number; empty: all
  std::int64_t limit = 0;      // the newest so many calls; 0: all
  bool fail_on_flips = false;
  bool json = false;
};

struct PolicyArgs {
  std::variant<PolicyLintArgs, PolicyTestArgs, PolicyExplainArgs, PolicyDiffArgs,
               PolicySimulateArgs>
      work;
};

}  // namespace casemate::cli
