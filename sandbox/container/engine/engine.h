// Engine: a container engine (Docker 20.10 or newer, Podman 4.3 or newer) by the Docker Engine API
// 1.41 over its unix socket. The socket is as good as root on the host, so there are typed requests
// only, each built here; what makes a new container comes from a ContainerSpec, which only its
// builder makes. Thread-safe; calls block until the engine has answered.
//
// Errors of all: kUnavailable when the engine is absent, hung or broke off, kNotFound (404),
// kInvalidArgument (400, 409 with what the engine said), kCancelled, kPermissionDenied, kInternal.
// What an engine said is in the message, cut and made visible.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "sandbox/container/engine/stream.h"
#include "sandbox/container/engine/transport.h"
#include "sandbox/container/engine/types.h"

namespace casemate::container {

class ContainerSpec;

struct ListFilter {
  bool all = true;                  // those that do not run, too
  std::vector<std::string> labels;  // "name" or "name=value"; all must hold
};

// What `exec` starts in a running container.
struct ExecRequest {
  std::vector<std::string> argv;
  std::vector<std::string> env;   // "NAME=value", added to the container's
  std::string working_directory;  // empty: the container's
  std::string user;               // empty: the container's
  bool with_stdin = false;
  bool tty = false;
};

struct ExecState {
  bool running = false;
  int exit_code = 0;
  int pid = 0;  // in the engine's PID namespace; 0: it has ended or has not begun
};

struct LogRequest {
  std::int64_t tail = -1;     // lines from the end; -1: all
  std::int64_t since_ms = 0;  // Unix time; 0: from the beginning
  std::int64_t until_ms = 0;  // 0: no end
  bool follow = false;
  bool timestamps = false;  // each line begins with RFC 3339
  bool out = true;
  bool err = true;
};

struct EventRequest {
  std::int64_t since_ns = 0;       // Unix time; 0: from now on
  std::int64_t until_ns = 0;       // 0: no end
  std::vector<std::string> types;  // "container", "image"; empty: all
  // Called for each line that is too long or no event: it is left out. The initialiser lets g++ 12
  // accept initialisers without it.
  std::function<void()> on_unreadable{};  // NOLINT(readability-redundant-member-init)
};

// How long one request may take. What the engine has begun by then may go on there.
struct Patience {
  std::int64_t total_ms = 0;  // beyond: kUnavailable; 0: what is usual for such a request
  // Requested: kCancelled. The initialiser lets g++ 12 accept designated ones without it.
  std::stop_token stop{};  // NOLINT(readability-redundant-member-init)
};

// Takes pieces as they come; false: enough.
using BytesSink = std::function<bool(StdStream stream, std::string_view bytes)>;
using EventSink = std::function<bool(const EngineEvent& event)>;

// ContainerDetails::memory_swap for a container once it is bounded by `memory_bytes`: it keeps the
// swap that it has `now`. Where that is not bounded by a number, as much as a new container gets.
std::int64_t SwapWith(const ContainerDetails& now, std::int64_t memory_bytes);

class Engine {
 public:
  // Asks for version and info, within `patience_ms` each: an engine that is too old is an error
  // that says which it is.
  static Result<std::unique_ptr<Engine>> Connect(const std::string& socket_path,
                                                 std::int64_t patience_ms = 10'000,
                                                 const std::stop_token& stop = {});

  [[nodiscard]] const EngineInfo& info() const { return info_; }
  [[nodiscard]] const std::string& socket_path() const { return socket_path_; }
  // kUnavailable also when another engine answers than the one that Connect met, as after an
  // upgrade: info() and api_prefix() are not its own. Connect again.
  Result<void> Ping(const std::stop_token& stop = {}, std::int64_t total_ms = 5000) const;

  [[nodiscard]] Result<std::vector<ContainerSummary>> List(const ListFilter& filter,
                                                           const Patience& patience = {}) const;
  // By id, id prefix or name.
  [[nodiscard]] Result<ContainerDetails> Inspect(std::string_view container,
                                                 const Patience& patience = {}) const;
  [[nodiscard]] Result<Usage> Stats(std::string_view container,
                                    const Patience& patience = {}) const;
  // Returns the id.
  [[nodiscard]] Result<std::string> Create(const ContainerSpec& spec) const;
  [[nodiscard]] Result<void> Start(std::string_view container) const;
  // SIGTERM (or the image's signal), SIGKILL after `grace_s` seconds.
  [[nodiscard]] Result<void> Stop(std::string_view container, int grace_s) const;
  [[nodiscard]] Result<void> Restart(std::string_view container, int grace_s) const;
  [[nodiscard]] Result<void> Kill(std::string_view container, std::string_view signal,
                                  const Patience& patience = {}) const;
  [[nodiscard]] Result<void> Pause(std::string_view container) const;
  [[nodiscard]] Result<void> Unpause(std::string_view container) const;
  // With its anonymous volumes. `force` kills it first.
  [[nodiscard]] Result<void> Remove(std::string_view container, bool force,
                                    const Patience& patience = {}) const;
  // Until it has ended; its exit code.
  [[nodiscard]] Result<int> Wait(std::string_view container, const std::stop_token& stop,
                                 std::int64_t total_ms = 0) const;
  // New bounds for one that exists; 0 leaves one as it is. `memory_swap`: SwapWith that memory.
  [[nodiscard]] Result<void> Update(std::string_view container, const ContainerLimits& limits,
                                    std::int64_t memory_swap = 0) const;

  // To a container that was created with its stdin open, before Start.
  [[nodiscard]] Result<EngineStream> Attach(std::string_view container, bool with_stdin,
                                            const std::stop_token& stop = {}) const;
  // Returns the id of the exec.
  [[nodiscard]] Result<std::string> CreateExec(std::string_view container,
                                               const ExecRequest& request,
                                               const Patience& patience = {}) const;
  [[nodiscard]] Result<EngineStream> StartExec(std::string_view exec, bool tty,
                                               const std::stop_token& stop = {}) const;
  [[nodiscard]] Result<ExecState> InspectExec(std::string_view exec) const;

  Result<void> Logs(std::string_view container, const LogRequest& request, const BytesSink& sink,
                    const std::stop_token& stop) const;
  Result<void> Events(const EventRequest& request, const EventSink& sink,
                      const std::stop_token& stop) const;

  // The directory of the host that the volume stands for; empty: the engine's own.
  [[nodiscard]] Result<std::string> DirectoryOfVolume(std::string_view name) const;

  [[nodiscard]] Result<ImageDetails> InspectImage(std::string_view reference,
                                                  const Patience& patience = {}) const;
  // "sha256:…" of what the image's registry has under this name, which Docker asks it: kUnavailable
  // when it cannot be reached, kNotFound from Podman, which has no such request.
  [[nodiscard]] Result<std::string> RegistryDigest(std::string_view reference,
                                                   const Patience& patience = {}) const;
  // `progress` is told in words; may be empty.
  Result<void> Pull(std::string_view reference,
                    const std::function<void(std::string_view)>& progress,
                    const std::stop_token& stop) const;

  // What takes room on its disk. Walks volumes and layers: may take minutes. Docker refuses a
  // second one meanwhile (kInternal or kInvalidArgument).
  [[nodiscard]] Result<DiskUsage> DiskUse(const std::stop_token& stop = {}) const;
  // By id ("sha256:…") alone, with those of its layers that have no name either. kInvalidArgument
  // when a container uses it.
  [[nodiscard]] Result<void> RemoveImage(std::string_view id) const;
  // Of what nothing uses; bytes freed. Podman has none: kNotFound.
  [[nodiscard]] Result<std::int64_t> PruneBuildCache(const std::stop_token& stop = {}) const;

  // For what is built on it (build/): a request to the same socket.
  [[nodiscard]] EngineTransport& transport() const { return *transport_; }
  // What targets of the API begin with: "/v1.41".
  [[nodiscard]] const std::string& api_prefix() const { return api_prefix_; }

 private:
  Engine(std::string socket_path, std::unique_ptr<EngineTransport> transport)
      : socket_path_(std::move(socket_path)), transport_(std::move(transport)) {}

  // For what engines answer at once, unless what it is about is locked: 30 seconds if `patience`
  // does not say.
  static ExchangeOptions AtOnce(const Patience& patience);
  // An exchange whose answer must be a success or `also`. `what` says what it is for.
  [[nodiscard]] Result<EngineReply> Ask(std::string_view what, const EngineRequest& request,
                                        const ExchangeOptions& options, int also = 0) const;
  // POST /containers/{container}/{action}; 304 (is so already) is fine.
  [[nodiscard]] Result<void> Act(std::string_view container, std::string_view action,
                                 std::string_view query, std::int64_t idle_ms,
                                 const Patience& patience = {}) const;

  std::string socket_path_;
  std::string api_prefix_ = "/v1.41";
  std::unique_ptr<EngineTransport> transport_;
  EngineInfo info_;
  std::string said_api_;  // the headers Api-Version and Server when it connected; empty: none
  std::string said_server_;
};

}  // namespace casemate::container
