// OpenTransport: finds and loads the module with cpp-httplib.
#include <dlfcn.h>

#include <atomic>
#include <memory>
#include <string>

#include "base/installed_file.h"
#include "sandbox/container/engine/module/factory.h"
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

}  // namespace

Result<std::unique_ptr<EngineTransport>> OpenTransport(const std::string& socket_path) {
  auto module = Module();
  if (!module) {
    return std::move(module).error();
  }
  const Connector connect = [socket_path](std::int64_t deadline_ns, const std::stop_token& stop) {
    return ConnectTo(socket_path, deadline_ns, stop);
  };
  const std::string name = "the engine at " + socket_path;
  std::unique_ptr<EngineTransport> made(module->make(CASEMATE_VERSION, name.c_str(), &connect));
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

}  // namespace casemate::container
