#include "policies/live/reload_report.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>

#include "base/file.h"
#include "base/log.h"
#include "base/text.h"
#include "base/unique_fd.h"

namespace casemate::policies {

namespace {

constexpr std::size_t kMaxTextBytes = std::size_t{16} << 10;

std::string Directory(const std::string& state_dir) {
  return state_dir + "/policy-problems";
}

}  // namespace

void ReportReloadProblem(const std::string& state_dir, const ReloadProblem& problem) {
  const std::string path = Directory(state_dir) + "/" + problem.incarnation;
  auto written = MakePrivateDirectories(Directory(state_dir));
  if (written) {
    const UniqueFd file(
        open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600));
    written = file.valid()
                  ? WriteAll(file.get(), ToValidUtf8(problem.text.substr(0, kMaxTextBytes)))
                  : ErrnoError("cannot write " + path, errno);
  }
  if (!written) {
    Log(LogLevel::kWarning,
        "`casemate doctor` will not know of this problem: " + Describe(written.error()));
  }
}

void ForgetReloadProblem(const std::string& state_dir, const std::string& incarnation) {
  ::unlink((Directory(state_dir) + "/" + incarnation).c_str());
}

std::vector<ReloadProblem> ReadReloadProblems(const std::string& state_dir) {
  std::vector<ReloadProblem> problems;
  for (const std::string& name : ListNames(Directory(state_dir))) {
    auto text = ReadFile(Directory(state_dir) + "/" + name, 2 * kMaxTextBytes);
    problems.push_back({name, text ? *std::move(text) : Describe(text.error())});
  }
  return problems;
}

}  // namespace casemate::policies
