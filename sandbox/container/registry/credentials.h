// Credentials by reference: the words that name them may be shown and kept, they themselves are
// read when they are needed and are in no message. Stateless; thread-safe.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"

namespace casemate::registry {

struct Credentials {
  std::string user;
  std::string password;
  std::string identity_token;  // in place of a password: for the token service alone
};

struct FoundCredentials {
  std::optional<Credentials> credentials;  // none: anonymous
  // Why there are none, where someone could expect some; for the error of a refusal.
  std::string note;
};

// `reference`: "env:NAME" (user:password), "file:PATH" (likewise, one line), "docker-config[:PATH]"
// (its `auths`; helpers, credsStore and credHelpers, are not run), or empty: the user's docker
// config if there is one. `host` is as in an image's name. Errors: kInvalidArgument, kNotFound when
// the one that was named is not there, with what to do.
Result<FoundCredentials> FindCredentials(std::string_view reference, const std::string& host);

}  // namespace casemate::registry
