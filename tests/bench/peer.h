// The servers that are compared, and what they are asked.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "tests/bench/child.h"
#include "tests/bench/stats.h"

namespace casemate::bench {

struct Peer {
  std::vector<std::string> stdio;  // its command over standard input and output
  std::vector<std::string> http;   // and over HTTP on 127.0.0.1
  bool is_casemate = false;
};

Peer Casemate(const Options& options, const ScratchDirectory& state);
// @modelcontextprotocol/server-everything on Node. Options::node must be there.
Peer Everything(const Options& options);

// JSON-RPC messages without a line end.
std::string InitializeRequest();
std::string Request(int id, std::string_view method);
// Of the edition without sessions: its metadata comes with each.
std::string ModernRequest(int id, std::string_view method);

}  // namespace casemate::bench
