// What no sandboxed call over MCP can do without, each alone: measured in the same run, so that one
// sees how near a call can come to it on this machine.
#pragma once

#include <sys/types.h>

#include <vector>

#include "base/unique_fd.h"
#include "tests/bench/stats.h"

namespace casemate::bench {

// Two records made durable, one after the other: each 8 KiB into a file that has its size already,
// as SQLite's write-ahead log has, and fdatasync.
class TwoRecords {
 public:
  TwoRecords();
  void Run();

 private:
  ScratchDirectory directory_;
  UniqueFd file_;
  off_t at_ = 0;
};

// A byte that goes round by way of four sleeping processes: client, server, launcher, init, server,
// client change places as often.
class FiveHandOvers {
 public:
  FiveHandOvers();
  FiveHandOvers(const FiveHandOvers&) = delete;
  FiveHandOvers& operator=(const FiveHandOvers&) = delete;
  ~FiveHandOvers();
  void Run();

 private:
  UniqueFd first_;
  UniqueFd last_;
  std::vector<pid_t> processes_;
};

// /bin/true in seven namespaces of its own (user, mount, PID, network, IPC, UTS, cgroup), with
// nothing mounted, filtered or limited.
void RunInNamespaces();

}  // namespace casemate::bench
