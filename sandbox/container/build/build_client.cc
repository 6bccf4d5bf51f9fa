#include "sandbox/container/build/build_client.h"

#include <algorithm>
#include <cctype>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "base/clock.h"
#include "base/text.h"
#include "sandbox/container/build/build_reply.h"
#include "sandbox/container/engine/answer.h"

namespace casemate::container {

namespace {

constexpr std::int64_t kNsPerMs = 1'000'000;
// From the last byte of the context on: a builder may write all of it to a slow disk first.
constexpr std::int64_t kHeadMs = 120'000;
constexpr std::string_view kWhat = "building an image";

// What one POST /build came to: nullopt when the engine has no BuildKit, and refused before it did
// anything.
using Attempt = std::optional<BuildResult>;

// Docker before 18.09, or without BuildKit, refuses the version of the builder by words only.
bool RefusesBuildKit(const EngineReply& reply) {
  std::string words = reply.body;
  std::transform(words.begin(), words.end(), words.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return reply.status >= 400 && (words.find("buildkit") != std::string::npos ||
                                 words.find("invalid version") != std::string::npos);
}

Error CannotHold(const std::vector<std::string>& unheld, Builder builder) {
  const bool is_buildkit = builder == Builder::kBuildKit;
  return Error{ErrorCode::kPermissionDenied,
               std::string(is_buildkit                   ? "BuildKit"
                           : builder == Builder::kPodman ? "Podman's builder"
                                                         : "Docker's legacy builder") +
                   " cannot hold these limits for the commands of a build: " + Join(unheld, ", "),
               "limits",
               is_buildkit
                   ? "choose the legacy builder for memory and cpu, or allow builds without "
                     "limits in the policy"
                   : "allow builds without these limits in the policy",
               0};
}

class BuildCall {
 public:
  BuildCall(const Engine& engine, const BuildContext& context, const BuildRequest& request,
            const BuildSink& sink, const std::stop_token& stop)
      : engine_(engine), context_(context), request_(request), sink_(sink), stop_(stop) {}

  Result<BuildResult> Run();

 private:
  Result<Attempt> Try(Builder builder);
  [[nodiscard]] Result<void> CheckLimits(Builder builder) const;
  void NoteNotIgnored(const std::vector<std::string>& names) const;

  const Engine& engine_;
  const BuildContext& context_;
  const BuildRequest& request_;
  const BuildSink& sink_;
  const std::stop_token& stop_;
};

Result<void> BuildCall::CheckLimits(Builder builder) const {
  const std::vector<std::string> unheld = UnheldLimits(builder, request_.limits);
  if (unheld.empty() || request_.allow_unheld_limits) {
    return {};
  }
  return CannotHold(unheld, builder);
}

void BuildCall::NoteNotIgnored(const std::vector<std::string>& names) const {
  if (!names.empty() && sink_) {
    sink_({.kind = BuildEventKind::kNote,
           .text = "BuildKit could copy what .dockerignore excludes: " + Join(names, ", ")});
  }
}

Result<Attempt> BuildCall::Try(Builder builder) {
  if (auto held = CheckLimits(builder); !held) {
    return std::move(held).error();
  }
  ContextStream stream(
      context_, builder == Builder::kPodman ? ContextReader::kPodman : ContextReader::kDocker);
  BuildReply answer(sink_, request_.max_log_bytes);
  EngineRequest http;
  http.method = "POST";
  http.target = engine_.api_prefix() + "/build" + BuildQuery(request_, context_, builder);
  http.content_type = "application/x-tar";
  http.body_source = [&stream](std::string& chunk) { return stream.Next(chunk); };
  ExchangeOptions options;
  options.idle_ms = request_.idle_ms;
  options.head_ms = kHeadMs;
  options.stop = stop_;
  options.on_body = [&answer](std::string_view bytes) { return answer.Feed(bytes); };
  const auto reply = engine_.transport().Exchange(http, options);
  if (!reply) {
    Error error = reply.error();
    if (error.code == ErrorCode::kCancelled && builder == Builder::kPodman && answer.has_lines()) {
      error.message += "; Podman lets the command that is under way come to its end";
    }
    return error;
  }
  if (reply->status >= 300) {
    return builder == Builder::kBuildKit && RefusesBuildKit(*reply)
               ? Result<Attempt>(Attempt())
               : Result<Attempt>(ErrorOfAnswer(kWhat, reply->status, reply->body));
  }
  auto result = answer.End();
  if (!result) {
    return std::move(result).error();
  }
  // One that does not know of BuildKit passes over the version that it is asked for.
  result->builder =
      builder == Builder::kBuildKit && answer.has_lines() ? Builder::kLegacy : builder;
  result->unheld_limits = UnheldLimits(builder, request_.limits);
  if (result->builder == Builder::kBuildKit) {
    result->not_ignored = context_.summary().sent_for_builder;
    NoteNotIgnored(result->not_ignored);
  }
  result->context_bytes = stream.sent_bytes();
  return Attempt(*std::move(result));
}

Result<BuildResult> BuildCall::Run() {
  const std::int64_t begun_ns = MonotonicNs();
  if (auto checked = CheckBuildRequest(request_); !checked) {
    return std::move(checked).error();
  }
  const bool is_podman = engine_.info().kind == EngineKind::kPodman;
  if (is_podman) {
    if (auto checked = CheckForPodman(request_, context_); !checked) {
      return std::move(checked).error();
    }
  }
  const Builder first = is_podman                                    ? Builder::kPodman
                        : request_.builder == BuilderChoice::kLegacy ? Builder::kLegacy
                                                                     : Builder::kBuildKit;
  auto attempt = Try(first);
  if (attempt && !attempt->has_value()) {
    if (sink_) {
      sink_({.kind = BuildEventKind::kNote,
             .text = "the engine has no BuildKit; its legacy builder builds"});
    }
    attempt = Try(Builder::kLegacy);
  }
  if (!attempt) {
    return std::move(attempt).error();
  }
  // Only BuildKit can be missing.
  BuildResult result = (*std::move(attempt)).value_or(BuildResult{});
  result.duration_ms = (MonotonicNs() - begun_ns) / kNsPerMs;
  return result;
}

}  // namespace

Result<BuildResult> Build(const Engine& engine, const BuildContext& context,
                          const BuildRequest& request, const BuildSink& sink,
                          const std::stop_token& stop) {
  return BuildCall(engine, context, request, sink, stop).Run();
}

}  // namespace casemate::container
