// The bearer token of a request (RFC 6750 §2.1: the Authorization header, never the query, which
// ends up in logs and histories). Pure functions; thread-safe.
#pragma once

#include <string_view>

#include "mcp/http/message.h"

namespace casemate::mcp {

struct BearerToken {
  enum class Kind {
    kMissing,    // no Authorization header, or one of another scheme
    kMalformed,  // more than one, or not a token
    kPresent,
  };
  Kind kind = Kind::kMissing;
  std::string_view token;  // of kPresent; within the headers
};

BearerToken FindBearer(const http::Headers& headers);

}  // namespace casemate::mcp
