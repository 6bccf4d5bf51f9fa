#include "sandbox/native/native_backend.h"

#include <utility>

namespace casemate::sandbox {
namespace {

class NativeRun final : public Run {
 public:
  explicit NativeRun(std::unique_ptr<SandboxRun> run) : run_(std::move(run)) {}
  void Release() override { run_->Release(); }
  Result<SandboxOutcome> Wait() override { return run_->Wait(); }

 private:
  std::unique_ptr<SandboxRun> run_;
};

Result<SandboxSpec> Build(const policies::Grant& grant, Command command) {
  SandboxSpecBuilder builder(grant);
  builder.Limits(command.limits);
  if (command.must_hold_cpus) {
    builder.MustHoldCpus();
  }
  builder.Command(std::move(command.argv));
  for (auto& [name, value] : command.env) {
    builder.Env(std::move(name), std::move(value));
  }
  builder.Stdin(std::move(command.stdin_data));
  for (InjectedFile& file : command.files) {
    builder.File(std::move(file));
  }
  if (command.workspace != WorkspaceKind::kPrivate) {
    builder.HostWorkspace(std::move(command.workspace_fd), std::move(command.workspace_path),
                          command.workspace);
  }
  return std::move(builder).Build();
}

}  // namespace

Result<std::unique_ptr<Run>> NativeBackend::Start(const policies::Grant& grant, Command command,
                                                  const std::stop_token& stop, OutputSink* sink,
                                                  bool hold) {
  auto spec = Build(grant, std::move(command));
  if (!spec) {
    return std::move(spec).error();
  }
  auto run = runner_.Start(*std::move(spec), stop, sink, hold);
  if (!run) {
    return std::move(run).error();
  }
  return std::unique_ptr<Run>(std::make_unique<NativeRun>(*std::move(run)));
}

}  // namespace casemate::sandbox
