#include "sandbox/container/registry/url.h"

#include <arpa/inet.h>
#include <netinet/in.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdlib>

#include "base/text.h"

namespace casemate::registry {
namespace {

constexpr std::size_t kMaxUrl = std::size_t{16} << 10;
constexpr std::uint16_t kHttp = 80;
constexpr std::uint16_t kHttps = 443;

Error Wrong(std::string_view text, const std::string& expected) {
  // Up to the query, which may hold a signature.
  return InvalidArgument(
      "url", "the address " + Quoted(text.substr(0, text.find('?'))) + ": expected " + expected);
}

bool IsVisible(char c) {
  return c > ' ' && c < '\x7f';
}

std::string Lower(std::string_view text) {
  std::string lower(text);
  std::ranges::transform(lower, lower.begin(), [](char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c | 0x20) : c;
  });
  return lower;
}

bool IsHostName(std::string_view text) {
  return !text.empty() && std::ranges::all_of(text, [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '.' || c == '_';
  });
}

bool IsV6(const std::string& text) {
  in6_addr address{};
  return inet_pton(AF_INET6, text.c_str(), &address) == 1;
}

// Host and port of "host:80" or "[::1]:80".
bool TakeAuthority(std::string_view text, Url& url) {
  std::string_view port;
  if (text.starts_with('[')) {
    const std::size_t end = text.find(']');
    if (end == std::string_view::npos) {
      return false;
    }
    url.host = Lower(text.substr(1, end - 1));
    port = text.substr(end + 1);
    if (!IsV6(url.host)) {
      return false;
    }
  } else {
    const std::size_t colon = std::min(text.find(':'), text.size());
    url.host = Lower(text.substr(0, colon));
    port = text.substr(colon);
    if (!IsHostName(url.host)) {
      return false;
    }
  }
  url.port = url.scheme == "https" ? kHttps : kHttp;
  if (port.empty()) {
    return true;
  }
  port.remove_prefix(1);
  const auto read = std::from_chars(port.data(), port.data() + port.size(), url.port);
  return text[text.size() - port.size() - 1] == ':' && read.ec == std::errc() &&
         read.ptr == port.data() + port.size() && url.port != 0;
}

std::string Variable(const char* upper, const char* lower) {
  const char* value = std::getenv(lower);  // NOLINT(concurrency-mt-unsafe): nobody sets it here
  if (value == nullptr || *value == '\0') {
    value = std::getenv(upper);  // NOLINT(concurrency-mt-unsafe): likewise
  }
  return value == nullptr ? "" : value;
}

bool IsExcepted(const Url& url, std::string_view list) {
  while (!list.empty()) {
    const std::size_t comma = std::min(list.find(','), list.size());
    std::string entry = Lower(list.substr(0, comma));
    list.remove_prefix(std::min(comma + 1, list.size()));
    std::erase(entry, ' ');
    if (const std::size_t colon = entry.find(':');
        colon != std::string::npos && entry.find(':', colon + 1) == std::string::npos) {
      if (entry.substr(colon + 1) != std::to_string(url.port)) {
        continue;
      }
      entry.resize(colon);
    }
    if (entry.starts_with('.')) {
      entry.erase(0, 1);
    }
    if (entry == "*" ||
        (!entry.empty() && (url.host == entry || url.host.ends_with("." + entry)))) {
      return true;
    }
  }
  return false;
}

}  // namespace

std::string Url::Origin() const {
  const bool is_v6 = host.find(':') != std::string::npos;
  return scheme + "://" + (is_v6 ? "[" + host + "]" : host) + ":" + std::to_string(port);
}

std::string Url::Authority() const {
  const std::string origin = Origin().substr(scheme.size() + 3);
  const bool is_usual = port == (scheme == "https" ? kHttps : kHttp);
  return is_usual ? origin.substr(0, origin.rfind(':')) : origin;
}

Result<Url> ParseUrl(std::string_view text) {
  if (text.size() > kMaxUrl || !std::ranges::all_of(text, IsVisible)) {
    return Wrong(text, "at most 16 KiB of visible ASCII");
  }
  Url url;
  const std::size_t scheme = text.find("://");
  url.scheme = scheme == std::string_view::npos ? "" : Lower(text.substr(0, scheme));
  if (url.scheme != "http" && url.scheme != "https") {
    return Wrong(text, "http:// or https://");
  }
  std::string_view rest = text.substr(scheme + 3);
  rest = rest.substr(0, rest.find('#'));
  const std::size_t path = std::min(rest.find_first_of("/?"), rest.size());
  const std::string_view authority = rest.substr(0, path);
  if (authority.find('@') != std::string_view::npos) {
    return InvalidArgument("url", "an address: expected no user in it");
  }
  if (authority.find('\\') != std::string_view::npos || !TakeAuthority(authority, url)) {
    return Wrong(text, "a host, and a port if it is unusual");
  }
  url.target = rest.substr(path);
  if (!url.target.starts_with('/')) {
    url.target.insert(0, "/");
  }
  return url;
}

Result<Url> Follow(const Url& base, std::string_view text) {
  if (text.empty()) {
    return Wrong(text, "one, got nothing");
  }
  const std::size_t colon = text.find_first_of(":/?#");
  if (colon != std::string_view::npos && text[colon] == ':') {
    return ParseUrl(text);
  }
  if (text.starts_with("//")) {
    return ParseUrl(base.scheme + ":" + std::string(text));
  }
  if (text.starts_with('/')) {
    return ParseUrl(base.Origin() + std::string(text));
  }
  const std::string path = base.target.substr(0, base.target.find('?'));
  if (text.starts_with('?')) {
    return ParseUrl(base.Origin() + path + std::string(text));
  }
  return ParseUrl(base.Origin() + path.substr(0, path.rfind('/') + 1) + std::string(text));
}

std::string WithParameter(std::string target, std::string_view name, std::string_view value) {
  constexpr std::string_view kHex = "0123456789ABCDEF";
  target += target.find('?') == std::string::npos ? '?' : '&';
  target += name;
  target += '=';
  for (const char c : value) {
    const bool is_plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
                          (c >= '0' && c <= '9') || c == '-' || c == '.' || c == '_' || c == '~';
    if (is_plain) {
      target += c;
    } else {
      const auto byte = static_cast<unsigned char>(c);
      target += {'%', kHex[byte >> 4], kHex[byte & 0xf]};
    }
  }
  return target;
}

bool IsLoopback(std::string_view host) {
  in_addr address{};
  const std::string text(host);
  return host == "localhost" || host == "::1" ||
         (inet_pton(AF_INET, text.c_str(), &address) == 1 && (ntohl(address.s_addr) >> 24) == 127);
}

std::string ProxyFor(const Url& url) {
  if (IsLoopback(url.host) || IsExcepted(url, Variable("NO_PROXY", "no_proxy"))) {
    return "";
  }
  return url.scheme == "https" ? Variable("HTTPS_PROXY", "https_proxy")
                               : Variable("HTTP_PROXY", "http_proxy");
}

}  // namespace casemate::registry
