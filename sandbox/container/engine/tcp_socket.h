// Connecting over TCP: names are looked up and all their addresses tried, within the caller's time.
// Stateless; thread-safe.
#pragma once

#include <cstdint>
#include <stop_token>
#include <string>

#include "base/result.h"
#include "base/unique_fd.h"
#include "sandbox/container/engine/module/factory.h"
#include "sandbox/container/engine/transport.h"

namespace casemate::container {

// "host:80", "[::1]:80".
std::string HostAndPort(const std::string& host, std::uint16_t port);

// A connection, non-blocking and closed on exec, before `deadline_ns` of MonotonicNs (0: no end).
// Errors, each with a remedy: kNotFound when there is no such host, kUnavailable when no address
// takes a connection, kCancelled.
Result<UniqueFd> ConnectToTcp(const std::string& host, std::uint16_t port, std::int64_t deadline_ns,
                              const std::stop_token& stop);

// What connects to `peer`, through its proxy if it has one. Errors: kInvalidArgument for a proxy
// that cannot be used; its password is in no message.
Result<Connector> TcpConnector(const TcpPeer& peer);

}  // namespace casemate::container
