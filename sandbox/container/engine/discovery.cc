#include "sandbox/container/engine/discovery.h"

#include <algorithm>
#include <cstdlib>
#include <utility>

#include <nlohmann/json.hpp>

#include "base/file.h"
#include "base/hash.h"
#include "base/json.h"
#include "base/text.h"
#include "sandbox/container/engine/answer.h"

namespace casemate::container {
namespace {

using nlohmann::json;

constexpr std::size_t kMaxFile = std::size_t{1} << 20;
constexpr std::int64_t kPatienceMs = 5000;

std::string FromEnvironment(const char* name) {
  const char* value = std::getenv(name);  // NOLINT(concurrency-mt-unsafe): nobody sets it
  return value == nullptr ? "" : value;
}

std::string Shown(std::string_view text) {
  return "`" + EscapeControls(ToValidUtf8(text.substr(0, 200)), false) + "`";
}

// The file's object, null when there is none; an error for one that cannot be read.
Result<json> ReadObject(const std::string& path) {
  auto text = ReadFile(path, kMaxFile);
  if (!text) {
    if (text.error().code == ErrorCode::kNotFound) {
      return json();
    }
    return std::move(text).error();
  }
  auto parsed = ParseObject(path, *text);
  if (!parsed) {
    return InvalidArgument(path, "expected a file of the docker command, an object in JSON");
  }
  return parsed;
}

struct Context {
  std::string name;
  std::string source;  // who says that it is in use
};

// The context in use; without a name for "default", which has no file.
Result<Context> ContextInUse(const DiscoveryInput& input) {
  Context context{input.docker_context, "DOCKER_CONTEXT"};
  if (context.name.empty() && !input.docker_config.empty()) {
    auto config = ReadObject(input.docker_config + "/config.json");
    if (!config) {
      return std::move(config).error();
    }
    if (config->is_object()) {
      context = {TextOf(*config, "currentContext"), input.docker_config + "/config.json"};
    }
  }
  if (context.name == "default") {
    context.name.clear();
  }
  return context;
}

Result<std::string> SocketOfContext(const std::string& config, const Context& context) {
  const std::string path = config + "/contexts/meta/" + Sha256Hex(context.name) + "/meta.json";
  auto meta = ReadObject(path);
  if (!meta) {
    return std::move(meta).error();
  }
  if (!meta->is_object()) {
    return InvalidArgument(context.source, "the docker context " + Shown(context.name) +
                                               " is in use, but does not exist: expected " + path);
  }
  const json& endpoint = MemberOf(MemberOf(*meta, "Endpoints"), "docker");
  return SocketOfUrl(TextOf(endpoint, "Host"), "docker context " + Shown(context.name));
}

class Candidates {
 public:
  void Add(std::string socket, std::string found, bool is_guess) {
    const bool known = std::any_of(list_.begin(), list_.end(), [&](const EngineCandidate& other) {
      return other.socket == socket;
    });
    if (!known) {
      list_.push_back({std::move(socket), std::move(found), is_guess, std::nullopt});
    }
  }
  void AddNamed(Result<std::string> socket, std::string found) {
    if (socket) {
      Add(std::move(socket).value(), std::move(found), false);
    } else {
      list_.push_back({"", std::move(found), false, std::move(socket).error()});
    }
  }
  std::vector<EngineCandidate> Take() { return std::move(list_); }

 private:
  std::vector<EngineCandidate> list_;
};

void AddFromDocker(const DiscoveryInput& input, Candidates& into) {
  // As the docker command does: the variable comes before any context.
  if (!input.docker_host.empty()) {
    into.AddNamed(SocketOfUrl(input.docker_host, "DOCKER_HOST"), "DOCKER_HOST");
    return;
  }
  auto context = ContextInUse(input);
  if (!context) {
    into.AddNamed(std::move(context).error(), "docker context");
  } else if (!context->name.empty()) {
    into.AddNamed(SocketOfContext(input.docker_config, *context),
                  "docker context " + Shown(context->name));
  }
}

const char* NameOf(EngineKind kind) {
  return kind == EngineKind::kPodman ? "podman" : "docker";
}

// What was tried where nobody named an engine, for the error when none is left.
class Tried {
 public:
  void AddFailure(const EngineCandidate& candidate, const Error& error) {
    Add(candidate.found + ": " + error.message);
    // What is there but not for us says more than what is not there.
    if (remedy_.empty() || error.code == ErrorCode::kPermissionDenied) {
      remedy_ = error.remedy;
    }
  }
  void AddOther(const EngineCandidate& candidate, const std::string& found) {
    Add(candidate.found + ": " + candidate.socket + " is " + found);
  }
  [[nodiscard]] Error ToError(const std::string& kind) const {
    return Error{ErrorCode::kUnavailable,
                 "no container engine" + (kind == "auto" ? std::string() : " " + kind) +
                     " answers: " + list_,
                 "engine",
                 remedy_.empty() ? "start Docker or Podman's service, or name its socket" : remedy_,
                 0};
  }

 private:
  void Add(const std::string& text) { list_ += (list_.empty() ? "" : "; ") + text; }

  std::string list_;
  std::string remedy_;
};

}  // namespace

DiscoveryInput DiscoveryInput::Current(std::string configured) {
  DiscoveryInput input;
  input.configured = std::move(configured);
  input.docker_host = FromEnvironment("DOCKER_HOST");
  input.docker_context = FromEnvironment("DOCKER_CONTEXT");
  input.docker_config = FromEnvironment("DOCKER_CONFIG");
  input.runtime_dir = FromEnvironment("XDG_RUNTIME_DIR");
  if (const std::string home = FromEnvironment("HOME");
      input.docker_config.empty() && !home.empty()) {
    input.docker_config = home + "/.docker";
  }
  return input;
}

Result<std::string> SocketOfUrl(std::string_view url, const std::string& field) {
  constexpr std::string_view kScheme = "unix://";
  if (!url.starts_with(kScheme) || url.size() == kScheme.size() || url[kScheme.size()] != '/') {
    return Error{ErrorCode::kInvalidArgument,
                 "expected unix:///path/of/the/socket, got " + Shown(url), field,
                 "Casemate speaks to engines on this machine by their unix socket only: name it, "
                 "or unset what names another",
                 0};
  }
  return std::string(url.substr(kScheme.size()));
}

std::vector<EngineCandidate> FindCandidates(const DiscoveryInput& input) {
  Candidates found;
  if (!input.configured.empty()) {
    found.Add(input.configured, "configuration", false);
    return found.Take();
  }
  AddFromDocker(input, found);
  if (input.runtime_dir.starts_with('/')) {
    found.Add(input.runtime_dir + "/docker.sock", "rootless Docker's default place", true);
    found.Add(input.runtime_dir + "/podman/podman.sock", "rootless Podman's default place", true);
  }
  found.Add("/var/run/docker.sock", "Docker's default place", true);
  found.Add("/run/podman/podman.sock", "Podman's default place", true);
  return found.Take();
}

Result<std::unique_ptr<Engine>> FindEngine(const std::string& kind, const std::string& socket,
                                           const std::stop_token& stop) {
  if (kind != "auto" && kind != "docker" && kind != "podman") {
    return InvalidArgument("engine", "expected auto, docker or podman, got " + Shown(kind));
  }
  Tried tried;
  for (const EngineCandidate& candidate : FindCandidates(DiscoveryInput::Current(socket))) {
    // Who names an engine wants that one, and no other in its place.
    if (candidate.error.has_value()) {
      return *candidate.error;
    }
    auto engine = Engine::Connect(candidate.socket, kPatienceMs, stop);
    if (!engine) {
      if (!candidate.is_guess || stop.stop_requested()) {
        return std::move(engine).error();
      }
      tried.AddFailure(candidate, engine.error());
      continue;
    }
    const std::string found = NameOf((*engine)->info().kind);
    if (kind == "auto" || kind == found) {
      return engine;
    }
    tried.AddOther(candidate, found);
  }
  return tried.ToError(kind);
}

}  // namespace casemate::container
