// Appearance: a file that appears in a host directory. It is how a process in a sandbox says
// "ready" without a sleep. Removes the file at the end. Single-threaded.
#pragma once

#include <string>

#include "base/unique_fd.h"

namespace casemate::escape {

class Appearance {
 public:
  // Watches from here on: make it before what makes the file.
  explicit Appearance(std::string path);
  ~Appearance();
  Appearance(const Appearance&) = delete;
  Appearance& operator=(const Appearance&) = delete;

  // False after half a minute. Throws Interrupted.
  [[nodiscard]] bool Await() const;

 private:
  std::string path_;
  UniqueFd events_;
};

}  // namespace casemate::escape
