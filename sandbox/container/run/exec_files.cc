#include "sandbox/container/run/exec_files.h"

#include <algorithm>
#include <set>
#include <string_view>
#include <utility>

#include "base/clock.h"
#include "base/hash.h"
#include "base/text.h"
#include "sandbox/container/run/exec_call.h"

namespace casemate::container {
namespace {

constexpr std::int64_t kNsPerMs = 1'000'000;
constexpr std::int64_t kRemoveNs = 5'000 * kNsPerMs;
constexpr std::size_t kMaxWords = 4096;
constexpr std::size_t kChunk = 2048;  // bytes of one printf
constexpr unsigned kExecutable = 0111;

std::string ShellQuoted(std::string_view text) {
  std::string quoted = "'";
  for (const char c : text) {
    quoted += c == '\'' ? std::string("'\\''") : std::string(1, c);
  }
  return quoted + "'";
}

// As a format of printf that says these bytes, in single quotes.
void AddFormat(std::string_view bytes, std::string& into) {
  for (const char c : bytes) {
    const auto byte = static_cast<unsigned char>(c);
    const bool is_plain = (byte >= 0x20 && byte < 0x7f) || c == '\n' || c == '\t';
    if (is_plain && c != '\\' && c != '%' && c != '\'') {
      into += c;
      continue;
    }
    into += '\\';
    into += static_cast<char>('0' + (byte >> 6));
    into += static_cast<char>('0' + ((byte >> 3) & 7));
    into += static_cast<char>('0' + (byte & 7));
  }
}

void AddFile(const sandbox::InjectedFile& file, std::string& script) {
  const std::string path = ShellQuoted("./" + file.path);
  script += "exec 3>" + path + "\n";
  for (std::size_t at = 0; at < file.content.size(); at += kChunk) {
    script += "printf '";
    AddFormat(std::string_view(file.content).substr(at, kChunk), script);
    script += "' >&3\n";
  }
  script += "exec 3>&-\n";
  if ((file.mode & kExecutable) != 0) {
    script += "chmod 755 " + path + "\n";
  }
}

Error CannotWrite(const std::string& words) {
  return Error{ErrorCode::kInvalidArgument, "the container took no files: " + words, "args.files",
               "it needs /bin/sh and a /tmp that its user can write to; pass data through `stdin`, "
               "or use target {image: …}",
               0};
}

}  // namespace

std::string NewFilesDirectory() {
  return "/tmp/casemate-" + RandomHex(16);
}

std::string FilesScript(const std::string& directory,
                        std::span<const sandbox::InjectedFile> files) {
  const std::string place = ShellQuoted(directory);
  std::string script = "set -e\numask 022\nmkdir " + place + "\ncd " + place + "\n";
  std::set<std::string_view> made;
  for (const sandbox::InjectedFile& file : files) {
    const std::string_view path = file.path;
    const auto slash = path.rfind('/');
    if (slash != std::string_view::npos && made.insert(path.substr(0, slash)).second) {
      script += "mkdir -p " + ShellQuoted("./" + std::string(path.substr(0, slash))) + "\n";
    }
    AddFile(file, script);
  }
  return script;
}

Result<FilesEnd> WriteFiles(const ExecPlace& place, const std::string& directory,
                            std::span<const sandbox::InjectedFile> files, const EventFd& stop,
                            std::int64_t deadline_ns) {
  ExecRequest request;
  request.argv = {"/bin/sh", "-s"};
  request.working_directory = "/";
  request.with_stdin = true;
  std::string words;
  const auto take = [&words](StdStream /*from*/, std::string_view bytes) -> Result<void> {
    words += bytes.substr(0, kMaxWords - std::min(kMaxWords, words.size()));
    return {};
  };
  const auto end = PerformExec(place, std::move(request), FilesScript(directory, files), stop,
                               deadline_ns, take);
  if (!end) {
    return end.error();
  }
  if (end->reason != sandbox::StopReason::kNone) {
    return end->reason == sandbox::StopReason::kCancelled ? FilesEnd::kCancelled
                                                          : FilesEnd::kTimedOut;
  }
  if (!end->pumped) {
    return end->pumped.error();
  }
  if (end->cannot_run_errno != 0) {
    return CannotWrite("no /bin/sh");
  }
  const auto state = place.engine.InspectExec(end->exec);
  if (!state) {
    return state.error();
  }
  if (state->running || state->exit_code != 0) {
    return CannotWrite(words.empty() ? "its shell ended with " + std::to_string(state->exit_code)
                                     : Quoted(ToValidUtf8(words)));
  }
  return FilesEnd::kWritten;
}

void RemoveFiles(const ExecPlace& place, const std::string& directory) {
  ExecRequest request;
  request.argv = {"rm", "-rf", directory};
  request.working_directory = "/";
  const auto never = EventFd::Create();
  if (!never) {
    return;
  }
  const auto ignore = [](StdStream, std::string_view) -> Result<void> { return {}; };
  [[maybe_unused]] const auto removed =
      PerformExec(place, std::move(request), {}, *never, MonotonicNs() + kRemoveNs, ignore);
}

}  // namespace casemate::container
