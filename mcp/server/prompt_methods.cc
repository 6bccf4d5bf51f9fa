// prompts/* and completion/complete.
#include <utility>
#include <vector>

#include "mcp/protocol/wire.h"
#include "mcp/server/call_scope.h"
#include "mcp/server/errors.h"
#include "mcp/server/methods.h"
#include "mcp/server/params.h"
#include "mcp/server/server.h"
#include "mcp/server/session.h"
#include "tools/prompt_reader.h"
#include "tools/resource_reader.h"

namespace casemate::mcp {

using jsonrpc::RpcError;
using nlohmann::json;

namespace {

constexpr std::size_t kMaxCompletions = 100;

// An object of strings; absent: empty.
std::variant<tools::PromptArguments, RpcError> TextsParam(const json* given,
                                                          const std::string& field) {
  tools::PromptArguments texts;
  if (given == nullptr) {
    return texts;
  }
  if (!given->is_object()) {
    return InvalidParams(field, "an object of strings", given);
  }
  for (const auto& [name, value] : given->items()) {
    if (!value.is_string()) {
      std::string path = field;
      path += '.';
      path += name;
      return InvalidParams(path, "a string", &value);
    }
    texts.emplace(name, value.get<std::string>());
  }
  return texts;
}

struct CompletionRequest {
  bool is_prompt = false;
  std::string reference;  // the prompt's name or the template
  std::string argument;
  std::string prefix;
  tools::PromptArguments others;
};

std::variant<CompletionRequest, RpcError> ReadCompletion(const json& params) {
  CompletionRequest request;
  const json* ref = FindParam(params, "ref");
  if (ref == nullptr || !ref->is_object()) {
    return InvalidParams("params.ref", "an object", ref);
  }
  const json* type = FindParam(*ref, "type");
  request.is_prompt = type != nullptr && *type == "ref/prompt";
  if (!request.is_prompt && (type == nullptr || *type != "ref/resource")) {
    return InvalidParams("params.ref.type", "`ref/prompt` or `ref/resource`", type);
  }
  const char* key = request.is_prompt ? "name" : "uri";
  const json* reference = FindParam(*ref, key);
  if (reference == nullptr || !reference->is_string()) {
    return InvalidParams(std::string("params.ref.") + key, "a string", reference);
  }
  request.reference = reference->get<std::string>();
  const json* argument = FindParam(params, "argument");
  if (argument == nullptr || !argument->is_object()) {
    return InvalidParams("params.argument", "an object", argument);
  }
  for (auto [name, target] : {std::pair{"name", &request.argument}, {"value", &request.prefix}}) {
    const json* value = FindParam(*argument, name);
    if (value == nullptr || !value->is_string()) {
      return InvalidParams(std::string("params.argument.") + name, "a string", value);
    }
    *target = value->get<std::string>();
  }
  const json* context = FindParam(params, "context");
  const json* others =
      context == nullptr || !context->is_object() ? nullptr : FindParam(*context, "arguments");
  auto texts = TextsParam(others, "params.context.arguments");
  if (auto* error = std::get_if<RpcError>(&texts)) {
    return std::move(*error);
  }
  request.others = std::get<tools::PromptArguments>(std::move(texts));
  return request;
}

Result<std::vector<std::string>> Candidates(const Exchange& exchange,
                                            const CompletionRequest& request,
                                            const tools::CallContext& context) {
  const Backends& backends = exchange.server().backends();
  if (request.is_prompt && backends.prompts != nullptr) {
    return backends.prompts->Complete(request.reference, request.argument, request.prefix,
                                      request.others, context);
  }
  if (!request.is_prompt && backends.resources != nullptr) {
    return backends.resources->Complete(request.reference, request.argument, request.prefix,
                                        context);
  }
  return InvalidArgument("params.ref.type", "expected a kind that this server has");
}

}  // namespace

Outcome ListPrompts(Exchange& exchange) {
  json entries = json::array();
  for (const tools::PromptSpec* prompt :
       exchange.server().backends().prompts->List(exchange.session->principal())) {
    entries.push_back(PromptJson(exchange.edition, *prompt));
  }
  return Page(exchange, "prompts", std::move(entries), kListTtlMs);
}

Outcome GetPrompt(Exchange& exchange) {
  const auto name = TextParam(exchange.params(), "name", "the name of a prompt as a string");
  if (const auto* error = std::get_if<RpcError>(&name)) {
    return *error;
  }
  const auto arguments = TextsParam(FindParam(exchange.params(), "arguments"), "params.arguments");
  if (const auto* error = std::get_if<RpcError>(&arguments)) {
    return *error;
  }
  auto scope = CallScope::Open(exchange);
  if (!scope) {
    return FromError(scope.error());
  }
  const auto prompt = exchange.server().backends().prompts->Get(
      std::get<std::string>(name), std::get<tools::PromptArguments>(arguments),
      (*scope)->context());
  if (auto instead = (*scope)->Close(!prompt)) {
    return *std::move(instead);
  }
  if (!prompt) {
    return FromError(prompt.error());
  }
  return Complete(exchange.edition, exchange.server().options().identity,
                  GetPromptResult(exchange.edition, *prompt));
}

Outcome CompleteArgument(Exchange& exchange) {
  const auto request = ReadCompletion(exchange.params());
  if (const auto* error = std::get_if<RpcError>(&request)) {
    return *error;
  }
  auto values = Candidates(exchange, std::get<CompletionRequest>(request), ContextOf(exchange));
  if (!values) {
    return FromError(values.error());
  }
  const std::size_t found = values->size();
  values->resize(std::min(found, kMaxCompletions));
  json completion = {{"values", *std::move(values)}, {"hasMore", found > kMaxCompletions}};
  if (found <= kMaxCompletions) {
    completion["total"] = found;  // beyond that nobody counts
  }
  return Complete(exchange.edition, exchange.server().options().identity,
                  {{"completion", std::move(completion)}});
}

}  // namespace casemate::mcp
