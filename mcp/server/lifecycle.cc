// initialize, server/discover, ping, logging/setLevel.
#include "mcp/protocol/wire.h"
#include "mcp/server/errors.h"
#include "mcp/server/methods.h"
#include "mcp/server/params.h"
#include "mcp/server/server.h"
#include "mcp/server/session.h"

namespace casemate::mcp {

using nlohmann::json;

Outcome Initialize(Exchange& exchange) {
  const json* version = FindParam(exchange.params(), "protocolVersion");
  if (version == nullptr || !version->is_string()) {
    return InvalidParams("params.protocolVersion", "a string", version);
  }
  for (const char* name : {"capabilities", "clientInfo"}) {
    const json* given = FindParam(exchange.params(), name);
    if (given != nullptr && !given->is_object()) {
      return InvalidParams("params." + std::string(name), "an object", given);
    }
  }
  // The edition must not change under a call that is to be answered by it.
  if (!exchange.session->calls().empty()) {
    return InvalidRequest("expected no call in progress at initialize; wait for its answer");
  }
  const auto asked = EditionFromVersion(version->get_ref<const std::string&>());
  const bool usable = asked.has_value() && !TraitsOf(*asked).modern;
  const Edition edition = usable ? *asked : LatestLegacyEdition();
  const json* capabilities = FindParam(exchange.params(), "capabilities");
  exchange.session->Settle(edition, capabilities == nullptr ? json::object() : *capabilities);
  return InitializeResult(TraitsOf(edition), exchange.server().options().identity,
                          exchange.server().offer());
}

Outcome Discover(Exchange& exchange) {
  Server& server = exchange.server();
  return server.rendered().Get(
      "discover", [&] { return DiscoverResult(server.options().identity, server.offer()); });
}

Outcome Ping(Exchange& /*exchange*/) {
  static const Rendered empty = std::make_shared<const std::string>("{}");
  return empty;
}

Outcome SetLogLevel(Exchange& exchange) {
  const json* level = FindParam(exchange.params(), "level");
  const auto severity = level != nullptr && level->is_string()
                            ? SeverityFromName(level->get_ref<const std::string&>())
                            : std::nullopt;
  if (!severity.has_value()) {
    return InvalidParams("params.level", SeverityNames(), level);
  }
  exchange.session->SetLogLevel(*severity);
  return json::object();
}

}  // namespace casemate::mcp
