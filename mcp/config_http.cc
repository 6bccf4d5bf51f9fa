#include "mcp/config_http.h"

#include <algorithm>
#include <utility>

#include "mcp/config_fields.h"

namespace casemate {
namespace {

constexpr std::int64_t kMinBodyBytes = 65536;
constexpr std::int64_t kMaxBodyBytes = std::int64_t{1} << 28;
constexpr std::int64_t kMaxConnections = 100'000;
constexpr std::int64_t kMinIdleSeconds = 10;
constexpr std::int64_t kMaxDeadlineSeconds = 3600;
constexpr std::int64_t kMaxIdleSeconds = std::int64_t{7} * 24 * 3600;

bool IsOneOf(char c, std::string_view also) {
  return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || also.find(c) != std::string_view::npos;
}

// As browsers send it (RFC 6454 §6.2): compared byte by byte, so another form would never match.
Result<void> CheckOriginText(const std::string& where, const std::string& text) {
  const std::size_t scheme = text.find("://");
  const bool is_origin =
      scheme != std::string::npos && scheme > 0 && scheme + 3 < text.size() &&
      std::all_of(text.begin(), text.begin() + static_cast<std::ptrdiff_t>(scheme),
                  [](char c) { return IsOneOf(c, "+-."); }) &&
      std::all_of(text.begin() + static_cast<std::ptrdiff_t>(scheme) + 3, text.end(),
                  [](char c) { return IsOneOf(c, "-._:[]"); });
  if (!is_origin) {
    Error error = InvalidArgument(where,
                                  "expected an origin such as `https://app.example.org`, in "
                                  "lower case and without a path, got `" +
                                      text + "`");
    error.remedy = "list each origin in full: there are no wildcards";
    return error;
  }
  return {};
}

Result<void> CheckHostText(const std::string& where, const std::string& text) {
  const bool is_v6 = text.starts_with('[') && text.ends_with(']');
  const bool is_host = !text.empty() && std::ranges::all_of(text, [is_v6](char c) {
    return IsOneOf(c, is_v6 ? ":[]" : "-._");
  });
  if (!is_host) {
    Error error = InvalidArgument(where,
                                  "expected a host name such as `casemate.example.org`, in "
                                  "lower case and without a port, got `" +
                                      text + "`");
    error.remedy = "list each name in full: there are no wildcards";
    return error;
  }
  return {};
}

Result<void> ReadListen(const YamlNode& section, HttpConfig& http) {
  std::vector<std::string> ignored;
  return ReadTexts(
      section, "listen",
      [&http](const std::string& where, const std::string& text) -> Result<void> {
        auto endpoint = ParseListenAddress(where, text);
        if (!endpoint) {
          return std::move(endpoint).error();
        }
        http.endpoints.push_back(*std::move(endpoint));
        return {};
      },
      ignored);
}

Result<void> ReadTls(const YamlNode& section, http::TlsFiles& tls) {
  return ReadSection(section, "tls", {"certificate", "key"}, [&](const YamlNode& files) {
    return Steps()
        .Then([&] { return ReadPath(files, "certificate", tls.certificate); })
        .Then([&] { return ReadPath(files, "key", tls.key); })
        .Take();
  });
}

template <typename Duration>
Result<void> ReadSeconds(const YamlNode& section, const char* key, std::int64_t least,
                         std::int64_t most, Duration& target) {
  using std::chrono::seconds;
  auto count = static_cast<std::size_t>(std::chrono::duration_cast<seconds>(target).count());
  auto done = ReadSize(section, key, least, most, count);
  target = seconds(count);
  return done;
}

Result<void> ReadDeadlines(const YamlNode& section, http::Limits& limits) {
  for (const auto& [key, target] : {std::pair("header_timeout_s", &limits.header_time),
                                    std::pair("body_timeout_s", &limits.body_time),
                                    std::pair("idle_timeout_s", &limits.idle_time),
                                    std::pair("write_timeout_s", &limits.write_time)}) {
    if (auto done = ReadSeconds(section, key, 1, kMaxDeadlineSeconds, *target); !done) {
      return done;
    }
  }
  return {};
}

Result<void> ReadLimits(const YamlNode& section, HttpConfig& http) {
  return Steps()
      .Then([&] {
        return ReadSize(section, "max_body_bytes", kMinBodyBytes, kMaxBodyBytes,
                        http.limits.max_body_bytes);
      })
      .Then([&] {
        return ReadSize(section, "max_connections", 1, kMaxConnections,
                        http.limits.max_connections);
      })
      .Then([&] {
        return ReadSize(section, "max_streams", 1, kMaxConnections, http.limits.max_streams);
      })
      .Then(
          [&] { return ReadSize(section, "max_sessions", 1, kMaxConnections, http.max_sessions); })
      .Then([&] {
        return ReadSeconds(section, "session_idle_s", kMinIdleSeconds, kMaxIdleSeconds,
                           http.session_idle);
      })
      .Then([&] { return ReadDeadlines(section, http.limits); })
      .Take();
}

Result<void> ReadHttpSection(const YamlNode& section, HttpConfig& http) {
  return Steps()
      .Then([&] { return ReadListen(section, http); })
      .Then([&] { return ReadTls(section, http.tls); })
      .Then([&] { return ReadFlag(section, "trusted_proxy", http.trusted_proxy); })
      .Then([&] { return ReadFlag(section, "metrics", http.metrics); })
      .Then([&] {
        return ReadTexts(section, "allowed_origins", CheckOriginText, http.allowed_origins);
      })
      .Then([&] { return ReadTexts(section, "allowed_hosts", CheckHostText, http.allowed_hosts); })
      .Then([&] { return ReadLimits(section, http); })
      .Take();
}

Result<void> ReadAuthMode(const YamlNode& section, AuthMode& mode) {
  const auto node = section.Get("mode");
  if (!node) {
    return {};
  }
  auto text = node->AsString();
  if (!text) {
    return std::move(text).error();
  }
  if (*text != "simple" && *text != "enterprise") {
    return InvalidArgument(node->Where(),
                           "expected `simple` or `enterprise` for auth.mode, got `" + *text + "`");
  }
  mode = *text == "simple" ? AuthMode::kSimple : AuthMode::kEnterprise;
  return {};
}

}  // namespace

Result<void> ReadHttp(const YamlNode& root, Config& config) {
  return Steps()
      .Then([&] {
        return ReadSection(
            root, "http",
            {"listen", "tls", "trusted_proxy", "allowed_origins", "allowed_hosts", "max_body_bytes",
             "max_connections", "max_streams", "metrics", "max_sessions", "session_idle_s",
             "header_timeout_s", "body_timeout_s", "idle_timeout_s", "write_timeout_s"},
            [&](const YamlNode& section) { return ReadHttpSection(section, config.http); });
      })
      .Then([&] {
        return ReadSection(root, "auth", {"mode"}, [&](const YamlNode& section) {
          return ReadAuthMode(section, config.auth_mode);
        });
      })
      .Take();
}

Result<void> ApplyHttpFlags(const ConfigOverrides& overrides, HttpConfig& http) {
  if (!overrides.http_listen.empty()) {
    http.endpoints.clear();
  }
  for (const std::string& text : overrides.http_listen) {
    constexpr std::string_view kUnix = "unix:";
    std::string address = text;
    if (text.starts_with(kUnix) && text.size() > kUnix.size()) {
      auto path = Absolute(text.substr(kUnix.size()));
      if (!path) {
        return std::move(path).error();
      }
      address = std::string(kUnix) + *path;
    }
    auto endpoint = ParseListenAddress("--http", address);
    if (!endpoint) {
      return std::move(endpoint).error();
    }
    http.endpoints.push_back(*std::move(endpoint));
  }
  for (const auto& [flag, target] : {std::pair(&overrides.tls_certificate, &http.tls.certificate),
                                     std::pair(&overrides.tls_key, &http.tls.key)}) {
    if (flag->empty()) {
      continue;
    }
    auto path = Absolute(*flag);
    if (!path) {
      return std::move(path).error();
    }
    *target = *std::move(path);
  }
  return {};
}

}  // namespace casemate
