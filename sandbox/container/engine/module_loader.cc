// OpenTransport: finds and loads the module with cpp-httplib.
#include <dlfcn.h>

#include <atomic>
#include <memory>
#include <string>

#include "base/installed_file.h"
#include "sandbox/container/engine/module/factory.h"
#include "sandbox/container/engine/tcp_socket.h"
#include "sandbox/container/engine/transport.h"
#include "sandbox/container/engine/unix_socket.h"

namespace casemate::container {
namespace {

struct Loaded {
  TransportFactory make = nullptr;
};

Result<Loaded> Load() {
  auto path = FindInstalled(kEngineModule, "the client of container engines");
  if (!path) {
    Error error = std::move(path).error();
    if (error.code == ErrorCode::kNotFound) {
      error.code = ErrorCode::kUnavailable;
    }
    return error;
  }
  void* const module = dlopen(path->c_str(), RTLD_NOW | RTLD_LOCAL);
  void* const symbol = module == nullptr ? nullptr : dlsym(module, kTransportFactory);
  if (symbol == nullptr) {
    return Error{ErrorCode::kUnavailable,
                 "cannot load the client of container engines: " +
                     std::string(dlerror()),  // NOLINT(concurrency-mt-unsafe): one for each thread
                 {},
                 "install the package of cpp-httplib's library (Debian 12: libcpp-httplib0.11)",
                 0};
  }
  return Loaded{reinterpret_cast<TransportFactory>(symbol)};
}

// Never unloaded. A failure is not kept: what is missing may be installed while this runs.
Result<Loaded> Module() {
  static std::atomic<TransportFactory> kept = nullptr;
  if (const TransportFactory make = kept.load(); make != nullptr) {
    return Loaded{make};
  }
  auto loaded = Load();
  if (loaded) {
    kept.store(loaded->make);
  }
  return loaded;
}

Result<std::unique_ptr<EngineTransport>> Make(const Peer& peer) {
  auto module = Module();
  if (!module) {
    return std::move(module).error();
  }
  std::unique_ptr<EngineTransport> made(module->make(CASEMATE_VERSION, &peer));
  if (made == nullptr) {
    return Error{ErrorCode::kUnavailable,
                 std::string(kEngineModule) + ": expected the client of version " +
                     CASEMATE_VERSION + ", got another",
                 {},
                 "install Casemate anew",
                 0};
  }
  return made;
}

}  // namespace

Result<std::unique_ptr<EngineTransport>> OpenTransport(const std::string& socket_path) {
  return Make(Peer{
      .name = "the engine at " + socket_path,
      .kind = "engine",
      .remedy =
          "see whether the engine is alive (`casemate doctor`) and what it logs, then try again",
      .connect =
          [socket_path](std::int64_t deadline_ns, const std::stop_token& stop) {
            return ConnectTo(socket_path, deadline_ns, stop);
          },
      .tls_name = {},
      .ca_file = {}});
}

Result<std::unique_ptr<EngineTransport>> OpenTcpTransport(const TcpPeer& peer) {
  auto connect = TcpConnector(peer);
  if (!connect) {
    return std::move(connect).error();
  }
  return Make(Peer{.name = "the registry at " + HostAndPort(peer.host, peer.port),
                   .kind = "registry",
                   .remedy = "see whether it is the right host and port and whether the network "
                             "(or a proxy) lets this machine reach it, then try again",
                   .connect = std::move(connect).value(),
                   .tls_name = peer.tls ? peer.host : "",
                   .ca_file = peer.ca_file});
}

}  // namespace casemate::container
