// Authenticator: what is sent to one registry to prove who we are, by Basic or by tokens of the
// service that the registry names. Thread-safe.
#pragma once

#include <functional>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "sandbox/container/engine/transport.h"
#include "sandbox/container/registry/challenge.h"
#include "sandbox/container/registry/credentials.h"
#include "sandbox/container/registry/url.h"

namespace casemate::registry {

class Authenticator {
 public:
  // Asks a token service; no redirects.
  using Fetch = std::function<Result<container::EngineReply>(const Url& url,
                                                             container::EngineRequest request)>;
  // Errors for a service that must not be asked.
  using Check = std::function<Result<void>(const Url& url)>;

  Authenticator(FoundCredentials found, std::string repository)
      : found_(std::move(found)), repository_(std::move(repository)) {}

  // The value of Authorization for a request that pushes or only pulls; empty: none yet.
  std::string HeaderFor(bool push);
  // After a 401 with these challenges. Errors: kPermissionDenied when nothing that we have will do;
  // as of the token service.
  Result<void> Answer(const std::vector<Challenge>& challenges, bool push, const Check& check,
                      const Fetch& fetch);
  // `words` of a registry without what we keep secret, which it may well repeat.
  std::string WithoutSecrets(std::string words);
  // What to do about a refusal.
  [[nodiscard]] std::string Remedy() const;

 private:
  Result<std::string> AskForToken(const Challenge& challenge, bool push, const Check& check,
                                  const Fetch& fetch);
  void Keep(bool push, std::string header, std::string secret);

  const FoundCredentials found_;
  const std::string repository_;
  std::mutex mutex_;
  std::map<bool, std::string> headers_;  // by whether it may push
  std::vector<std::string> secrets_;     // that came from token services
};

}  // namespace casemate::registry
