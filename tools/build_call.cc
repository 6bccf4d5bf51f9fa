#include "tools/build_call.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <span>
#include <utility>

#include "base/beneath.h"
#include "base/text.h"

namespace casemate::tools {

namespace {

using nlohmann::json;

constexpr std::size_t kMaxRootsTold = 8;
constexpr TextRule kPath = {.min_bytes = 1, .max_bytes = 4095, .allow_nul = false};
constexpr TextRule kInnerPath = {.min_bytes = 0, .max_bytes = 4095, .allow_nul = false};

// What policy is told of a workspace below `root`.
json Facts(const std::string& path, const policies::WorkspaceRoot& root) {
  json facts = {
      {"workspace", path}, {"workspace_root", root.path}, {"workspace_writable", root.writable}};
  if (!root.writable) {
    facts["untrusted"] = true;  // somebody else's: the caller only looks
  }
  return facts;
}

Error CannotRead(const std::string& path, int reason) {
  Error error = ErrnoError("cannot read " + Quoted(path), reason);
  error.field = "args.path";
  if (reason == EXDEV || reason == ELOOP) {
    error.code = ErrorCode::kPermissionDenied;
    error.message = Quoted(path) + " leads out of the workspace, or its links lead nowhere";
  } else if (reason == ENOENT || reason == ENOTDIR) {
    error.code = ErrorCode::kNotFound;
    error.message = "there is no file " + Quoted(path) + " in the workspace";
    error.remedy = "give the path of the Dockerfile, relative to `workspace`";
  }
  return error;
}

}  // namespace

BuildCall::BuildCall(const BuildToolOptions& options, OpenedWorkspace workspace, json normalised)
    : options_(options), workspace_(std::move(workspace)), normalised_(std::move(normalised)) {
  if (workspace_.path.empty()) {
    return;
  }
  normalised_["workspace"] = workspace_.path;
  if (workspace_.root != nullptr) {
    context_ = Facts(workspace_.path, *workspace_.root);
    return;
  }
  context_["workspace"] = workspace_.path;
  if (!options_.config_file.empty()) {
    context_["config_file"] = options_.config_file;
  }
}

std::vector<OtherWay> BuildCall::OtherWays() const {
  std::vector<OtherWay> ways;
  if (workspace_.path.empty() || workspace_.root != nullptr) {
    return ways;
  }
  for (const policies::WorkspaceRoot& root :
       std::span(options_.roots).first(std::min(options_.roots.size(), kMaxRootsTold))) {
    OtherWay way{normalised_, Facts(root.path, root),
                 "use `" + root.path + "` or a directory below it"};
    way.normalised["workspace"] = root.path;
    ways.push_back(std::move(way));
  }
  return ways;
}

Result<int> BuildCall::Directory(const policies::Grant& grant) const {
  // Whatever a policy says: what lies outside of the configured roots was never opened.
  if (workspace_.root == nullptr || !workspace_.directory.valid()) {
    return Error{ErrorCode::kPermissionDenied,
                 "the directory is not below an allowed root or does not exist", "args.workspace",
                 "use a directory below a configured workspace root", 0};
  }
  if (grant.workspace_access() == policies::WorkspaceAccess::kPrivateOnly) {
    return Error{ErrorCode::kPermissionDenied, "policy grants this call no directory of the host",
                 "args.workspace", "your user can change `workspace:` of the allowing rule", 0};
  }
  return workspace_.directory.get();
}

json WorkspaceSchema() {
  return {{"type", "string"},
          {"description", "Absolute host directory of the project, below an allowed root."}};
}

std::string ReadWorkspace(ArgReader& reader, ArgErrors& errors) {
  std::string path = reader.Text("workspace", kPath).value_or("");
  if (!path.empty() && !path.starts_with('/')) {
    errors.Expected("args.workspace", "an absolute path of a host directory", Quoted(path),
                    "start it with `/`");
  }
  return path;
}

std::string ReadInnerPath(ArgReader& reader, const char* name, ArgErrors& errors) {
  const auto given = reader.Text(name, kInnerPath);
  if (!given) {
    return {};
  }
  if (given->empty()) {
    return ".";
  }
  const std::filesystem::path path(*given);
  const bool climbs = std::ranges::find(path, std::filesystem::path("..")) != path.end();
  if (path.is_absolute() || climbs) {
    errors.Expected(reader.PathOf(name), "a path relative to `workspace`, without `..`",
                    Quoted(*given));
    return {};
  }
  std::string clean = path.lexically_normal().string();
  while (clean.size() > 1 && clean.ends_with('/')) {
    clean.pop_back();
  }
  return clean;
}

Result<std::string> ReadBelow(int directory, const std::string& path, std::size_t max_bytes) {
  // O_NONBLOCK: a pipe in its place must not hold us.
  const UniqueFd file =
      OpenBeneath(directory, path, O_RDONLY | O_NONBLOCK | O_NOCTTY, InnerLinks::kFollow);
  struct stat status{};
  if (!file.valid() || fstat(file.get(), &status) != 0) {
    return CannotRead(path, errno);
  }
  if (!S_ISREG(status.st_mode)) {
    return InvalidArgument("args.path",
                           "expected a regular file, and " + Quoted(path) + " is none");
  }
  std::string text(max_bytes + 1, '\0');
  std::size_t filled = 0;
  while (filled < text.size()) {
    const ssize_t got = read(file.get(), text.data() + filled, text.size() - filled);
    if (got < 0 && errno != EINTR) {
      return CannotRead(path, errno);
    }
    if (got == 0) {
      break;
    }
    filled += got > 0 ? static_cast<std::size_t>(got) : 0;
  }
  if (filled > max_bytes) {
    return Error{ErrorCode::kResourceExhausted,
                 Quoted(path) + " is longer than " + std::to_string(max_bytes) + " bytes",
                 "args.path", "name another file", 0};
  }
  text.resize(filled);
  return text;
}

}  // namespace casemate::tools
