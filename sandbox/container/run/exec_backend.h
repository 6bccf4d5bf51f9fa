// ExecBackend: commands in a container that exists already. It confines them as it was made itself;
// where Casemate made it, its guard and filter are theirs, too. Time and output are held here. What
// cannot be held there is refused, unless policy grants `unlimited`. Thread-safe.
#pragma once

#include <memory>
#include <string>

#include "sandbox/backend.h"
#include "sandbox/container/engine/engine.h"

namespace casemate::container {

class ExecBackend final : public sandbox::Backend {
 public:
  // `container`: as it was when policy judged it. `has_guard`: it mounts the guard.
  ExecBackend(std::shared_ptr<const Engine> engine, ContainerDetails container, bool has_guard)
      : engine_(std::move(engine)), container_(std::move(container)), has_guard_(has_guard) {}
  // A host workspace is an error: what a container sees was decided when it was made.
  Result<std::unique_ptr<sandbox::Run>> Start(const policies::Grant& grant,
                                              sandbox::Command command, const std::stop_token& stop,
                                              sandbox::OutputSink* sink, bool hold) override;

 private:
  std::shared_ptr<const Engine> engine_;
  const ContainerDetails container_;
  const bool has_guard_;
};

}  // namespace casemate::container
