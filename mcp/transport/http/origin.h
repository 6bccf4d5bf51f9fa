// Which Host and Origin a request may name: the defence against DNS rebinding and cross-site
// requests (MCP, basic/transports, security warning). Pure functions; thread-safe.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "mcp/http/message.h"

namespace casemate::mcp {

struct OriginRules {
  std::vector<std::string> allowed_origins;  // "https://app.example.org"; exact
  std::vector<std::string> allowed_hosts;    // "casemate.example.org"; without port
};

// Over loopback the Host must be a name of loopback or an allowed one. Over a unix socket, and
// where a token is needed anyway, it does not matter.
bool IsHostAllowed(const OriginRules& rules, const http::Peer& peer, std::string_view host);
// Pages of loopback origins, over loopback; elsewhere only allowed ones.
bool IsOriginAllowed(const OriginRules& rules, const http::Peer& peer, std::string_view origin);

}  // namespace casemate::mcp
