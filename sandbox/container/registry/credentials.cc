#include "sandbox/container/registry/credentials.h"

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <utility>

#include <nlohmann/json.hpp>

#include "base/file.h"
#include "base/json.h"
#include "base/text.h"

namespace casemate::registry {
namespace {

constexpr std::size_t kMaxFile = std::size_t{1} << 20;
constexpr std::size_t kMaxSecret = std::size_t{16} << 10;
constexpr std::string_view kEnv = "env:";
constexpr std::string_view kFile = "file:";
constexpr std::string_view kDockerConfig = "docker-config";

Error Wrong(const std::string& message, const std::string& remedy) {
  return Error{ErrorCode::kInvalidArgument, message, "credentials", remedy, 0};
}

std::string Variable(const std::string& name) {
  const char* const value = std::getenv(name.c_str());  // NOLINT(concurrency-mt-unsafe): only read
  return value == nullptr ? "" : value;
}

bool IsHarmless(std::string_view secret) {
  return secret.size() <= kMaxSecret &&
         std::ranges::none_of(secret, [](char c) { return c >= 0 && c < ' '; });
}

Result<Credentials> FromPair(std::string_view pair, const std::string& where) {
  const std::size_t colon = pair.find(':');
  if (colon == std::string_view::npos || colon == 0 || !IsHarmless(pair)) {
    return Wrong(where + ": expected USER:PASSWORD in one line",
                 "write user and password of the registry there, with a colon between");
  }
  return Credentials{std::string(pair.substr(0, colon)), std::string(pair.substr(colon + 1)), {}};
}

Result<FoundCredentials> FromVariable(const std::string& name) {
  const std::string value = Variable(name);
  if (name.empty() || value.empty()) {
    return Error{ErrorCode::kNotFound, "the variable " + Quoted(name) + " is not set",
                 "credentials", "set it to USER:PASSWORD where Casemate is started", 0};
  }
  auto pair = FromPair(value, "the variable " + Quoted(name));
  if (!pair) {
    return std::move(pair).error();
  }
  return FoundCredentials{std::move(pair).value(), {}};
}

Result<FoundCredentials> FromFile(const std::string& path) {
  auto content = ReadFile(path, kMaxSecret);
  if (!content) {
    Error error = std::move(content).error();
    error.field = "credentials";
    return error;
  }
  while (content->ends_with('\n') || content->ends_with('\r')) {
    content->pop_back();
  }
  auto pair = FromPair(*content, path);
  if (!pair) {
    return std::move(pair).error();
  }
  return FoundCredentials{std::move(pair).value(), {}};
}

// "https://index.docker.io/v1/" and "registry.example.com" as the host of an image's name.
std::string HostOfKey(std::string_view key) {
  if (const std::size_t scheme = key.find("://"); scheme != std::string_view::npos) {
    key.remove_prefix(scheme + 3);
  }
  std::string host(key.substr(0, key.find('/')));
  return host == "index.docker.io" || host == "registry-1.docker.io" ? "docker.io" : host;
}

std::string TextAt(const nlohmann::json& object, const char* name) {
  const auto found = object.find(name);
  return found != object.end() && found->is_string() ? found->get<std::string>() : "";
}

Result<std::optional<Credentials>> FromEntry(const nlohmann::json& entry, const std::string& path) {
  Credentials made{TextAt(entry, "username"), TextAt(entry, "password"),
                   TextAt(entry, "identitytoken")};
  if (const std::string auth = TextAt(entry, "auth"); !auth.empty()) {
    const auto pair = DecodeBase64(auth);
    auto read = pair ? FromPair(*pair, path + ": `auth`")
                     : Wrong(path + ": `auth`: expected base64", "log in again");
    if (!read) {
      return std::move(read).error();
    }
    made.user = read->user;
    made.password = read->password;
  }
  if (!IsHarmless(made.user) || !IsHarmless(made.password) || !IsHarmless(made.identity_token)) {
    return Wrong(path + ": expected user and password without control characters", "log in again");
  }
  if (made.user.empty() && made.identity_token.empty()) {
    return std::optional<Credentials>();
  }
  return std::optional(std::move(made));
}

// The name of the helper that has the credentials for `host`, or empty.
std::string HelperFor(const nlohmann::json& config, const std::string& host) {
  if (const auto helpers = config.find("credHelpers");
      helpers != config.end() && helpers->is_object()) {
    for (const auto& [key, value] : helpers->items()) {
      if (HostOfKey(key) == host && value.is_string()) {
        return value.get<std::string>();
      }
    }
  }
  return TextAt(config, "credsStore");
}

Result<FoundCredentials> FromDockerConfig(const std::string& path, const std::string& host) {
  auto text = ReadFile(path, kMaxFile);
  if (!text) {
    return std::move(text).error();
  }
  const auto config = ParseJson(*text);
  if (!config || !config->is_object()) {
    return Wrong(path + ": expected the JSON of a docker config", "mend it, or name another");
  }
  if (const auto auths = config->find("auths"); auths != config->end() && auths->is_object()) {
    for (const auto& [key, entry] : auths->items()) {
      if (HostOfKey(key) != host || !entry.is_object()) {
        continue;
      }
      auto found = FromEntry(entry, path);
      if (!found) {
        return std::move(found).error();
      }
      if (found->has_value()) {
        return FoundCredentials{std::move(found).value(), {}};
      }
    }
  }
  const std::string helper = HelperFor(*config, host);
  return FoundCredentials{{},
                          helper.empty() ? path + " has no credentials for " + host
                                         : path + " leaves them to the credential helper " +
                                               Quoted(helper) + ", which Casemate does not run"};
}

}  // namespace

Result<FoundCredentials> FindCredentials(std::string_view reference, const std::string& host) {
  if (reference.starts_with(kEnv)) {
    return FromVariable(std::string(reference.substr(kEnv.size())));
  }
  if (reference.starts_with(kFile)) {
    return FromFile(std::string(reference.substr(kFile.size())));
  }
  const bool is_named = reference.starts_with(kDockerConfig);
  std::string_view path = is_named ? reference.substr(kDockerConfig.size()) : std::string_view();
  if ((!reference.empty() && !is_named) || (!path.empty() && !path.starts_with(':'))) {
    // Not quoted: who wrote a password here must not find it in a log.
    return Wrong("expected a reference to credentials",
                 "give env:NAME, file:PATH or docker-config[:PATH]; credentials themselves are "
                 "never given here");
  }
  if (path.size() > 1) {
    return FromDockerConfig(std::string(path.substr(1)), host);
  }
  std::string directory = Variable("DOCKER_CONFIG");
  if (directory.empty() && !Variable("HOME").empty()) {
    directory = Variable("HOME") + "/.docker";
  }
  auto found = directory.empty() ? Result<FoundCredentials>(FoundCredentials{})
                                 : FromDockerConfig(directory + "/config.json", host);
  if (!found && !is_named &&
      (found.error().sys_errno == ENOENT || found.error().sys_errno == ENOTDIR)) {
    return FoundCredentials{};
  }
  return found;
}

}  // namespace casemate::registry
