// TlsContext: certificate and key of one endpoint, loaded again when the files change. I/O thread
// only after Load.
#pragma once

#include <memory>
#include <string>

#include "base/result.h"
#include "mcp/http/server.h"
#include "mcp/http/wire.h"

namespace casemate::http {

class TlsContext {
 public:
  static Result<std::unique_ptr<TlsContext>> Load(const TlsFiles& files);
  virtual ~TlsContext() = default;
  // TLS 1.2 or 1.3 over `fd`, as server. Looks whether the files changed (two stat calls, nothing
  // beside a handshake); if the new ones are no good, logs and goes on with the old. Null: out of
  // memory.
  virtual std::unique_ptr<Wire> Accept(int fd) = 0;
};

}  // namespace casemate::http
