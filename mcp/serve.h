// `casemate serve`: MCP over standard input and output until end of file, a signal, or a broken
// pipe; or over HTTP until a signal. Runs on the main thread.
#pragma once

#include "base/result.h"
#include "mcp/config.h"
#include "mcp/service_user.h"

namespace casemate {

// Returns the process's exit code: 0 for every orderly end, 1 when it could not start.
int Serve(const Config& config);
// The HTTP half of it (serve_http.cc): when the configuration has endpoints.
Result<void> ServeHttp(const Config& config, ServiceUser& user);

}  // namespace casemate
