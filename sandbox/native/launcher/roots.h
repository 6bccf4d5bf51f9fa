// Roots: the host directories below which workspaces may lie, as the server named them at its
// start. The launcher opens workspaces itself and holds each launch against the roots: a server
// without rights of its own can use them, and one that was taken over gets no other directory of
// the host.
#pragma once

#include <cstddef>

#include "sandbox/native/launcher/request.h"
#include "sandbox/native/launcher/wire.h"

namespace casemate::launcher {

class Roots {
 public:
  // Reads wire::RootEntry until EOF, all or none. EALREADY: there are some.
  int Receive(int socket);
  // Whether `directory` lies, by the path that the kernel knows, below a root that allows `kind`:
  // 0, EACCES or EROFS.
  [[nodiscard]] int Check(int directory, Workspace kind) const;
  // Answers one wire::OpenRequest. May hang with the file system: call it in a process of its own.
  void Open(int socket) const;

 private:
  struct Root {
    char* path;  // lives as long as the launcher
    std::size_t length;
    bool is_writable;
  };
  // The innermost root that is `path` or one of its parents, by whole components; null: none.
  [[nodiscard]] const Root* RootOf(const char* path) const;
  [[nodiscard]] int ReasonBeneath(const char* tidy) const;

  Root roots_[wire::kMaxRoots] = {};
  std::size_t count_ = 0;
  bool has_come_ = false;
};

}  // namespace casemate::launcher
