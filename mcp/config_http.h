// The part of the configuration that says where HTTP is served, to whom and how: sections `http`
// and `auth`, the flags of `casemate serve`, and the rules between them. Load-time only.
#pragma once

#include <string>

#include "base/result.h"
#include "base/yaml.h"
#include "mcp/config.h"

namespace casemate {

// "127.0.0.1:8765", "[::1]:8765", "localhost:8765" (127.0.0.1) or "unix:/path". `where` names the
// flag or the place in the file. Errors: kInvalidArgument.
Result<http::Endpoint> ParseListenAddress(const std::string& where, const std::string& text);
// The address as ParseListenAddress takes it.
std::string ListenAddressText(const http::Endpoint& endpoint);

// Keys `http` and `auth` of the file.
Result<void> ReadHttp(const YamlNode& root, Config& config);
Result<void> ApplyHttpFlags(const ConfigOverrides& overrides, HttpConfig& http);

// The rules that keep a mistake in the configuration from opening the server to strangers:
// auth.mode simple serves unix sockets and loopback only, and never behind a proxy; plain HTTP
// stays on this machine unless a trusted proxy ends TLS; TLS needs both files; no address twice.
Result<void> CheckListening(const HttpConfig& http, AuthMode mode);
// TLS is for every TCP address.
void GiveTlsToEndpoints(HttpConfig& http);

}  // namespace casemate
