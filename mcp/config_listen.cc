// Where HTTP may be served: the addresses and the rules of config_http.h.
#include <arpa/inet.h>
#include <netinet/in.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <limits>
#include <optional>
#include <set>
#include <utility>

#include "base/text.h"
#include "mcp/config_http.h"

namespace casemate {
namespace {

constexpr std::string_view kUnix = "unix:";
constexpr const char* kUnixHost = "unix";

Error BadAddress(const std::string& where, const std::string& text) {
  Error error = InvalidArgument(
      where, "expected `ADDRESS:PORT` or `unix:/path`, got `" + EscapeControls(text, false) + "`");
  error.remedy = "for example 127.0.0.1:8765, [::1]:8765 or unix:/run/user/1000/casemate.sock";
  return error;
}

std::optional<std::uint16_t> ParsePort(std::string_view text) {
  unsigned int port = 0;
  const char* end = text.data() + text.size();
  // NOLINTNEXTLINE(bugprone-suspicious-stringview-data-usage): `end` is given
  const auto [stopped, code] = std::from_chars(text.data(), end, port);
  if (code != std::errc() || stopped != end || port > std::numeric_limits<std::uint16_t>::max()) {
    return std::nullopt;
  }
  return static_cast<std::uint16_t>(port);
}

// The canonical text of a numeric address, so that one address has one name.
std::optional<std::string> Canonical(int family, const std::string& host) {
  std::array<unsigned char, sizeof(in6_addr)> address{};
  std::array<char, INET6_ADDRSTRLEN> text{};
  if (inet_pton(family, host.c_str(), address.data()) != 1 ||
      inet_ntop(family, address.data(), text.data(), text.size()) == nullptr) {
    return std::nullopt;
  }
  return std::string(text.data());
}

bool IsUnix(const http::Endpoint& endpoint) {
  return endpoint.host == kUnixHost;
}

// 127.0.0.0/8 (RFC 1122 §3.2.1.3) and ::1 (RFC 4291 §2.5.3).
bool IsLoopback(const http::Endpoint& endpoint) {
  in_addr v4{};
  if (inet_pton(AF_INET, endpoint.host.c_str(), &v4) == 1) {
    return ntohl(v4.s_addr) >> 24 == 127;
  }
  in6_addr v6{};
  return inet_pton(AF_INET6, endpoint.host.c_str(), &v6) == 1 && IN6_IS_ADDR_LOOPBACK(&v6);
}

Error Violation(std::string field, std::string message, std::string remedy) {
  return Error{ErrorCode::kInvalidArgument, std::move(message), std::move(field), std::move(remedy),
               0};
}

Result<void> CheckEndpoint(const http::Endpoint& endpoint, const HttpConfig& http, AuthMode mode) {
  if (IsUnix(endpoint) || IsLoopback(endpoint)) {
    return {};
  }
  const std::string text = ListenAddressText(endpoint);
  if (mode == AuthMode::kSimple) {
    return Violation("http.listen",
                     "expected a unix socket or a loopback address while auth.mode is simple, got "
                     "`" +
                         text + "`, from where anybody could run code here",
                     "set `auth.mode: enterprise` and make tokens with `casemate token add`, or "
                     "listen on 127.0.0.1");
  }
  if (http.tls.certificate.empty() && !http.trusted_proxy) {
    return Violation("http.tls",
                     "expected a certificate and a key for `" + text +
                         "`, got neither: tokens would cross the network in plain text",
                     "give --tls-certificate and --tls-key, or set `http.trusted_proxy: true` if a "
                     "proxy in front ends TLS");
  }
  return {};
}

}  // namespace

Result<http::Endpoint> ParseListenAddress(const std::string& where, const std::string& text) {
  if (text.starts_with(kUnix)) {
    const std::string path = text.substr(kUnix.size());
    if (!path.starts_with('/') || path.find('\0') != std::string::npos) {
      return BadAddress(where, text);
    }
    return http::Endpoint{kUnixHost, 0, path, std::nullopt};
  }
  const std::size_t colon = text.rfind(':');
  const auto port = colon == std::string::npos
                        ? std::nullopt
                        : ParsePort(std::string_view(text).substr(colon + 1));
  if (!port) {
    return BadAddress(where, text);
  }
  std::string host = text.substr(0, colon);
  std::optional<std::string> address;
  if (host == "localhost") {
    address = "127.0.0.1";
  } else if (host.starts_with('[') && host.ends_with(']')) {
    address = Canonical(AF_INET6, host.substr(1, host.size() - 2));
  } else {
    address = Canonical(AF_INET, host);
  }
  if (!address) {
    return BadAddress(where, text);
  }
  return http::Endpoint{*std::move(address), *port, "", std::nullopt};
}

std::string ListenAddressText(const http::Endpoint& endpoint) {
  if (IsUnix(endpoint)) {
    return std::string(kUnix) + endpoint.path;
  }
  const bool is_v6 = endpoint.host.find(':') != std::string::npos;
  return (is_v6 ? "[" + endpoint.host + "]" : endpoint.host) + ":" + std::to_string(endpoint.port);
}

Result<void> CheckListening(const HttpConfig& http, AuthMode mode) {
  if (http.tls.certificate.empty() != http.tls.key.empty()) {
    const bool has_key = http.tls.certificate.empty();
    return Violation("http.tls",
                     std::string("expected both a certificate and a key, got only a ") +
                         (has_key ? "key" : "certificate"),
                     has_key ? "give --tls-certificate or `http.tls.certificate`"
                             : "give --tls-key or `http.tls.key`");
  }
  if (http.trusted_proxy && mode == AuthMode::kSimple) {
    return Violation("http.trusted_proxy",
                     "expected auth.mode enterprise behind a proxy, got simple: whoever reaches "
                     "the proxy would be the owner",
                     "set `auth.mode: enterprise` and make tokens with `casemate token add`");
  }
  std::set<std::string> seen;
  for (const http::Endpoint& endpoint : http.endpoints) {
    if (auto checked = CheckEndpoint(endpoint, http, mode); !checked) {
      return checked;
    }
    const bool is_any_port = !IsUnix(endpoint) && endpoint.port == 0;
    if (!is_any_port && !seen.insert(ListenAddressText(endpoint)).second) {
      return Violation(
          "http.listen",
          "expected each address once, got `" + ListenAddressText(endpoint) + "` again",
          "remove one of them");
    }
  }
  return {};
}

void GiveTlsToEndpoints(HttpConfig& http) {
  for (http::Endpoint& endpoint : http.endpoints) {
    if (!IsUnix(endpoint) && !http.tls.certificate.empty()) {
      endpoint.tls = http.tls;
    }
  }
}

}  // namespace casemate
