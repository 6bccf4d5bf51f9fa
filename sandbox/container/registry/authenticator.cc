#include "sandbox/container/registry/authenticator.h"

#include <algorithm>
#include <utility>

#include <nlohmann/json.hpp>

#include "base/json.h"
#include "base/text.h"

namespace casemate::registry {
namespace {

constexpr std::size_t kMaxToken = std::size_t{32} << 10;
constexpr std::size_t kMostSecrets = 64;

std::string BasicOf(const Credentials& credentials) {
  return EncodeBase64(credentials.user + ":" + credentials.password);
}

// What a header can carry (RFC 6750, b64token; a few services take more visible ASCII).
bool IsToken(std::string_view text) {
  return !text.empty() && text.size() <= kMaxToken &&
         std::ranges::all_of(text, [](char c) { return c > ' ' && c < '\x7f'; });
}

Error NoToken(const Url& service, const std::string& what) {
  return Error{ErrorCode::kUnavailable,
               "the token service " + service.Origin() + ": " + what,
               {},
               "try again later; if it stays so, the registry is set up wrongly",
               0};
}

Result<std::string> TokenOf(const Url& service, std::string_view body) {
  const auto answer = ParseJson(body, {.max_bytes = std::size_t{1} << 20, .max_depth = 16});
  if (!answer || !answer->is_object()) {
    return NoToken(service, "expected a JSON object, got something else");
  }
  for (const char* const name : {"token", "access_token"}) {
    const auto found = answer->find(name);
    if (found != answer->end() && found->is_string() &&
        IsToken(found->get_ref<const std::string&>())) {
      return found->get<std::string>();
    }
  }
  return NoToken(service, "expected a token, got none that a header can carry");
}

void Erase(std::string& words, const std::string& secret) {
  constexpr std::string_view kInstead = "[secret]";
  for (std::size_t at = 0; !secret.empty() && (at = words.find(secret, at)) != std::string::npos;
       at += kInstead.size()) {
    words.replace(at, secret.size(), kInstead);
  }
}

}  // namespace

std::string Authenticator::HeaderFor(bool push) {
  const std::lock_guard lock(mutex_);
  const auto found = headers_.find(push);
  return found == headers_.end() ? "" : found->second;
}

void Authenticator::Keep(bool push, std::string header, std::string secret) {
  const std::lock_guard lock(mutex_);
  headers_[push] = std::move(header);
  if (!secret.empty()) {
    if (secrets_.size() >= kMostSecrets) {
      secrets_.erase(secrets_.begin());
    }
    secrets_.push_back(std::move(secret));
  }
}

std::string Authenticator::WithoutSecrets(std::string words) {
  if (found_.credentials) {
    Erase(words, BasicOf(*found_.credentials));
    Erase(words, found_.credentials->identity_token);
    Erase(words, found_.credentials->password);
  }
  const std::lock_guard lock(mutex_);
  for (const std::string& secret : secrets_) {
    Erase(words, secret);
  }
  return words;
}

std::string Authenticator::Remedy() const {
  if (found_.credentials) {
    return "see that the credentials are right and that they allow this in this repository";
  }
  return "name credentials: env:NAME, file:PATH or docker-config[:PATH]" +
         (found_.note.empty() ? "" : " (" + found_.note + ")");
}

Result<std::string> Authenticator::AskForToken(const Challenge& challenge, bool push,
                                               const Check& check, const Fetch& fetch) {
  auto service = ParseUrl(challenge.Find("realm"));
  if (!service) {
    Error error = std::move(service).error();
    error.code = ErrorCode::kUnavailable;
    error.message = "the registry names a token service that is none: " + error.message;
    return error;
  }
  if (auto allowed = check(*service); !allowed) {
    return std::move(allowed).error();
  }
  // Of this repository, whatever the registry says: a token for another would be one to abuse.
  const std::string scope = "repository:" + repository_ + (push ? ":pull,push" : ":pull");
  const std::string name(challenge.Find("service").substr(0, 1024));
  container::EngineRequest request;
  if (found_.credentials && !found_.credentials->identity_token.empty()) {
    std::string form = "grant_type=refresh_token&client_id=casemate";
    form = WithParameter("?" + form, "service", name).substr(1);
    form = WithParameter("?" + form, "scope", scope).substr(1);
    form = WithParameter("?" + form, "refresh_token", found_.credentials->identity_token).substr(1);
    request.method = "POST";
    request.body = std::move(form);
    request.content_type = "application/x-www-form-urlencoded";
  } else {
    if (!name.empty()) {
      service->target = WithParameter(std::move(service->target), "service", name);
    }
    service->target = WithParameter(std::move(service->target), "scope", scope);
    if (found_.credentials) {
      request.headers.emplace_back("Authorization", "Basic " + BasicOf(*found_.credentials));
    }
  }
  auto reply = fetch(*service, std::move(request));
  if (!reply) {
    return std::move(reply).error();
  }
  if (reply->status == 401 || reply->status == 403) {
    return Error{ErrorCode::kPermissionDenied,
                 "the token service " + service->Origin() + " refuses us",
                 {},
                 Remedy(),
                 0};
  }
  if (reply->status != 200) {
    return NoToken(*service, "expected 200, got " + std::to_string(reply->status));
  }
  return TokenOf(*service, reply->body);
}

Result<void> Authenticator::Answer(const std::vector<Challenge>& challenges, bool push,
                                   const Check& check, const Fetch& fetch) {
  bool is_basic = false;
  for (const Challenge& challenge : challenges) {
    is_basic = is_basic || challenge.scheme == "basic";
    if (challenge.scheme == "bearer") {
      auto token = AskForToken(challenge, push, check, fetch);
      if (!token) {
        return std::move(token).error();
      }
      Keep(push, "Bearer " + *token, *token);
      return {};
    }
  }
  if (is_basic && found_.credentials && !found_.credentials->user.empty()) {
    Keep(push, "Basic " + BasicOf(*found_.credentials), {});
    return {};
  }
  return Error{ErrorCode::kPermissionDenied,
               is_basic ? "the registry asks for a user and a password, and there are none"
                        : "the registry refuses us and names no way to log in that we know",
               {},
               Remedy(),
               0};
}

}  // namespace casemate::registry
