// What the sandbox tests share: grants, specs, and one launcher with its runner a test. Test-only.
#pragma once

#include <sched.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <memory>
#include <stop_token>
#include <string>
#include <utility>
#include <vector>

#include <catch2/catch.hpp>

#include "base/hash.h"
#include "policies/engine/policy_engine.h"
#include "sandbox/native/launcher_client.h"
#include "sandbox/native/runner.h"
#include "sandbox/native/spec.h"

namespace casemate::sandbox::test {

// Only a policy engine makes grants; this one exists to make them for tests.
class TestPolicy : public policies::PolicyEngine {
 public:
  static policies::Grant GrantOf(
      const policies::Limits& limits,
      policies::WorkspaceAccess access = policies::WorkspaceAccess::kPrivateOnly,
      bool strict = false) {
    return Issue({limits, access, strict}, "test-decision", {.id = "tester"});
  }
};

inline policies::Limits EverydayLimits() {
  return {.memory_mb = 256,
          .cpu_millis = 1000,
          .pids = 64,
          .wall_ms = 60'000,
          .output_kb = 64,
          .disk_mb = 64};
}

inline SandboxSpecBuilder Builder(std::vector<std::string> argv,
                                  const policies::Limits& limits = EverydayLimits()) {
  SandboxSpecBuilder builder(TestPolicy::GrantOf(limits));
  builder.Command(std::move(argv));
  return builder;
}

// The error of a spec that must not build.
inline Error BuildError(SandboxSpecBuilder builder) {
  auto spec = std::move(builder).Build();
  REQUIRE_FALSE(spec);
  return spec.error();
}

inline SandboxSpec Built(SandboxSpecBuilder builder) {
  auto spec = std::move(builder).Build();
  INFO((spec ? std::string() : Describe(spec.error())));
  REQUIRE(spec);
  return *std::move(spec);
}

// Processes whose parent is `pid`.
inline std::size_t CountChildren(pid_t pid) {
  std::ifstream list("/proc/" + std::to_string(pid) + "/task/" + std::to_string(pid) + "/children");
  std::size_t count = 0;
  for (pid_t child = 0; list >> child;) {
    ++count;
  }
  return count;
}

// Processes of the launcher `pid` that wait for a call; they say so in their titles.
inline std::vector<pid_t> WaitingFor(pid_t pid) {
  const std::string task = "/proc/" + std::to_string(pid) + "/task/" + std::to_string(pid);
  std::ifstream list(task + "/children");
  std::vector<pid_t> waiting;
  for (pid_t child = 0; list >> child;) {
    std::ifstream title("/proc/" + std::to_string(child) + "/cmdline");
    std::string text;
    if (std::getline(title, text, '\0') && text == "casemate-ahead") {
      waiting.push_back(child);
    }
  }
  return waiting;
}

// Where the tests' workspaces lie.
inline std::vector<policies::WorkspaceRoot> TestRoots() {
  return {{std::filesystem::canonical(std::filesystem::temp_directory_path()).string(), true}};
}

class Sandbox {
 public:
  Sandbox() {
    auto launcher = LauncherClient::Start(incarnation_, Mode::kStrict, most_ahead(), TestRoots());
    INFO((launcher ? std::string() : Describe(launcher.error())));
    REQUIRE(launcher);
    launcher_ = *std::move(launcher);
    runner_ = std::make_unique<SandboxRunner>(*launcher_);
    if (most_ahead() > 0) {
      CHECK_FALSE(Shell("true").made_ahead);
      while (WaitingFor(launcher_->pid()).empty()) {
        sched_yield();
      }
    }
  }

  // How many processes of the launcher may wait for a call.
  static std::size_t most_ahead() { return std::getenv("CASEMATE_TEST_AHEAD") != nullptr ? 1 : 0; }

  SandboxOutcome Run(SandboxSpecBuilder builder, std::stop_token stop = {},
                     OutputSink* sink = nullptr) {
    auto outcome = runner_->Run(Built(std::move(builder)), std::move(stop), sink);
    INFO((outcome ? std::string() : Describe(outcome.error())));
    REQUIRE(outcome);
    return *std::move(outcome);
  }
  SandboxOutcome Shell(const std::string& script,
                       const policies::Limits& limits = EverydayLimits()) {
    return Run(Builder({"/bin/sh", "-c", script}, limits));
  }
  [[nodiscard]] const std::string& incarnation() const { return incarnation_; }
  [[nodiscard]] LauncherClient& launcher() { return *launcher_; }
  [[nodiscard]] SandboxRunner& runner() { return *runner_; }

 private:
  std::string incarnation_ = "unit-" + RandomHex(8);
  std::unique_ptr<LauncherClient> launcher_;
  std::unique_ptr<SandboxRunner> runner_;
};

// For INFO: all that a failed expectation needs.
inline std::string Told(const SandboxOutcome& outcome) {
  return std::string(ToString(outcome.status)) + " code " + std::to_string(outcome.exit_code) +
         " signal " + std::to_string(outcome.signal) + " stage `" + outcome.stage + "` errno " +
         std::to_string(outcome.sys_errno) + "\nstdout: " + outcome.out.head +
         "\nstderr: " + outcome.err.head;
}

}  // namespace casemate::sandbox::test
