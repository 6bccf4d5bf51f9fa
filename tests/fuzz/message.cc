// Fuzz target: one text as a JSON-RPC message. The quick parser and the strict one must agree with
// each other and with nlohmann/json, and what is written must read the same.
#include "mcp/jsonrpc/message.h"

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <variant>

#include "base/json.h"
#include "tests/fuzz/found.h"

namespace casemate::fuzz {
namespace {

using nlohmann::json;

void CheckDocument(std::string_view text) {
  const auto ours = ParseJson(text);
  const json theirs = json::parse(text, nullptr, false);
  if (ours && (theirs.is_discarded() || *ours != theirs)) {
    Found("read differently from nlohmann/json");
  }
  if (!ours && !theirs.is_discarded()) {
    const std::string& why = ours.error().message;
    if (why.find("duplicate key") == std::string::npos &&
        why.find("nested deeper") == std::string::npos) {
      Found("refused, though it is JSON: " + why);
    }
  }
}

// The same text by way of the strict parser: the quick one does not read \u escapes, of which one
// more member has one.
void CheckWays(std::string_view text, const jsonrpc::Incoming& quick) {
  if (quick.is_batch || !text.starts_with('{') || text.find("\\u") != std::string_view::npos) {
    return;
  }
  const auto slow = jsonrpc::ParseIncoming(R"({"\u007f":0,)" + std::string(text.substr(1)), {});
  const auto* a = std::get_if<jsonrpc::Message>(&quick.messages.front());
  const auto* b = std::get_if<jsonrpc::Message>(&slow.messages.front());
  if (a == nullptr || b == nullptr) {
    // An empty object, or one that has a member of that name, reads otherwise with one more.
    if (a != nullptr && text.find('\x7f') == std::string_view::npos) {
      Found("the strict parser refuses what the quick one takes");
    }
    return;
  }
  const auto* x = std::get_if<jsonrpc::Request>(a);
  const auto* y = std::get_if<jsonrpc::Request>(b);
  if (a->index() != b->index() ||
      (x != nullptr && (x->id != y->id || x->method != y->method || x->params != y->params))) {
    Found("the quick parser and the strict one read different messages");
  }
}

void CheckRoundTrip(const jsonrpc::Request& request) {
  const std::string text = jsonrpc::SerializeRequest(request.id, request.method, request.params);
  const auto again = jsonrpc::ParseIncoming(text, {});
  const auto* message = std::get_if<jsonrpc::Message>(&again.messages.front());
  const auto* read = message == nullptr ? nullptr : std::get_if<jsonrpc::Request>(message);
  if (read == nullptr || read->id != request.id || read->method != request.method ||
      read->params != request.params) {
    Found("written, it reads differently: " + text);
  }
}

}  // namespace
}  // namespace casemate::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace casemate;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  fuzz::CheckDocument(text);
  const auto incoming = jsonrpc::ParseIncoming(text, {});
  fuzz::CheckWays(text, incoming);
  for (const auto& parsed : incoming.messages) {
    if (const auto* message = std::get_if<jsonrpc::Message>(&parsed)) {
      if (const auto* request = std::get_if<jsonrpc::Request>(message)) {
        fuzz::CheckRoundTrip(*request);
      }
    }
  }
  return 0;
}
