// HTTP/1.1 over a unix socket, each exchange within one deadline whatever the peer does: it may
// hang, dribble, lie about lengths or send without end. Connections are kept and used again.
// Thread-safe: each exchange has a connection to itself.
#pragma once

#include <cstddef>
#include <cstdint>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "base/unique_fd.h"

namespace casemate::policies {

struct HttpReply {
  int status = 0;
  std::string body;
};

// What Error::field holds of a failed exchange.
inline constexpr const char* kOpaTimeout = "opa_timeout";          // the deadline passed
inline constexpr const char* kOpaUnavailable = "opa_unavailable";  // nobody there
inline constexpr const char* kOpaReply = "opa_reply";              // no HTTP, or too much of it

class HttpClient {
 public:
  // `directory` is lent to it by descriptor (O_PATH): its path may be too long for a socket's
  // address, or lie where this process may not enter. `name` is a plain file name.
  HttpClient(UniqueFd directory, const std::string& name);

  // `deadline_ns` is of MonotonicNs. A kept connection that the peer has closed meanwhile is
  // replaced once. Errors: kUnavailable with one of the fields above.
  Result<HttpReply> Post(std::string_view path, std::string_view body, std::int64_t deadline_ns,
                         std::size_t max_body_bytes);
  Result<HttpReply> Get(std::string_view path, std::int64_t deadline_ns);

  // The process that listens, as the kernel knows it; 0: none.
  [[nodiscard]] pid_t PeerPid(std::int64_t deadline_ns);

 private:
  struct Attempt;
  Result<HttpReply> Exchange(std::string_view request, std::int64_t deadline_ns,
                             std::size_t max_body_bytes);
  // What was kept, or an invalid one.
  UniqueFd TakeKept();
  void Keep(UniqueFd connection);
  [[nodiscard]] Result<UniqueFd> Connect(std::int64_t deadline_ns) const;

  UniqueFd directory_;
  std::string address_;
  std::mutex mutex_;
  std::vector<UniqueFd> kept_;
};

}  // namespace casemate::policies
