// A bundle of Rego as it was read from disk, once: what is checked is what is served, also after a
// restart of OPA. Immutable after Read; thread-safe.
#pragma once

#include <string>
#include <vector>

#include "base/result.h"
#include "sandbox/native/spec.h"

namespace casemate::policies {

class Bundle {
 public:
  // A directory, or a file *.tar.gz. At most 1000 files and 16 MiB; links and devices are refused,
  // `.git` is left out. Errors: kInvalidArgument, kNotFound and others that name the file.
  static Result<Bundle> Read(const std::string& path);

  [[nodiscard]] const std::string& path() const { return path_; }
  [[nodiscard]] const std::string& sha256() const { return sha256_; }
  // In the sandbox: where OPA is started, and what it is told to load there.
  [[nodiscard]] const char* directory() const { return "/run/casemate/bundle"; }
  [[nodiscard]] const char* argument() const { return is_archive_ ? "bundle.tar.gz" : "."; }
  [[nodiscard]] const std::vector<sandbox::InjectedFile>& files() const { return files_; }

 private:
  std::string path_;
  std::string sha256_;  // of names and contents
  bool is_archive_ = false;
  std::vector<sandbox::InjectedFile> files_;
};

}  // namespace casemate::policies
