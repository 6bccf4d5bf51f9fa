// Which edition a message is served under, and when its HTTP headers contradict it.
#include "mcp/server/envelope.h"

#include <catch2/catch.hpp>

#include "mcp/protocol/wire.h"

namespace casemate::mcp {
namespace {

using jsonrpc::RpcError;
using nlohmann::json;

jsonrpc::Request Modern(const std::string& method, json params = json::object(),
                        const std::string& version = "2026-07-28") {
  params["_meta"][kMetaVersion] = version;
  params["_meta"][kMetaCapabilities] = json::object();
  return {1, method, std::move(params)};
}

RequestHeaders Headers(const std::string& method, std::optional<std::string> name = {}) {
  return {"2026-07-28", method, std::move(name), {}};
}

int CodeOf(const std::variant<Envelope, RpcError>& opened) {
  const auto* error = std::get_if<RpcError>(&opened);
  return error == nullptr ? 0 : error->code;
}

TEST_CASE("headers must say what the body says") {
  const auto request = Modern("tools/call", {{"name", "run"}});
  const auto code = [&](const RequestHeaders& headers) {
    return CodeOf(OpenEnvelope(request, {}, &headers, nullptr));
  };
  CHECK(code(Headers("tools/call", "run")) == 0);
  CHECK(code(Headers("tools/call", "=?base64?cnVu?=")) == 0);
  CHECK(code(Headers("tools/call", "=?base64?cnV?=")) == kHeaderMismatch);
  CHECK(code(Headers("tools/call", "RUN")) == kHeaderMismatch);
  CHECK(code(Headers("tools/call")) == kHeaderMismatch);
  CHECK(code(Headers("tools/list", "run")) == kHeaderMismatch);
  RequestHeaders older = Headers("tools/call", "run");
  older.protocol_version = "2025-11-25";
  CHECK(code(older) == kHeaderMismatch);
  older.protocol_version.reset();
  CHECK(code(older) == kHeaderMismatch);
  CHECK(CodeOf(OpenEnvelope(request, {}, nullptr, nullptr)) == 0);  // stdio has none
}

TEST_CASE("header and body may agree on an edition that we do not serve so") {
  for (const char* version : {"2025-11-25", "2031-01-01"}) {
    RequestHeaders headers = Headers("tools/list");
    headers.protocol_version = version;
    const auto opened =
        OpenEnvelope(Modern("tools/list", json::object(), version), {}, &headers, nullptr);
    CHECK(CodeOf(opened) == kUnsupportedProtocolVersion);
  }
}

TEST_CASE("arguments bound to headers are compared by value") {
  tools::ToolSpec tool;
  tool.input_schema = {{"type", "object"},
                       {"properties",
                        {{"region", {{"type", "string"}, {"x-mcp-header", "Region"}}},
                         {"size", {{"type", "integer"}, {"x-mcp-header", "Size"}}}}}};
  const auto code = [&](const json& arguments, RequestHeaders headers) {
    headers.name = "t";
    headers.method = "tools/call";
    headers.protocol_version = "2026-07-28";
    const auto request = Modern("tools/call", {{"name", "t"}, {"arguments", arguments}});
    return CodeOf(OpenEnvelope(request, {}, &headers, &tool));
  };
  const auto with = [](const char* name, const char* value) {
    RequestHeaders headers;
    headers.params = {{name, value}};
    return headers;
  };
  CHECK(code({{"region", "eu"}}, with("region", "eu")) == 0);
  CHECK(code({{"region", "eu"}}, with("Region", "us")) == kHeaderMismatch);
  CHECK(code({{"region", "eu"}}, {}) == kHeaderMismatch);
  CHECK(code({{"region", nullptr}}, {}) == 0);
  CHECK(code(json::object(), with("Region", "eu")) == kHeaderMismatch);
  CHECK(code({{"size", 7}}, with("Size", "7.0")) == 0);
  CHECK(code({{"size", 7}}, with("Size", "8")) == kHeaderMismatch);
}

TEST_CASE("arguments bound to headers deeper down are compared too, and never if given twice") {
  tools::ToolSpec tool;
  tool.input_schema = {
      {"type", "object"},
      {"properties",
       {{"place",
         {{"type", "object"},
          {"properties", {{"city", {{"type", "string"}, {"x-mcp-header", "City"}}}}}}}}}};
  const auto code = [&](const json& arguments, const RequestHeaders& params) {
    RequestHeaders headers = params;
    headers.name = "t";
    headers.method = "tools/call";
    headers.protocol_version = "2026-07-28";
    const auto request = Modern("tools/call", {{"name", "t"}, {"arguments", arguments}});
    return CodeOf(OpenEnvelope(request, {}, &headers, &tool));
  };
  const json rome = {{"place", {{"city", "Rome"}}}};
  RequestHeaders headers;
  CHECK(code(rome, headers) == kHeaderMismatch);
  CHECK(code({{"place", json::object()}}, headers) == 0);
  CHECK(code({{"place", "Rome"}}, headers) == 0);  // for the tool to refuse
  headers.params = {{"City", "Rome"}};
  CHECK(code(rome, headers) == 0);
  CHECK(code(json::object(), headers) == kHeaderMismatch);
  headers.params = {{"City", "Oslo"}};
  CHECK(code(rome, headers) == kHeaderMismatch);
  headers.params = {{"City", "Rome"}, {"city", "Oslo"}};
  CHECK(code(rome, headers) == kHeaderMismatch);
  headers.params = {{"City", "Rome"}, {"City", "Rome"}};
  CHECK(code(rome, headers) == kHeaderMismatch);
}

TEST_CASE("a message without modern metadata under a modern header is not guessed at") {
  const RequestHeaders headers = Headers("tools/list");
  CHECK(CodeOf(OpenEnvelope({1, "tools/list", json::object()}, {}, &headers, nullptr)) == -32602);
  CHECK(CodeOf(OpenEnvelope({1, "initialize", json::object()}, {}, &headers, nullptr)) ==
        kHeaderMismatch);
}

TEST_CASE("the client's wishes are read from each request") {
  auto request = Modern("tools/call", {{"name", "x"}});
  request.params["_meta"][kMetaLogLevel] = "warning";
  request.params["_meta"]["progressToken"] = "t";
  request.params["_meta"][kMetaCapabilities] = {
      {"extensions", {{kTasksExtension, json::object()}}}};
  const auto opened = OpenEnvelope(request, {}, nullptr, nullptr);
  REQUIRE(CodeOf(opened) == 0);
  const ClientFacts& client = std::get<Envelope>(opened).client;
  CHECK(client.log_level == tools::Severity::kWarning);
  CHECK(client.progress_token == "t");
  CHECK(client.Declares(kTasksExtension));
  CHECK_FALSE(client.Declares("io.modelcontextprotocol/ui"));
  request.params["_meta"][kMetaLogLevel] = "loud";
  const auto refused = OpenEnvelope(request, {}, nullptr, nullptr);
  CHECK(CodeOf(refused) == -32602);
  CHECK(std::get<jsonrpc::RpcError>(refused).message ==
        "Invalid params: params._meta.io.modelcontextprotocol/logLevel: expected one of `debug`, "
        "`info`, `notice`, `warning`, `error`, `critical`, `alert`, `emergency`, got `loud`");
}

}  // namespace
}  // namespace casemate::mcp
