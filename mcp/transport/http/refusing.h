// A refusal of an HTTP request, whatever its path: a JSON-RPC error, with the id of the request in
// it if there is one. Thread-safe.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "mcp/http/message.h"
#include "mcp/jsonrpc/message.h"

namespace casemate::mcp {

void Refuse(const std::shared_ptr<http::Responder>& responder, int status, const std::string& why,
            http::Headers headers = {}, int code = jsonrpc::kInvalidRequest,
            const std::optional<jsonrpc::RequestId>& id = std::nullopt);

}  // namespace casemate::mcp
