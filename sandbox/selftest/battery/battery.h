// Runs rows of the battery: the attack in `casemate run`, the invariants after it, and the control.
// What it finds goes into the trial. Single-threaded.
#pragma once

#include <string>
#include <vector>

#include <nlohmann/json_fwd.hpp>

#include "sandbox/selftest/battery/host.h"
#include "sandbox/selftest/battery/process.h"
#include "sandbox/selftest/battery/row.h"
#include "sandbox/selftest/battery/served.h"
#include "sandbox/selftest/battery/trial.h"

namespace casemate::escape {

struct Ahead {
  int served = 0;  // attacks that went through a server and may find a sandbox made ahead
  int found = 0;   // of these, those that did
};

class Battery {
 public:
  // With `served` the attacks go through that server, otherwise through `casemate run`.
  explicit Battery(Host& host, Served* served = nullptr) : host_(host), served_(served) {}

  void Try(const Row& row, Trial& trial);

  // The command line of `casemate run --json` for an attack.
  [[nodiscard]] Launch Confined(const Row& row) const;
  // The same attack outside, in the workspace's directory.
  [[nodiscard]] Launch Unconfined(const std::vector<std::string>& attack) const;
  // Nothing of the finished calls is left: processes, mounts, cgroups, files, visitors; and the
  // newest call stands in the audit trail with its outcome.
  void CheckInvariants(const nlohmann::json& result, Trial& trial);
  [[nodiscard]] Finished Casemate(const std::vector<std::string>& arguments) const;
  [[nodiscard]] Host& host() const { return host_; }
  [[nodiscard]] const Ahead& ahead() const { return ahead_; }

 private:
  void TryConfined(const Row& row, Trial& trial);
  [[nodiscard]] nlohmann::json RunCommandLine(const Row& row, const Launch& launch, Trial& trial);
  [[nodiscard]] nlohmann::json RunServed(const Row& row, const Launch& launch, Trial& trial);
  void TryControl(const Row& row, Trial& trial);
  void CheckAudit(const nlohmann::json& result, Trial& trial);
  [[nodiscard]] const std::string& ExpectedOf(const Row& row, const nlohmann::json& result) const;
  [[nodiscard]] bool NotPromised(const Row& row, const nlohmann::json& result);

  Host& host_;
  Served* served_;
  Ahead ahead_;
};

// The probe's "result=… detail=…" in `output` as "blocked EPERM"; empty when there is none.
std::string VerdictIn(const std::string& output);
// A text of the result's error; empty when it has none.
std::string ErrorIn(const nlohmann::json& result, const char* field);
// "a | b" names `answer`; "succeeded" also names "succeeded with details".
bool Names(const std::string& alternatives, const std::string& answer);
// The result that `casemate run --json` printed; ends the trial when there is none.
nlohmann::json ResultIn(const Finished& finished, Trial& trial);

}  // namespace casemate::escape
