// OpaEngine: decides by rules in Rego, evaluated by a supervised `opa` in our own sandbox. The
// question is POST /v1/data/casemate/decision with {"input": InputJson(input)}; docs/policy/rego.md
// has the form of the answer. Whatever goes wrong is a deny whose reason begins with
// "policy_error:opa_": opa_unavailable, opa_timeout, opa_status, opa_reply, opa_undefined,
// opa_decision, opa_input. Thread-safe after Start; borrows the runner.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <string>

#include "base/result.h"
#include "policies/engine/policy_engine.h"
#include "policies/opa/bundle.h"
#include "policies/opa/opa_process.h"
#include "policies/opa/opa_program.h"
#include "policies/opa/opa_sandbox.h"
#include "policies/opa/options.h"

namespace casemate::policies {

// All that is read from places which a server may lose the right to read. Immutable.
struct OpaSources {
  OpaProgram program;
  Bundle bundle;
  std::string key;  // PEM; empty: signatures are not asked for
  std::int64_t budget_ms;
};

struct OpaStatus {
  std::string path;     // of the program
  std::string version;  // "0.70.0"
  std::string sha256;   // of the program that runs
  std::string bundle;
  std::string revision;
  bool is_signed = false;
  std::int64_t start_ms = 0;  // what the start took
  OpaProcessStatus process;
};

class OpaEngine final : public PolicyEngine {
 public:
  // Errors: kInvalidArgument, kNotFound or kPermissionDenied for "rego.…".
  static Result<OpaSources> ReadSources(const OpaOptions& options);
  // Checks the bundle and starts opa, within 5 s. `directory` is made, private, and removed at the
  // end; it must lie below a writable root of the runner's launcher. Errors: why nothing can be
  // decided, with what to do.
  static Result<std::unique_ptr<OpaEngine>> Start(OpaSources sources,
                                                  sandbox::SandboxRunner& runner,
                                                  const std::string& directory);
  ~OpaEngine() override;

  [[nodiscard]] Decision Decide(const PolicyInput& input) const override;
  // By partial evaluation with the arguments, context and history unknown; false when opa does not
  // say. Answers are kept.
  [[nodiscard]] bool MayEverAllow(const std::string& tool,
                                  const Principal& principal) const override;
  [[nodiscard]] std::string revision() const override { return sources_.bundle.sha256(); }

  // Whether Start with `sources` would make an engine that decides as this one does.
  [[nodiscard]] bool IsOf(const OpaSources& sources) const;
  [[nodiscard]] OpaStatus status() const;
  // Ends opa, while the runner is still there; every decision afterwards is a deny.
  void Shutdown();

 private:
  OpaEngine(OpaSources sources, OpaSandbox sandbox)
      : sources_(std::move(sources)), sandbox_(std::move(sandbox)) {}
  [[nodiscard]] std::shared_ptr<OpaProcess> process() const;
  void Ask(const PolicyInput& input, Decision& decision) const;
  [[nodiscard]] Result<bool> MayAllow(const std::string& tool, const Principal& principal) const;

  const OpaSources sources_;
  OpaSandbox sandbox_;
  std::string version_;
  std::string program_sha256_;
  std::int64_t start_ms_ = 0;
  mutable std::mutex mutex_;
  std::shared_ptr<OpaProcess> process_;
  mutable std::map<std::string, bool> may_allow_;
};

}  // namespace casemate::policies
