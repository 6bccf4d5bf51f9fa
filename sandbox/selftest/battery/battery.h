// Runs rows of the battery: the attack in `casemate run`, the invariants after it, and the control.
// Assertions are Catch2's. Single-threaded.
#pragma once

#include <string>
#include <vector>

#include <nlohmann/json_fwd.hpp>

#include "sandbox/selftest/battery/host.h"
#include "sandbox/selftest/battery/process.h"
#include "sandbox/selftest/battery/row.h"
#include "sandbox/selftest/battery/served.h"

namespace casemate::escape {

struct Tally {
  int shown = 0;         // controls in which the attack worked
  int skipped = 0;       // controls that could not show it here
  int served = 0;        // attacks that went through a server and may find a sandbox made ahead
  int made_ahead = 0;    // of these, those that did
  int not_promised = 0;  // attacks that got through where the docs promise nothing
};

class Battery {
 public:
  // With `served` the attacks go through that server, otherwise through `casemate run`.
  explicit Battery(Host& host, Served* served = nullptr) : host_(host), served_(served) {}

  void Check(const Row& row);

  // The command line of `casemate run --json` for an attack.
  [[nodiscard]] Launch Confined(const Row& row) const;
  // The same attack outside, in the workspace's directory.
  [[nodiscard]] Launch Unconfined(const std::vector<std::string>& attack) const;
  // Nothing of the finished calls is left: processes, mounts, cgroups, files, visitors; and the
  // newest call stands in the audit trail with its outcome.
  void CheckInvariants(const nlohmann::json& result);
  [[nodiscard]] Finished Casemate(const std::vector<std::string>& arguments) const;
  [[nodiscard]] Host& host() const { return host_; }
  [[nodiscard]] const Tally& tally() const { return tally_; }
  void CountShown() { ++tally_.shown; }
  void CountSkipped() { ++tally_.skipped; }

 private:
  void CheckConfined(const Row& row);
  [[nodiscard]] nlohmann::json RunCommandLine(const Row& row, const Launch& launch) const;
  [[nodiscard]] nlohmann::json RunServed(const Row& row, const Launch& launch);
  void CheckControl(const Row& row);
  void CheckAudit(const nlohmann::json& result);
  [[nodiscard]] bool NotPromised(const Row& row, const nlohmann::json& result);
  void Skip(const Row& row, const std::string& answer);

  Host& host_;
  Served* served_;
  Tally tally_;
};

// The probe's "result=… detail=…" in `output` as "blocked EPERM"; empty when there is none.
std::string VerdictIn(const std::string& output);
// "a | b" names `answer`; "succeeded" also names "succeeded with details".
bool Names(const std::string& alternatives, const std::string& answer);
// The probe's arguments in which `words` are expanded.
std::vector<std::string> Expanded(const Host& host, const std::vector<std::string>& words);

}  // namespace casemate::escape
