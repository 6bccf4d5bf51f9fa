#include "sandbox/container/engine/engine.h"

#include <algorithm>
#include <cctype>
#include <utility>

#include <nlohmann/json.hpp>

#include "base/text.h"
#include "sandbox/container/engine/answer.h"
#include "sandbox/container/engine/decode.h"

namespace casemate::container {
namespace {

using nlohmann::json;

constexpr int kApiMinor = 41;       // of 1.41: Docker 20.10
constexpr std::pair kPodman{4, 3};  // the oldest that speaks it as we need it
constexpr std::string_view kApiHeader = "Api-Version";
constexpr std::string_view kServerHeader = "Server";
constexpr std::int64_t kAtOnceMs = 30'000;
constexpr std::size_t kMaxInfoBytes = std::size_t{4} << 20;

// The number that a text begins with; 0 for none, or one that is too long.
int LeadingNumber(std::string_view text) {
  int number = 0;
  for (std::size_t i = 0; i < text.size() && i < 6 && text[i] >= '0' && text[i] <= '9'; ++i) {
    number = number * 10 + (text[i] - '0');
  }
  return number;
}

// "1.41" as (1, 41), and likewise "20.10.24+dfsg1".
std::pair<int, int> VersionOf(std::string_view text) {
  const std::size_t dot = text.find('.');
  return {LeadingNumber(text),
          dot == std::string_view::npos ? 0 : LeadingNumber(text.substr(dot + 1))};
}

std::string HeaderOf(const EngineReply& reply, std::string_view name) {
  const auto fits = [&](const auto& header) {
    return std::ranges::equal(header.first, name, [](unsigned char a, unsigned char b) {
      return std::tolower(a) == std::tolower(b);
    });
  };
  const auto found = std::ranges::find_if(reply.headers, fits);
  return found == reply.headers.end() ? std::string() : found->second;
}

Error TooOld(const EngineInfo& info) {
  const bool podman = info.kind == EngineKind::kPodman;
  return Error{ErrorCode::kUnavailable,
               std::string("expected ") +
                   (podman ? "Podman 4.3 or newer" : "Docker 20.10 (API 1.41) or newer") +
                   ", got " + (podman ? "Podman " : "Docker ") + info.version + " (API " +
                   info.api_version + "): it is too old",
               {},
               "update the engine",
               0};
}

}  // namespace

Result<EngineReply> Engine::Ask(std::string_view what, const EngineRequest& request,
                                const ExchangeOptions& options, int also) const {
  auto reply = transport_->Exchange(request, options);
  if (!reply) {
    Error error = std::move(reply).error();
    error.message = std::string(what) + ": " + error.message;
    return error;
  }
  if ((reply->status < 200 || reply->status > 299) && reply->status != also) {
    return ErrorOfAnswer(what, reply->status, reply->body);
  }
  return reply;
}

ExchangeOptions Engine::AtOnce(const Patience& patience) {
  return {.total_ms = patience.total_ms == 0 ? kAtOnceMs : patience.total_ms,
          .stop = patience.stop};
}

Result<std::unique_ptr<Engine>> Engine::Connect(const std::string& socket_path,
                                                std::int64_t patience_ms,
                                                const std::stop_token& stop) {
  auto transport = OpenTransport(socket_path);
  if (!transport) {
    return std::move(transport).error();
  }
  std::unique_ptr<Engine> engine(new Engine(socket_path, std::move(transport).value()));
  ExchangeOptions options;
  options.total_ms = patience_ms;
  options.max_body_bytes = kMaxInfoBytes;
  options.stop = stop;
  json documents[2];
  for (const auto& [index, target] : {std::pair(0, "/version"), std::pair(1, "/info")}) {
    const std::string what = std::string("asking for ") + target;
    auto reply = engine->Ask(what, {.target = target}, options);
    auto parsed = reply ? ParseObject(what, reply->body) : Result<json>(reply.error());
    if (!parsed) {
      return std::move(parsed).error();
    }
    documents[index] = std::move(parsed).value();
    if (index == 0) {
      engine->said_api_ = HeaderOf(*reply, kApiHeader);
      engine->said_server_ = HeaderOf(*reply, kServerHeader);
    }
  }
  std::string min_api;
  auto info = DecodeInfo(documents[0], documents[1], min_api);
  if (!info) {
    return std::move(info).error();
  }
  engine->info_ = std::move(info).value();
  const EngineInfo& about = engine->info_;
  const bool is_old_podman =
      about.kind == EngineKind::kPodman && VersionOf(about.version) < kPodman;
  if (VersionOf(about.api_version) < std::pair(1, kApiMinor) || is_old_podman) {
    return TooOld(about);
  }
  // What is newer than this code may have given 1.41 up.
  if (const auto oldest = VersionOf(min_api); oldest > std::pair(1, kApiMinor)) {
    engine->api_prefix_ = "/v" + std::to_string(oldest.first) + "." + std::to_string(oldest.second);
  }
  return engine;
}

Result<void> Engine::Ping(const std::stop_token& stop, std::int64_t total_ms) const {
  ExchangeOptions options;
  options.total_ms = total_ms;
  options.stop = stop;
  auto reply = Ask("asking whether the engine is alive", {.target = "/_ping"}, options);
  if (!reply) {
    return std::move(reply).error();
  }
  for (const auto& [name, before] :
       {std::pair(kApiHeader, said_api_), std::pair(kServerHeader, said_server_)}) {
    const std::string now = HeaderOf(*reply, name);
    if (!before.empty() && !now.empty() && now != before) {
      return Error{ErrorCode::kUnavailable,
                   socket_path_ + ": another engine answers now: its " + std::string(name) +
                       " was " + Quoted(before) + " and is " + Quoted(now),
                   {},
                   "try again: it is connected to anew",
                   0};
    }
  }
  return {};
}

}  // namespace casemate::container
