// NativeBackend: Casemate's own sandbox as a Backend: the spec is built from the grant, the
// launcher runs it. Thread-safe.
#pragma once

#include "sandbox/backend.h"

namespace casemate::sandbox {

class NativeBackend final : public Backend {
 public:
  // Borrows `runner`.
  explicit NativeBackend(SandboxRunner& runner) : runner_(runner) {}
  Result<std::unique_ptr<Run>> Start(const policies::Grant& grant, Command command,
                                     const std::stop_token& stop, OutputSink* sink,
                                     bool hold) override;

 private:
  SandboxRunner& runner_;
};

}  // namespace casemate::sandbox
