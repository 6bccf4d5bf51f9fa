// Exchange: one request on its way from the session to its answer. Owned by whoever works on it;
// one thread at a time.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string_view>
#include <variant>

#include "mcp/jsonrpc/message.h"
#include "mcp/protocol/edition.h"
#include "mcp/server/calls.h"
#include "mcp/server/envelope.h"
#include "mcp/server/rendered.h"
#include "mcp/server/reply_once.h"
#include "mcp/transport/transport.h"

namespace casemate::mcp {

class Server;
class Session;

struct Exchange {
  std::shared_ptr<Session> session;
  jsonrpc::Request request;
  const EditionTraits& edition;
  ClientFacts client;
  MessageSinkPtr sink;
  ReplyOnce reply;
  std::optional<CallsInFlight::Entry> entry;  // of a call on the pool; removed before the reply

  [[nodiscard]] Server& server() const;
  [[nodiscard]] const nlohmann::json& params() const { return request.params; }
};

// The method has taken the reply and will answer by itself.
struct Deferred {};
// A result's members, complete for this edition, as they are or serialised; an error; or none yet.
using Outcome = std::variant<nlohmann::json, Rendered, jsonrpc::RpcError, Deferred>;

struct Method {
  enum class Era { kLegacy, kModern, kBoth };
  enum class Where {
    kReader,  // quick, without disk: on the thread that reads
    kPool,    // short, but with disk: on a thread that is reserved for such; can be cancelled
    kCalls,   // takes as long as it takes: on a thread of the pool of calls; can be cancelled
  };
  std::string_view name;
  Era era;
  Where where;
  bool (*is_offered)(const Server&);  // null: always
  Outcome (*handle)(Exchange&);
};

// The method of that name in that era; null: there is none, or this server does not offer it.
const Method* FindMethod(std::string_view name, bool modern, const Server& server);
// Whether any edition knows it.
bool IsKnownMethod(std::string_view name);

}  // namespace casemate::mcp
