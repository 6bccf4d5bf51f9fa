// The same attacks through `casemate serve`: an MCP client over stdio. One server for all of them,
// whose sandboxes are made ahead of their calls. Single-threaded.
#pragma once

#include <sys/types.h>

#include <string>

#include <nlohmann/json_fwd.hpp>

#include "base/unique_fd.h"
#include "sandbox/selftest/battery/process.h"

namespace casemate::escape {

class Served {
 public:
  // Starts the server with the environment and program of `cli`, and makes its first call.
  explicit Served(const Launch& cli);
  // Ends it.
  ~Served();
  Served(const Served&) = delete;
  Served& operator=(const Served&) = delete;

  // The structured result of what the command line `casemate run --json …` asks for.
  nlohmann::json Run(const Launch& cli);
  [[nodiscard]] pid_t pid() const { return pid_; }

 private:
  Served() = default;
  nlohmann::json Call(const std::string& method, const nlohmann::json& params);

  pid_t pid_ = -1;
  UniqueFd to_;
  UniqueFd from_;
  std::string unread_;
  int next_id_ = 1;
};

}  // namespace casemate::escape
