#include "mcp/transport/http/refusing.h"

#include <utility>

namespace casemate::mcp {

void Refuse(const std::shared_ptr<http::Responder>& responder, int status, const std::string& why,
            http::Headers headers, int code, const std::optional<jsonrpc::RequestId>& id) {
  headers.emplace_back("Content-Type", "application/json");
  responder->Send({status, std::move(headers), jsonrpc::SerializeError(id, {code, why, nullptr})});
}

}  // namespace casemate::mcp
