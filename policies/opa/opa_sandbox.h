// OpaSandbox: runs `opa` in our own sandbox, as any command: without network, with a file system of
// its own, and with limits on memory and processes. Its one host directory holds a copy of the
// program and, of the server, its socket; it is private to this process and removed with it.
// Thread-safe; borrows the runner.
#pragma once

#include <cstdint>
#include <stop_token>
#include <string>
#include <vector>

#include "base/result.h"
#include "base/unique_fd.h"
#include "policies/opa/opa_program.h"
#include "sandbox/native/runner.h"
#include "sandbox/native/spec.h"

namespace casemate::policies {

class OpaSandbox {
 public:
  // In there: the directory, the server's socket, and files that come with a run.
  static constexpr const char* kSocketName = "opa.sock";
  static constexpr const char* kInjected = "/run/casemate/";

  // `directory` is made; it must lie below a writable root of the launcher, and nobody else may
  // enter it. Errors: those of the file system, with the path.
  static Result<OpaSandbox> Create(sandbox::SandboxRunner& runner, const OpaProgram& program,
                                   const std::string& directory);
  OpaSandbox(OpaSandbox&& other) noexcept;
  OpaSandbox& operator=(OpaSandbox&&) = delete;
  ~OpaSandbox();  // removes the directory with all in it

  struct Output {
    int exit_code = 0;
    std::string out;
    std::string err;
  };
  // Runs a fixed shell script in `directory` of the sandbox, in which "$opa" is the program, over a
  // read-only copy. Errors: kUnavailable when it did not end by itself before `deadline_ns`.
  Result<Output> Call(const std::string& script, const std::string& directory,
                      std::vector<sandbox::InjectedFile> files, std::int64_t deadline_ns,
                      const std::stop_token& stop);

  // The host directory of one server.
  struct Place {
    std::string path;
    std::string canonical;
    UniqueFd directory;  // O_PATH
  };
  [[nodiscard]] Result<Place> MakePlace(const std::string& name) const;
  // As Call, without an end: until `stop`, its death, or that of this process.
  Result<sandbox::SandboxOutcome> Serve(const Place& place, const std::string& script,
                                        const std::string& directory,
                                        std::vector<sandbox::InjectedFile> files,
                                        const std::stop_token& stop);
  static void Remove(const Place& place);

  // The copy that all others are made of.
  [[nodiscard]] std::string program_copy() const { return program_.path + "/opa"; }

 private:
  OpaSandbox(sandbox::SandboxRunner& runner, std::string directory)
      : runner_(&runner), directory_(std::move(directory)) {}
  Result<sandbox::SandboxOutcome> Run(sandbox::SandboxSpecBuilder builder,
                                      const std::string& script, const std::string& directory,
                                      std::vector<sandbox::InjectedFile> files,
                                      const std::stop_token& stop);

  sandbox::SandboxRunner* runner_;
  std::string directory_;
  Place program_;
};

}  // namespace casemate::policies
