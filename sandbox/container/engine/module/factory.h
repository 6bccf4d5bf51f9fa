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

// `name` says in errors whose transport it is. Null: the module is of another version, or there is
// no memory. Copies what it is given; the caller owns what it returns.
using TransportFactory = EngineTransport* (*)(const char* version, const char* name,
                                              const Connector* connect);

}  // namespace casemate::container
