// Session: requests to one registry, with what proves who we are, and to where it sends us,
// without. Thread-safe.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <stop_token>
#include <string>
#include <string_view>

#include "base/result.h"
#include "sandbox/container/engine/transport.h"
#include "sandbox/container/registry/authenticator.h"
#include "sandbox/container/registry/image_name.h"
#include "sandbox/container/registry/options.h"
#include "sandbox/container/registry/url.h"

namespace casemate::registry {

// NOLINTBEGIN(readability-redundant-member-init)
struct Call {
  Url url;
  container::EngineRequest request{};
  container::ExchangeOptions limits{};  // `idle_ms` is the session's
  bool push = false;                    // what the right is asked for
  int patience = 1;                     // times the session's `idle_ms`
};
// NOLINTEND(readability-redundant-member-init)

struct Reply {
  container::EngineReply answer;
  Url url;  // who answered
  [[nodiscard]] int status() const { return answer.status; }
  // The first with that name, whatever its case, or empty.
  [[nodiscard]] std::string_view Header(std::string_view name) const;
};

std::string_view HeaderOf(const container::EngineReply& answer, std::string_view name);

class Session {
 public:
  // Asks nobody. Errors: as of FindCredentials and ParseUrl.
  static Result<std::unique_ptr<Session>> Open(const ImageName& name,
                                               const RegistryOptions& options);
  // Whether a registry answers there. Errors: as of Send.
  Result<void> Ping(const std::stop_token& stop);

  // "/v2/REPOSITORY" and what follows.
  [[nodiscard]] Url At(std::string_view path) const;
  // Once, besides a new token and redirects. Any status but 401 is a reply. Errors: of the
  // transport; kPermissionDenied when we are refused, or sent where we do not go.
  Result<Reply> Send(Call call);
  // The same for what may be sent twice: again after what may pass.
  Result<Reply> SendPersistently(const Call& call);
  // A Location of `reply`. Errors: for one that must not be gone to.
  [[nodiscard]] Result<Url> LocationOf(const Reply& reply) const;
  // What an answer that is no success means.
  [[nodiscard]] Error ErrorOf(const Reply& reply, const std::string& what);
  [[nodiscard]] const RegistryOptions& options() const { return options_; }

 private:
  Session(Url home, const RegistryOptions& options, FoundCredentials found,
          const std::string& repository)
      : home_(std::move(home)),
        options_(options),
        repository_(repository),
        authenticator_(std::move(found), repository) {}

  Result<Reply> SendOnce(const Call& call, const std::string& authorization);
  Result<void> LogIn(const Reply& reply, const Call& call);
  // Whether what we are sent to is encrypted, or as near as the registry itself.
  [[nodiscard]] Result<void> MayGoTo(const Url& url) const;
  Result<container::EngineTransport*> TransportTo(const Url& url);

  const Url home_;
  const RegistryOptions options_;
  const std::string repository_;
  Authenticator authenticator_;
  std::mutex mutex_;
  std::map<std::string, std::unique_ptr<container::EngineTransport>> transports_;  // by origin
};

// Whether it may pass: too many requests, or the registry's own trouble.
[[nodiscard]] bool MayPass(int status);
[[nodiscard]] bool MayPass(const Error& error);
[[nodiscard]] bool IsSuccess(int status);

}  // namespace casemate::registry
