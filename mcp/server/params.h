// Reading the params of a request, and cutting lists into pages. Pure functions; thread-safe.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <variant>

#include "mcp/jsonrpc/message.h"
#include "mcp/server/exchange.h"

namespace casemate::mcp {

// null: absent.
const nlohmann::json* FindParam(const nlohmann::json& params, std::string_view name);
// A string that must be there.
std::variant<std::string, jsonrpc::RpcError> TextParam(const nlohmann::json& params,
                                                       std::string_view name,
                                                       const std::string& expected);
// {`key`: the entries of this page, nextCursor?} of a list request, completed for its edition. The
// cursor is opaque to clients and stays good while the list only grows at its end.
Outcome Page(const Exchange& exchange, const char* key, nlohmann::json entries, int ttl_ms);

}  // namespace casemate::mcp
