#include "sandbox/container/build/build_request.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <iterator>
#include <string_view>

#include <nlohmann/json.hpp>

#include "base/json.h"
#include "base/text.h"
#include "sandbox/container/build/context_error.h"
#include "sandbox/container/engine/names.h"

namespace casemate::container {

namespace {

using nlohmann::json;

constexpr std::size_t kMaxItems = 1000;
constexpr std::size_t kMaxQueryBytes = std::size_t{512} << 10;
constexpr std::int64_t kCpuPeriodUs = 100'000;
constexpr std::int64_t kMillisPerCpu = 1000;
// A network namespace of its own. Without it Podman builds in the host's, whatever `networkmode`
// is.
constexpr std::string_view kOwnNetwork = R"([{"Name":"network","Host":false,"Path":""}])";

json ObjectOf(const Labels& pairs) {
  json object = json::object();
  for (const auto& [name, value] : pairs) {
    object[name] = value;
  }
  return object;
}

class Query {
 public:
  void Add(std::string_view name, std::string_view value) {
    text_ += (text_.empty() ? '?' : '&');
    text_ += name;
    text_ += '=';
    text_ += Escape(value);
  }
  void Number(std::string_view name, std::int64_t value) { Add(name, std::to_string(value)); }
  void Json(std::string_view name, const json& value) { Add(name, DumpJson(value)); }
  std::string Take() { return std::move(text_); }

 private:
  std::string text_;
};

void AddNetwork(const BuildRequest& request, Builder builder, Query& query) {
  const bool none = request.network == BuildNetwork::kNone;
  if (builder == Builder::kPodman) {
    query.Add("networkmode", none ? "NetworkDisabled" : "NetworkDefault");
    query.Add("nsoptions", kOwnNetwork);
  } else {
    query.Add("networkmode", none ? "none" : "default");
  }
}

void AddLimits(const BuildRequest& request, Builder builder, Query& query) {
  if (builder == Builder::kBuildKit) {
    return;
  }
  if (request.limits.memory_bytes > 0) {
    query.Number("memory", request.limits.memory_bytes);
    query.Number("memswap", request.limits.memory_bytes);  // memory and swap together: no swap
  }
  if (request.limits.cpu_millis > 0) {
    query.Number("cpuperiod", kCpuPeriodUs);
    query.Number("cpuquota", std::max<std::int64_t>(
                                 request.limits.cpu_millis * kCpuPeriodUs / kMillisPerCpu, 1000));
  }
  json ulimits = json::array();
  for (const BuildUlimit& limit : request.ulimits) {
    if (builder == Builder::kPodman) {
      ulimits.push_back(limit.name + "=" + std::to_string(limit.soft) + ":" +
                        std::to_string(limit.hard));
    } else {
      ulimits.push_back({{"Name", limit.name}, {"Soft", limit.soft}, {"Hard", limit.hard}});
    }
  }
  if (!ulimits.empty()) {
    query.Json("ulimits", ulimits);
  }
}

Result<void> CheckPairs(const char* field, const Labels& pairs) {
  for (std::size_t i = 0; i < pairs.size(); ++i) {
    const auto& [name, value] = pairs[i];
    const bool good = !name.empty() && name.find('=') == std::string::npos && IsValidUtf8(name) &&
                      IsValidUtf8(value) && EscapeControls(name, false) == name &&
                      value.find('\0') == std::string::npos;
    if (!good) {
      return InvalidArgument(std::string(field) + "[" + std::to_string(i) + "]",
                             "expected a name without \"=\" and control characters, and a value of "
                             "text, got the name " +
                                 ShownPath(name));
    }
  }
  return {};
}

Result<void> CheckTarget(const std::string& target) {
  const bool good =
      target.size() <= 200 && std::all_of(target.begin(), target.end(), [](char c) {
        return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '.' || c == '_' || c == '-';
      });
  return good ? Result<void>()
              : InvalidArgument("target",
                                "expected the name or number of a stage, got " + ShownPath(target));
}

Result<void> CheckUlimits(const std::vector<BuildUlimit>& ulimits) {
  for (std::size_t i = 0; i < ulimits.size(); ++i) {
    const BuildUlimit& limit = ulimits[i];
    const bool named =
        !limit.name.empty() &&
        limit.name.find_first_not_of("abcdefghijklmnopqrstuvwxyz") == std::string::npos;
    if (!named || limit.soft < 0 || limit.hard < limit.soft) {
      return InvalidArgument("ulimits[" + std::to_string(i) + "]",
                             "expected a name such as \"nofile\" and 0 <= soft <= hard");
    }
  }
  return {};
}

// Whether some flag of an instruction may be --network. Flags lose quotes and escapes, variables
// are put in, and lines are joined over comments, so all that may stand between its letters is
// taken out first; rather a flag too many than one missed.
bool MayNameNetwork(std::string_view dockerfile) {
  std::string letters;
  while (!dockerfile.empty()) {
    std::string_view line = dockerfile.substr(0, dockerfile.find('\n'));
    dockerfile.remove_prefix(std::min(dockerfile.size(), line.size() + 1));
    line.remove_prefix(std::min(line.find_first_not_of(" \t\r\v\f"), line.size()));
    if (line.starts_with('#')) {
      continue;
    }
    std::copy_if(line.begin(), line.end(), std::back_inserter(letters), [](char c) {
      return std::string_view(" \t\r\v\f\\`'\"").find(c) == std::string_view::npos;
    });
  }
  for (std::size_t at = 0; (at = letters.find("--", at)) != std::string::npos; ++at) {
    const std::size_t end = letters.find_first_not_of("abcdefghijklmnopqrstuvwxyz", at + 2);
    const std::string_view flag = std::string_view(letters).substr(at, end - at);
    if (flag.starts_with("--network") || (end != std::string::npos && letters[end] == '$')) {
      return true;
    }
  }
  return false;
}

}  // namespace

Result<void> CheckBuildRequest(const BuildRequest& request) {
  if (request.tags.size() > kMaxItems || request.build_args.size() > kMaxItems ||
      request.labels.size() > kMaxItems || request.ulimits.size() > kMaxItems) {
    return InvalidArgument("build",
                           "expected at most 1000 tags, build arguments, labels and ulimits");
  }
  for (std::size_t i = 0; i < request.tags.size(); ++i) {
    const std::string& tag = request.tags[i];
    const std::string field = "tags[" + std::to_string(i) + "]";
    if (tag.find('@') != std::string::npos) {
      return InvalidArgument(field, "expected name:tag, got a digest: " + ShownPath(tag));
    }
    if (auto good = CheckImageReference(tag); !good) {
      Error error = std::move(good).error();
      error.field = field;
      return error;
    }
  }
  if (auto good = CheckPairs("build_args", request.build_args); !good) {
    return good;
  }
  if (auto good = CheckPairs("labels", request.labels); !good) {
    return good;
  }
  if (auto good = CheckTarget(request.target); !good) {
    return good;
  }
  if (auto good = CheckUlimits(request.ulimits); !good) {
    return good;
  }
  if (request.limits.memory_bytes < 0 || request.limits.cpu_millis < 0 || request.limits.pids < 0) {
    return InvalidArgument("limits", "expected numbers of 0 or more");
  }
  std::size_t bytes = 0;
  for (const Labels* pairs : {&request.build_args, &request.labels}) {
    for (const auto& [name, value] : *pairs) {
      bytes += name.size() + value.size();
    }
  }
  // Engines read it as one line of a header, of which they take 1 MiB.
  return bytes * 3 > kMaxQueryBytes
             ? InvalidArgument("build_args", "build arguments and labels are longer than " +
                                                 std::to_string(kMaxQueryBytes / 3) + " bytes")
             : Result<void>();
}

std::vector<std::string> UnheldLimits(Builder builder, const ContainerLimits& limits) {
  std::vector<std::string> unheld;
  if (builder == Builder::kBuildKit && limits.memory_bytes > 0) {
    unheld.emplace_back("memory");
  }
  if (builder == Builder::kBuildKit && limits.cpu_millis > 0) {
    unheld.emplace_back("cpu");
  }
  if (limits.pids > 0) {
    unheld.emplace_back("pids");
  }
  return unheld;
}

Result<void> CheckForPodman(const BuildRequest& request, const BuildContext& context) {
  if (context.dockerfile().ends_with(".in")) {
    return Error{ErrorCode::kPermissionDenied,
                 ShownPath(context.dockerfile()) +
                     ": Podman runs Dockerfiles with names in .in through the C preprocessor, "
                     "which reads files of the host",
                 "dockerfile", "give it another name", 0};
  }
  if (!MayNameNetwork(context.dockerfile_text())) {
    return {};
  }
  return Error{ErrorCode::kPermissionDenied,
               "the Dockerfile says --network, or a flag with a variable in its name, which Podman "
               "obeys whatever network the build has (" +
                   std::string(request.network == BuildNetwork::kNone ? "none" : "default") + ")",
               "dockerfile", "take it out of the Dockerfile", 0};
}

std::string BuildQuery(const BuildRequest& request, const BuildContext& context, Builder builder) {
  Query query;
  if (builder == Builder::kBuildKit) {
    query.Add("version", "2");
  }
  query.Add("dockerfile", context.dockerfile());
  for (const std::string& tag : request.tags) {
    query.Add("t", tag);
  }
  if (!request.target.empty()) {
    query.Add("target", request.target);
  }
  if (!request.build_args.empty()) {
    query.Json("buildargs", ObjectOf(request.build_args));
  }
  if (!request.labels.empty()) {
    query.Json("labels", ObjectOf(request.labels));
  }
  AddNetwork(request, builder, query);
  AddLimits(request, builder, query);
  query.Add("rm", "1");
  query.Add("forcerm", "1");  // those of commands that failed, too
  if (request.no_cache) {
    query.Add("nocache", "1");
  }
  if (request.pull) {
    query.Add("pull", "1");
  }
  return query.Take();
}

}  // namespace casemate::container
