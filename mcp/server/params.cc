#include "mcp/server/params.h"

#include <algorithm>
#include <charconv>
#include <iterator>
#include <optional>
#include <utility>

#include "mcp/protocol/wire.h"
#include "mcp/server/errors.h"
#include "mcp/server/server.h"
#include "mcp/server/session.h"

namespace casemate::mcp {

using jsonrpc::RpcError;
using nlohmann::json;

namespace {

constexpr std::string_view kCursorPrefix = "from-";

std::optional<std::size_t> ReadCursor(const json& cursor, std::size_t entries) {
  if (!cursor.is_string()) {
    return std::nullopt;
  }
  const auto& text = cursor.get_ref<const std::string&>();
  if (!text.starts_with(kCursorPrefix)) {
    return std::nullopt;
  }
  std::size_t from = 0;
  const char* end = text.data() + text.size();
  const auto [stop, code] = std::from_chars(text.data() + kCursorPrefix.size(), end, from);
  if (code != std::errc() || stop != end || from > entries) {
    return std::nullopt;
  }
  return from;
}

}  // namespace

const json* FindParam(const json& params, std::string_view name) {
  const auto found = params.find(name);
  return found == params.end() ? nullptr : &*found;
}

std::variant<std::string, RpcError> TextParam(const json& params, std::string_view name,
                                              const std::string& expected) {
  const json* value = FindParam(params, name);
  if (value == nullptr || !value->is_string()) {
    return InvalidParams("params." + std::string(name), expected, value);
  }
  return value->get<std::string>();
}

Outcome Page(const Exchange& exchange, const char* key, json entries, int ttl_ms) {
  std::size_t from = 0;
  if (const json* cursor = FindParam(exchange.params(), "cursor")) {
    const auto read = ReadCursor(*cursor, entries.size());
    if (!read.has_value()) {
      return InvalidParams("params.cursor", "the nextCursor of an earlier answer", cursor);
    }
    from = *read;
  }
  const ServerOptions& options = exchange.server().options();
  const std::size_t to = std::min(entries.size(), from + options.page_size);
  json result = json::object();
  if (to < entries.size()) {
    result["nextCursor"] = std::string(kCursorPrefix) + std::to_string(to);
  }
  if (from > 0 || to < entries.size()) {
    const auto begin = std::make_move_iterator(entries.begin() + static_cast<std::ptrdiff_t>(from));
    const auto end = std::make_move_iterator(entries.begin() + static_cast<std::ptrdiff_t>(to));
    entries = json(json::array_t(begin, end));
  }
  result[key] = std::move(entries);
  return Complete(exchange.edition, options.identity, std::move(result), ttl_ms);
}

}  // namespace casemate::mcp
