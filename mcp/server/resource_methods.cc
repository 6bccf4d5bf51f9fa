// resources/*: list, templates, read, and the watching of the initialize-based editions.
#include <utility>

#include "mcp/protocol/wire.h"
#include "mcp/server/call_scope.h"
#include "mcp/server/errors.h"
#include "mcp/server/methods.h"
#include "mcp/server/params.h"
#include "mcp/server/server.h"
#include "mcp/server/session.h"
#include "tools/resource_reader.h"

namespace casemate::mcp {

using jsonrpc::RpcError;
using nlohmann::json;

namespace {

RpcError ReadError(const Exchange& exchange, const Error& error, const std::string& uri) {
  RpcError answer = FromError(error, exchange.edition.resource_not_found);
  answer.data["uri"] = uri;
  return answer;
}

}  // namespace

Outcome ListResources(Exchange& exchange) {
  const auto listed = exchange.server().backends().resources->List(ContextOf(exchange));
  if (!listed) {
    return FromError(listed.error());
  }
  json entries = json::array();
  for (const auto& resource : *listed) {
    entries.push_back(ResourceJson(exchange.edition, resource));
  }
  return Page(exchange, "resources", std::move(entries), kStateTtlMs);
}

Outcome ListResourceTemplates(Exchange& exchange) {
  json entries = json::array();
  for (const auto& resource :
       exchange.server().backends().resources->Templates(exchange.session->principal())) {
    entries.push_back(TemplateJson(exchange.edition, resource));
  }
  return Page(exchange, "resourceTemplates", std::move(entries), kListTtlMs);
}

Outcome ReadResource(Exchange& exchange) {
  const auto uri = TextParam(exchange.params(), "uri", "a URI as a string");
  if (const auto* error = std::get_if<RpcError>(&uri)) {
    return *error;
  }
  auto scope = CallScope::Open(exchange);
  if (!scope) {
    return FromError(scope.error());
  }
  const auto& text = std::get<std::string>(uri);
  const auto contents = exchange.server().backends().resources->Read(text, (*scope)->context());
  if (auto instead = (*scope)->Close(!contents)) {
    return *std::move(instead);
  }
  if (!contents) {
    return ReadError(exchange, contents.error(), text);
  }
  return Complete(exchange.edition, exchange.server().options().identity,
                  ReadResourceResult(exchange.edition, *contents), kStateTtlMs);
}

Outcome SubscribeResource(Exchange& exchange) {
  const auto uri = TextParam(exchange.params(), "uri", "a URI as a string");
  if (const auto* error = std::get_if<RpcError>(&uri)) {
    return *error;
  }
  const auto& text = std::get<std::string>(uri);
  if (auto watchable = exchange.server().backends().resources->Watchable(text, ContextOf(exchange));
      !watchable) {
    return ReadError(exchange, watchable.error(), text);
  }
  if (!exchange.session->Watch(text)) {
    return InvalidRequest("expected at most " +
                          std::to_string(exchange.server().options().max_subscriptions) +
                          " subscriptions, got one more; unsubscribe from others first");
  }
  return json::object();
}

Outcome UnsubscribeResource(Exchange& exchange) {
  const auto uri = TextParam(exchange.params(), "uri", "a URI as a string");
  if (const auto* error = std::get_if<RpcError>(&uri)) {
    return *error;
  }
  exchange.session->Unwatch(std::get<std::string>(uri));
  return json::object();
}

}  // namespace casemate::mcp
