// ListeningSocket: one bound, listening, non-blocking socket; closes it, and removes the file of a
// unix socket, at the end. Plain POSIX. Not thread-safe.
#pragma once

#include <sys/types.h>

#include <cstddef>
#include <string>

#include "base/result.h"
#include "base/unique_fd.h"
#include "mcp/http/message.h"
#include "mcp/http/server.h"

namespace casemate::http {

class ListeningSocket {
 public:
  // kInvalidArgument, or kUnavailable if something else listens there.
  static Result<ListeningSocket> Open(const Endpoint& endpoint);
  ListeningSocket(ListeningSocket&& other) noexcept;
  ListeningSocket& operator=(ListeningSocket&&) = delete;
  ListeningSocket(const ListeningSocket&) = delete;
  ~ListeningSocket();

  struct Accepted {
    UniqueFd fd;  // invalid: see `error`
    Peer peer;
    int error = 0;  // errno of accept4; EAGAIN: nobody waits
  };
  [[nodiscard]] Accepted Accept() const;
  [[nodiscard]] int fd() const { return fd_.get(); }
  [[nodiscard]] const std::string& address() const { return address_; }

 private:
  ListeningSocket() = default;
  static Result<ListeningSocket> OpenUnix(const Endpoint& endpoint);
  static Result<ListeningSocket> OpenTcp(const Endpoint& endpoint);

  UniqueFd fd_;
  std::string address_;
  std::string path_;  // of a unix socket, and which file we made there
  dev_t device_ = 0;
  ino_t inode_ = 0;
};

// Raises the soft limit of open files to the hard one and returns it.
std::size_t RaiseFileLimit();

}  // namespace casemate::http
