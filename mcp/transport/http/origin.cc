#include "mcp/transport/http/origin.h"

#include <arpa/inet.h>
#include <netinet/in.h>

#include <algorithm>
#include <string>

namespace casemate::mcp {
namespace {

// "name:port" → "name"; the brackets of an IPv6 address stay.
std::string_view WithoutPort(std::string_view authority) {
  const std::size_t bracket = authority.rfind(']');
  const std::size_t colon = authority.rfind(':');
  const bool has_port =
      colon != std::string_view::npos && (bracket == std::string_view::npos || colon > bracket);
  return has_port ? authority.substr(0, colon) : authority;
}

bool EqualNames(std::string_view a, std::string_view b) {
  const auto lower = [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; };
  return std::ranges::equal(a, b, {}, lower, lower);
}

bool IsLoopbackName(std::string_view name) {
  if (EqualNames(name, "localhost")) {
    return true;
  }
  if (name.starts_with('[') && name.ends_with(']')) {
    in6_addr address{};
    const std::string literal(name.substr(1, name.size() - 2));
    return inet_pton(AF_INET6, literal.c_str(), &address) == 1 && IN6_IS_ADDR_LOOPBACK(&address);
  }
  in_addr address{};
  return inet_pton(AF_INET, std::string(name).c_str(), &address) == 1 &&
         (ntohl(address.s_addr) >> 24U) == IN_LOOPBACKNET;
}

}  // namespace

bool IsHostAllowed(const OriginRules& rules, const http::Peer& peer, std::string_view host) {
  const std::string_view name = WithoutPort(host);
  const bool is_listed = std::ranges::any_of(
      rules.allowed_hosts, [&](const std::string& known) { return EqualNames(name, known); });
  if (is_listed || peer.is_unix) {
    return true;
  }
  return peer.is_loopback ? IsLoopbackName(name) : rules.allowed_hosts.empty();
}

bool IsOriginAllowed(const OriginRules& rules, const http::Peer& peer, std::string_view origin) {
  if (std::ranges::find(rules.allowed_origins, origin) != rules.allowed_origins.end()) {
    return true;
  }
  const std::size_t scheme = origin.find("://");
  return peer.is_loopback && scheme != std::string_view::npos &&
         IsLoopbackName(WithoutPort(origin.substr(scheme + 3)));
}

}  // namespace casemate::mcp
