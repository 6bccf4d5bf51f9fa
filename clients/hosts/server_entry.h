// The description of Casemate that goes into a host's file. Pure; thread-safe.
#pragma once

#include <string>
#include <vector>

#include <nlohmann/json_fwd.hpp>

#include "base/result.h"
#include "clients/hosts/host.h"

namespace casemate::hosts {

enum class Via {
  kDirect,  // host and server on the same Linux machine
  kWsl,     // host on Windows, server in a WSL distribution of it
  kSsh,
  kHttp,
};

struct Server {
  Via via = Via::kDirect;
  std::string program;            // absolute path, where the server runs
  std::vector<std::string> args;  // after `serve`
  std::string distribution;       // kWsl; empty: the default one
  std::string ssh_host;           // kSsh: [USER@]HOST
  std::string url;                // kHttp
  std::string token_variable;  // kHttp: environment variable of the host with the token, or empty
};

// What `server` must say and does not, or says wrongly for this host.
Result<void> CheckServer(const Host& host, const Server& server);

// Precondition: CheckServer.
nlohmann::ordered_json EntryFor(const Host& host, const Server& server);

// A token that a person must write into the entry, for the host has no other way.
inline constexpr std::string_view kTokenToWrite = "WRITE-THE-TOKEN-HERE";

// An entry in place of an old one: how to reach the server is new, what a person or the host added
// to it (env, timeouts, approvals) stays.
nlohmann::ordered_json Renewed(const nlohmann::ordered_json& old, nlohmann::ordered_json fresh);

// Whether an entry is one of Casemate's: it is called so, or starts or names a program called so.
bool IsOurs(const std::string& name, const nlohmann::ordered_json& entry);

}  // namespace casemate::hosts
