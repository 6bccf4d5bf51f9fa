#include "mcp/serve.h"

#include <unistd.h>

#include <iostream>
#include <optional>

#include "base/event_fd.h"
#include "mcp/runtime.h"
#include "mcp/server/session.h"
#include "mcp/serving.h"
#include "mcp/signals.h"
#include "mcp/transport/stdio/stdio_transport.h"

namespace casemate {
namespace {

constexpr int kShutdownMs = 1800;  // promised: gone within 2 s
constexpr int kFlushMs = 300;

Result<void> ServeStdio(const Config& config, ServiceUser& user) {
  if (auto blocked = SignalWatch::Block(); !blocked) {
    return std::move(blocked).error();
  }
  auto stop = EventFd::Create();
  if (!stop) {
    return std::move(stop).error();
  }
  // First of all: from here on nothing but the transport can write to the protocol stream.
  auto created = mcp::StdioTransport::Create(STDIN_FILENO, STDOUT_FILENO,
                                             {.max_line_bytes = config.max_line_bytes}, *stop);
  if (!created) {
    return std::move(created).error();
  }
  const std::shared_ptr<mcp::StdioTransport> transport = *std::move(created);
  auto runtime = Runtime::Start(config, "mcp-stdio", user);
  if (!runtime) {
    return std::move(runtime).error();
  }
  if (auto become = user.Become(); !become) {
    return become;
  }
  if (auto followed = (*runtime)->FollowPolicy(); !followed) {
    return followed;
  }
  (*runtime)->ReapContainers();
  auto signals = SignalWatch::Start([&stop](int) { stop->Signal(); });
  if (!signals) {
    return std::move(signals).error();
  }
  std::optional<ShutdownDeadline> deadline;
  {
    const auto server = MakeServer(config, **runtime);
    const auto session = server->Open(policies::Principal{}, "mcp-stdio", transport);
    transport->Run([&](std::string_view line) { session->Handle(line, transport); },
                   [&](std::size_t limit) { mcp::Session::HandleOversized(limit, transport); });
    if (auto started = ShutdownDeadline::Start(kShutdownMs); started) {
      deadline.emplace(*std::move(started));
    }
    if ((*runtime)->jobs() != nullptr) {
      (*runtime)->jobs()->Shutdown();
    }
    server->Shutdown();
  }
  transport->Close(kFlushMs);
  runtime->reset();
  return {};
}

}  // namespace

int Serve(const Config& config) {
  auto user = ServiceUser::Choose(config.user);
  const auto served = !user                           ? Result<void>(std::move(user).error())
                      : config.http.endpoints.empty() ? ServeStdio(config, *user)
                                                      : ServeHttp(config, *user);
  if (!served) {
    std::cerr << "casemate: " << Describe(served.error()) << '\n';
    return 1;
  }
  return 0;
}

}  // namespace casemate
