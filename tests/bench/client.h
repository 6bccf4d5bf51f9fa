// An MCP client of Casemate over stdio, with a server and a state directory of its own, and the
// reference that sandboxed calls are held against.
#pragma once

#include <string>
#include <vector>

#include "tests/bench/child.h"
#include "tests/bench/stats.h"

namespace casemate::bench {

class CasemateClient {
 public:
  explicit CasemateClient(const Options& options);
  // The tool `run` with this command, as JSON; dies unless it exits with 0. Returns the reply.
  std::string Run(const std::string& command);
  [[nodiscard]] const Child& server() const { return server_; }

 private:
  ScratchDirectory state_;
  Child server_;
  int id_ = 0;
};

// /bin/true in a bubblewrap sandbox without a filter and limits.
const std::vector<std::string>& BwrapTrue();

}  // namespace casemate::bench
