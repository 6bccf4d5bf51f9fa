// Request: one launch request as received, its sealed spec mapped read-only and checked. Owns the
// descriptors and the mapping. Single-threaded.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "base/unique_fd.h"
#include "sandbox/native/launcher/wire.h"

namespace casemate::launcher {

namespace wire = sandbox::wire;

enum class Workspace : std::uint32_t { kPrivate = 0, kReadWrite = 1, kReadOnly = 2, kOverlay = 3 };

inline constexpr std::size_t kMaxRequestFds = 6;
inline constexpr std::uint32_t kMaxArguments = 65536;
inline constexpr std::uint32_t kMaxFiles = 65536;

class Request {
 public:
  Request() = default;
  Request(const Request&) = delete;
  Request& operator=(const Request&) = delete;
  ~Request();

  // Takes `count` descriptors in the order of wire.h and checks every offset, count and string, so
  // that no later step needs to. Returns 0 or an errno for stage kRequest; the run socket is set
  // whenever it came, so that the refusal can be reported.
  int Load(UniqueFd* fds, std::size_t count);

  [[nodiscard]] const wire::LaunchSpec& spec() const;
  [[nodiscard]] Workspace workspace() const { return Workspace{spec().workspace}; }
  [[nodiscard]] const char* Text(wire::StringRef ref) const { return data_ + ref.offset; }
  [[nodiscard]] std::string_view Bytes(wire::StringRef ref) const {
    return {data_ + ref.offset, ref.length};
  }
  [[nodiscard]] const wire::StringRef& Argument(wire::ListRef list, std::uint32_t index) const;
  [[nodiscard]] const wire::FileEntry& File(std::uint32_t index) const;
  // Takes the place of one that is still to come, with no command: `data` (expected.h) is borrowed.
  void Assume(const char* data) { data_ = data; }
  // Drops the mapping; spec() and all texts are gone with it.
  void Unmap();

  // Hands it to a sandbox that was made ahead, with `workspace_tree` (-1: none); and takes it
  // there. The latter returns ECANCELED when the launcher has no use for the sandbox any more.
  [[nodiscard]] int Send(int channel, int workspace_tree) const;
  int Receive(int channel, UniqueFd* workspace_tree);

  UniqueFd memfd;  // the spec
  UniqueFd in;
  UniqueFd out;
  UniqueFd err;
  UniqueFd run_socket;
  UniqueFd workspace_dir;
  UniqueFd release;  // of spec().hold

 private:
  int Map();
  [[nodiscard]] int Check(bool has_workspace_dir) const;
  [[nodiscard]] bool HasString(wire::StringRef ref) const;
  [[nodiscard]] bool HasText(wire::StringRef ref) const;
  [[nodiscard]] bool HasList(wire::ListRef list, std::size_t element, std::uint32_t max) const;
  [[nodiscard]] bool HasTexts(wire::ListRef list) const;
  [[nodiscard]] bool HasFiles() const;

  const char* data_ = nullptr;
  std::size_t size_ = 0;
};

}  // namespace casemate::launcher
