#include "mcp/server/server.h"

#include <algorithm>
#include <utility>

#include "mcp/server/session.h"

namespace casemate::mcp {

Server::Server(Backends backends, ServerOptions options)
    : backends_(backends),
      options_(std::move(options)),
      calls_(options_.calls),
      reserved_(options_.reserved) {
  if (backends_.changes != nullptr) {
    changes_ =
        backends_.changes->Observe([this](const tools::Change& change) { OnChange(change); });
  }
}

Server::~Server() {
  Shutdown();
}

std::shared_ptr<Session> Server::Open(policies::Principal principal, std::string channel,
                                      MessageSinkPtr general) {
  auto session = std::make_shared<Session>(*this, std::move(principal), std::move(channel),
                                           std::move(general));
  const std::lock_guard lock(mutex_);
  std::erase_if(sessions_, [](const auto& known) { return known.expired(); });
  sessions_.push_back(session);
  if (closed_) {
    session->Close();
  }
  return session;
}

void Server::Shutdown() {
  changes_.Reset();
  {
    const std::lock_guard lock(mutex_);
    closed_ = true;
  }
  for (const auto& session : LiveSessions()) {
    session->Close();
  }
  calls_.Join();
  reserved_.Join();
}

Offer Server::offer() const {
  return {.resources = backends_.resources != nullptr,
          .prompts = backends_.prompts != nullptr,
          .completions = backends_.resources != nullptr || backends_.prompts != nullptr,
          .tasks = backends_.jobs != nullptr};
}

void Server::OnChange(const tools::Change& change) {
  for (const auto& session : LiveSessions()) {
    session->OnChange(change);
  }
}

std::vector<std::shared_ptr<Session>> Server::LiveSessions() {
  std::vector<std::shared_ptr<Session>> live;
  const std::lock_guard lock(mutex_);
  for (const auto& known : sessions_) {
    if (auto session = known.lock()) {
      live.push_back(std::move(session));
    }
  }
  return live;
}

}  // namespace casemate::mcp
