#include "clients/cli/client_places.h"

#include <algorithm>
#include <cstdlib>
#include <filesystem>

#include "base/text.h"

namespace casemate::cli {
namespace {

namespace fs = std::filesystem;

std::string Variable(const char* name) {
  const char* value = std::getenv(name);  // NOLINT(concurrency-mt-unsafe): one thread
  return value == nullptr ? "" : value;
}

// Relative ones are ignored, as the XDG specification says.
std::string DirectoryIn(const char* name, const std::string& otherwise) {
  const std::string value = Variable(name);
  return value.starts_with('/') ? value : otherwise;
}

}  // namespace

Result<hosts::Surroundings> SurroundingsHere(const std::string& project) {
  const std::string home = Variable("HOME");
  if (!home.starts_with('/')) {
    return InvalidArgument("HOME", "expected an absolute path in this environment variable, got `" +
                                       EscapeControls(home, false) + "`");
  }
  std::error_code failed;
  const fs::path here = fs::canonical(project.empty() ? "." : project, failed);
  if (failed || !fs::is_directory(here, failed)) {
    return InvalidArgument("--project",
                           "expected a directory, got `" + EscapeControls(project, false) + "`");
  }
  return hosts::Surroundings{.home = home,
                             .config_home = DirectoryIn("XDG_CONFIG_HOME", home + "/.config"),
                             .claude = DirectoryIn("CLAUDE_CONFIG_DIR", home),
                             .codex = DirectoryIn("CODEX_HOME", home + "/.codex"),
                             .project = here.string()};
}

Result<std::string> ThisProgram() {
  std::error_code failed;
  const std::string path = fs::read_symlink("/proc/self/exe", failed).string();
  if (failed || !fs::exists(path, failed)) {
    return Error{ErrorCode::kUnavailable, "cannot tell the path of this program", "--program",
                 "give it", 0};
  }
  return path;
}

Result<void> CheckName(const std::string& name) {
  constexpr std::size_t kMaxName = 32;  // hosts put it before the names of tools, and cap the whole
  const bool is_plain = std::all_of(name.begin(), name.end(), [](unsigned char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
           c == '_';
  });
  if (name.empty() || name.size() > kMaxName || !is_plain) {
    return InvalidArgument("--name", "expected 1 to 32 of A-Z, a-z, 0-9, _ and -, got `" +
                                         EscapeControls(name, false) + "`");
  }
  return {};
}

}  // namespace casemate::cli
