// Engine: exec and attach.
#include <nlohmann/json.hpp>

#include "base/clock.h"
#include "base/json.h"
#include "sandbox/container/engine/answer.h"
#include "sandbox/container/engine/engine.h"
#include "sandbox/container/engine/names.h"

namespace casemate::container {
namespace {

using nlohmann::json;

constexpr std::int64_t kOpenNs = std::int64_t{30} * 1'000'000'000;
constexpr std::int64_t kLookMs = 5000;  // asked while a caller waits for the end of its command

}  // namespace

Result<EngineStream> Engine::Attach(std::string_view container, bool with_stdin,
                                    const std::stop_token& stop) const {
  if (auto checked = CheckContainerName(container); !checked) {
    return std::move(checked).error();
  }
  return EngineStream::Open(socket_path_,
                            api_prefix_ + "/containers/" + std::string(container) +
                                "/attach?stream=1&stdout=1&stderr=1" +
                                (with_stdin ? "&stdin=1" : ""),
                            "", false, "attaching to the container " + std::string(container),
                            MonotonicNs() + kOpenNs, stop);
}

Result<std::string> Engine::CreateExec(std::string_view container, const ExecRequest& request,
                                       const Patience& patience) const {
  if (auto checked = CheckContainerName(container); !checked) {
    return std::move(checked).error();
  }
  json body = {{"AttachStdin", request.with_stdin},
               {"AttachStdout", true},
               {"AttachStderr", true},
               {"Tty", request.tty},
               {"Privileged", false},
               {"Cmd", request.argv},
               {"Env", request.env}};
  if (!request.working_directory.empty()) {
    body["WorkingDir"] = request.working_directory;
  }
  if (!request.user.empty()) {
    body["User"] = request.user;
  }
  const std::string what = "a command in the container " + std::string(container);
  auto reply = Ask(what,
                   {.method = "POST",
                    .target = api_prefix_ + "/containers/" + std::string(container) + "/exec",
                    .body = DumpJson(body),
                    .content_type = "application/json"},
                   AtOnce(patience));
  auto answer = reply ? ParseObject(what, reply->body) : Result<json>(reply.error());
  if (!answer) {
    return std::move(answer).error();
  }
  std::string id = TextOf(*answer, "Id");
  if (auto checked = CheckContainerName(id); !checked) {
    return Error{ErrorCode::kInternal,
                 what + ": expected an id of it, got none",
                 {},
                 "see what the engine logs",
                 0};
  }
  return id;
}

Result<EngineStream> Engine::StartExec(std::string_view exec, bool tty,
                                       const std::stop_token& stop) const {
  if (auto checked = CheckContainerName(exec); !checked) {
    return std::move(checked).error();
  }
  return EngineStream::Open(socket_path_, api_prefix_ + "/exec/" + std::string(exec) + "/start",
                            DumpJson({{"Detach", false}, {"Tty", tty}}), tty,
                            "starting the command", MonotonicNs() + kOpenNs, stop);
}

Result<ExecState> Engine::InspectExec(std::string_view exec) const {
  if (auto checked = CheckContainerName(exec); !checked) {
    return std::move(checked).error();
  }
  constexpr std::string_view kWhat = "asking how the command ended";
  auto reply = Ask(kWhat, {.target = api_prefix_ + "/exec/" + std::string(exec) + "/json"},
                   {.total_ms = kLookMs});
  auto body = reply ? ParseObject(kWhat, reply->body) : Result<json>(reply.error());
  if (!body) {
    return std::move(body).error();
  }
  return ExecState{FlagOf(*body, "Running"), SmallNumberOf(*body, "ExitCode"),
                   SmallNumberOf(*body, "Pid")};
}

}  // namespace casemate::container
