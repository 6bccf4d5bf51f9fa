// What the module casemate_engine exports: one function that makes an EngineTransport of
// cpp-httplib. Both sides are built together and compare their versions, for C++ types cross the
// boundary; exceptions do not, and the module includes no code of ours but headers.
#pragma once

#include <cstdint>
#include <functional>
#include <stop_token>
#include <string>

#include "base/result.h"
#include "base/unique_fd.h"
#include "sandbox/container/engine/transport.h"

namespace casemate::container {

inline constexpr const char* kEngineModule = "libcasemate_engine.so";
inline constexpr const char* kTransportFactory = "casemate_engine_transport";

// A new connection, non-blocking, before `deadline_ns` of CLOCK_MONOTONIC (0: none).
using Connector =
    std::function<Result<UniqueFd>(std::int64_t deadline_ns, const std::stop_token& stop)>;

// Who is spoken to, and how.
struct Peer {
  std::string name;    // in errors: "the engine at /run/docker.sock"
  std::string kind;    // "engine"
  std::string remedy;  // when it does not answer as it should
  Connector connect;
  std::string tls_name;  // what its certificate must be for, a name or an address; empty: no TLS
  std::string ca_file;   // PEM; empty: the system's
};

// Null: the module is of another version, or there is no memory. Copies what it is given; the
// caller owns what it returns.
using TransportFactory = EngineTransport* (*)(const char* version, const Peer* peer);

}  // namespace casemate::container
