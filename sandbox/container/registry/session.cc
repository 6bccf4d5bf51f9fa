#include "sandbox/container/registry/session.h"

#include <algorithm>
#include <utility>

#include <nlohmann/json.hpp>

#include "base/json.h"
#include "base/text.h"
#include "sandbox/container/registry/attempts.h"

namespace casemate::registry {
namespace {

constexpr int kMostRedirects = 5;
constexpr std::size_t kMostOrigins = 16;
constexpr std::size_t kMaxWords = 300;
constexpr std::int64_t kTokenMs = 60'000;

bool IsSame(std::string_view a, std::string_view b) {
  return std::ranges::equal(a, b, [](char x, char y) {
    return (x >= 'A' && x <= 'Z' ? x | 0x20 : x) == (y >= 'A' && y <= 'Z' ? y | 0x20 : y);
  });
}

bool IsRedirect(int status, const std::string& method) {
  const bool reads = method == "GET" || method == "HEAD";
  return status == 307 || status == 308 ||
         (reads && (status == 301 || status == 302 || status == 303));
}

// "CODE: message" of the errors in a registry's answer, or the beginning of the answer.
std::string WordsOf(const std::string& body) {
  const auto answer = ParseJson(body, {.max_bytes = std::size_t{1} << 20, .max_depth = 16});
  if (!answer || !answer->is_object()) {
    return body;
  }
  const auto errors = answer->find("errors");
  std::string words;
  if (errors != answer->end() && errors->is_array()) {
    for (const auto& error : *errors) {
      for (const char* const name : {"code", "message"}) {
        if (error.is_object() && error.contains(name) && error[name].is_string() &&
            words.size() < kMaxWords * 4) {
          words += (words.empty() ? "" : ": ") + error[name].get<std::string>();
        }
      }
    }
  }
  return words.empty() ? body : words;
}

// Visible, and cut.
std::string Shown(std::string_view words) {
  const bool is_long = words.size() > kMaxWords;
  return EscapeControls(ToValidUtf8(words.substr(0, kMaxWords)), false) + (is_long ? "…" : "");
}

ErrorCode CodeOf(int status) {
  switch (status) {
    case 401:
    case 403:
      return ErrorCode::kPermissionDenied;
    case 404:
      return ErrorCode::kNotFound;
    case 413:
    case 429:
      return ErrorCode::kResourceExhausted;
    default:
      return ErrorCode::kUnavailable;
  }
}

}  // namespace

bool IsSuccess(int status) {
  return status >= 200 && status < 300;
}

bool MayPass(int status) {
  return status == 408 || status == 429 || (status >= 500 && status != 501 && status != 505);
}

bool MayPass(const Error& error) {
  return error.code == ErrorCode::kUnavailable;
}

std::string_view HeaderOf(const container::EngineReply& answer, std::string_view name) {
  for (const auto& [key, value] : answer.headers) {
    if (IsSame(key, name)) {
      return value;
    }
  }
  return {};
}

std::string_view Reply::Header(std::string_view name) const {
  return HeaderOf(answer, name);
}

Result<std::unique_ptr<Session>> Session::Open(const ImageName& name,
                                               const RegistryOptions& options) {
  // It becomes part of every request, whoever made it.
  if (auto checked = ParseImageName(TextOf(name)); !checked) {
    return std::move(checked).error();
  }
  auto home = ParseUrl("https://" + ApiHost(name));
  if (!home) {
    return std::move(home).error();
  }
  if (options.plain_http || (IsLoopback(home->host) && options.ca_file.empty())) {
    home = ParseUrl("http://" + ApiHost(name));
  }
  auto found = FindCredentials(options.credentials, name.host);
  if (!found) {
    return std::move(found).error();
  }
  return std::unique_ptr<Session>(
      new Session(std::move(home).value(), options, std::move(found).value(), name.repository));
}

Url Session::At(std::string_view path) const {
  Url url = home_;
  url.target = "/v2/" + repository_ + std::string(path);
  return url;
}

Result<void> Session::MayGoTo(const Url& url) const {
  if (url.scheme == "https" || options_.plain_http ||
      (IsLoopback(home_.host) && IsLoopback(url.host))) {
    return {};
  }
  return Error{ErrorCode::kPermissionDenied,
               "the registry " + home_.Origin() + " sends us to " + url.Origin() +
                   ", which is not encrypted",
               {},
               "have the registry set up with https:// addresses, or allow plain HTTP if nobody "
               "can listen or interfere",
               0};
}

Result<container::EngineTransport*> Session::TransportTo(const Url& url) {
  const std::lock_guard lock(mutex_);
  const std::string origin = url.Origin();
  if (const auto found = transports_.find(origin); found != transports_.end()) {
    return found->second.get();
  }
  if (transports_.size() >= kMostOrigins) {
    return Error{ErrorCode::kResourceExhausted,
                 "the registry " + home_.Origin() + " sends us to too many hosts",
                 {},
                 {},
                 0};
  }
  auto opened = container::OpenTcpTransport({.host = url.host,
                                             .port = url.port,
                                             .tls = url.scheme == "https",
                                             .ca_file = options_.ca_file,
                                             .proxy = ProxyFor(url)});
  if (!opened) {
    return std::move(opened).error();
  }
  return transports_.emplace(origin, std::move(opened).value()).first->second.get();
}

Result<Reply> Session::SendOnce(const Call& call, const std::string& authorization) {
  auto transport = TransportTo(call.url);
  if (!transport) {
    return std::move(transport).error();
  }
  container::EngineRequest request = call.request;
  request.target = call.url.target;
  request.headers.emplace_back("Host", call.url.Authority());
  request.headers.emplace_back("User-Agent", std::string("casemate/") + CASEMATE_VERSION);
  if (!authorization.empty()) {
    request.headers.emplace_back("Authorization", authorization);
  }
  container::ExchangeOptions limits = call.limits;
  limits.idle_ms = options_.idle_ms * call.patience;
  auto answer = (*transport)->Exchange(request, limits);
  if (!answer) {
    return std::move(answer).error();
  }
  return Reply{std::move(answer).value(), call.url};
}

Result<Url> Session::LocationOf(const Reply& reply) const {
  auto url = Follow(reply.url, reply.Header("Location"));
  if (!url) {
    Error error = std::move(url).error();
    error.code = ErrorCode::kUnavailable;
    error.message = "the registry " + reply.url.Origin() + " sends us nowhere: " + error.message;
    return error;
  }
  if (auto allowed = MayGoTo(*url); !allowed) {
    return std::move(allowed).error();
  }
  return url;
}

Result<void> Session::LogIn(const Reply& reply, const Call& call) {
  std::vector<Challenge> challenges;
  for (const auto& [key, value] : reply.answer.headers) {
    if (IsSame(key, "WWW-Authenticate")) {
      std::ranges::move(ParseChallenges(value), std::back_inserter(challenges));
    }
  }
  const auto check = [this](const Url& url) { return MayGoTo(url); };
  const auto fetch = [&](const Url& url,
                         container::EngineRequest request) -> Result<container::EngineReply> {
    Call ask{.url = url,
             .request = std::move(request),
             .limits = {.total_ms = kTokenMs,
                        .max_body_bytes = std::size_t{1} << 20,
                        .stop = call.limits.stop}};
    auto answered = SendOnce(ask, {});
    if (!answered) {
      return std::move(answered).error();
    }
    return std::move(answered->answer);
  };
  auto answered = authenticator_.Answer(challenges, call.push, check, fetch);
  if (!answered && answered.error().code == ErrorCode::kPermissionDenied) {
    Error error = std::move(answered).error();
    error.message = home_.Origin() + ": " + error.message;
    return error;
  }
  return answered;
}

Result<Reply> Session::Send(Call call) {
  bool has_logged_in = false;
  // Who was sent away does not come back with credentials: the way was another's choice.
  bool is_home = call.url.Origin() == home_.Origin();
  for (int redirects = 0; redirects <= kMostRedirects;) {
    auto reply = SendOnce(call, is_home ? authenticator_.HeaderFor(call.push) : "");
    if (!reply) {
      return reply;
    }
    if (reply->status() == 401) {
      if (!is_home || has_logged_in) {
        return ErrorOf(*reply, "we are refused");
      }
      has_logged_in = true;
      if (auto in = LogIn(*reply, call); !in) {
        return std::move(in).error();
      }
      continue;
    }
    if (!IsRedirect(reply->status(), call.request.method)) {
      return reply;
    }
    auto location = LocationOf(*reply);
    if (!location) {
      return std::move(location).error();
    }
    call.url = std::move(location).value();
    is_home = is_home && call.url.Origin() == home_.Origin();
    ++redirects;
  }
  return Error{ErrorCode::kPermissionDenied,
               "the registry " + home_.Origin() + " sends us on and on: more than " +
                   std::to_string(kMostRedirects) + " redirects",
               {},
               "have the registry mended",
               0};
}

Result<Reply> Session::SendPersistently(const Call& call) {
  Attempts attempts(options_.retry, call.limits.stop);
  while (true) {
    auto reply = Send(call);
    if (reply ? !MayPass(reply->status()) : !MayPass(reply.error())) {
      return reply;
    }
    Error why = reply ? ErrorOf(*reply, "it cannot answer now") : reply.error();
    const std::int64_t after = reply ? RetryAfter(reply->Header("Retry-After")) : -1;
    if (auto again = attempts.Again(std::move(why), 0, after); !again) {
      return std::move(again).error();
    }
  }
}

Result<void> Session::Ping(const std::stop_token& stop) {
  Call call{.url = home_, .limits = {.total_ms = options_.idle_ms, .stop = stop}};
  call.url.target = "/v2/";
  auto reply = SendOnce(call, {});
  if (!reply) {
    return std::move(reply).error();
  }
  // 401 is how most answer who has no token yet; trouble that may pass is for what comes to handle.
  if (IsSuccess(reply->status()) || reply->status() == 401 || MayPass(reply->status())) {
    return {};
  }
  Error error = ErrorOf(*reply, "expected the API of a registry");
  error.code = ErrorCode::kUnavailable;
  error.remedy = home_.scheme == "http"
                     ? "see that host and port are right; if it speaks TLS, name its CA file"
                     : "see that host and port are right";
  return error;
}

Error Session::ErrorOf(const Reply& reply, const std::string& what) {
  const std::string words = Shown(authenticator_.WithoutSecrets(WordsOf(reply.answer.body)));
  const ErrorCode code = CodeOf(reply.status());
  std::string remedy;
  if (code == ErrorCode::kPermissionDenied) {
    remedy = authenticator_.Remedy();
  } else if (reply.status() == 429) {
    remedy = "wait, or log in: registries give those who do more";
  } else if (code == ErrorCode::kUnavailable) {
    remedy = "try again later, or see what the registry logs";
  }
  return Error{code,
               reply.url.Origin() + ": " + what + ": it answers " + std::to_string(reply.status()) +
                   (words.empty() ? "" : ": " + words),
               {},
               std::move(remedy),
               0};
}

}  // namespace casemate::registry
