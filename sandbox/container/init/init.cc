// The first process of an image with several applications: starts them in order, reaps, forwards
// signals, starts again what failed, checks their health and stops them in order. A program of its
// own: static, without exceptions; it needs nothing of the image but its configuration, no place to
// write and no rights.
//
//   init [--config PATH]                 runs the applications
//   init health [--config PATH] [APP]    a line for each; 0 if all, or APP, are healthy
//   init status [--config PATH]          states, process ids, restarts, last exits
//
// The configuration and what it means: init_config/init_config.h.
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "sandbox/container/init/child.h"
#include "sandbox/container/init/config.h"
#include "sandbox/container/init/control.h"
#include "sandbox/container/init/supervisor.h"

namespace casemate::container::init {
namespace {

constexpr char kDefaultConfig[] = "/.casemate/init.conf";
constexpr int kExitUsage = 64;   // EX_USAGE
constexpr int kExitConfig = 78;  // EX_CONFIG
constexpr int kMaxWords = 2;

int RunMode(const char* path) {
  // First: a stop that is asked for now would be lost to a first process.
  const int signals = TakeSignals();
  if (signals < 0) {
    Say("cannot take signals: %s", strerrordesc_np(errno));
    return kExitOs;
  }
  static Config config;
  Problem problem;
  if (!ReadConfig(path, config, problem)) {
    Say("%s:%d: %s; nothing runs", path, problem.line, problem.what);
    return kExitConfig;
  }
  const int control = ListenControl(path);
  if (control < 0) {
    Say("cannot make the socket for health and status: %s", strerrordesc_np(errno));
    return kExitOs;
  }
  const bool is_first = getpid() == 1;
  if (!is_first && prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) != 0) {
    Say("cannot become the parent of orphans: %s", strerrordesc_np(errno));
    return kExitOs;
  }
  Supervisor supervisor(config, signals, control);
  const int code = supervisor.Run();
  if (!is_first) {
    EndTheRest();  // of the first process the kernel does it
  }
  return code;
}

int Main(int argc, char** argv) {
  const char* path = kDefaultConfig;
  const char* words[kMaxWords] = {};
  int count = 0;
  for (int i = 1; i < argc; ++i) {
    if (std::strcmp(argv[i], "--config") == 0 && i + 1 < argc) {
      path = argv[++i];
    } else if (argv[i][0] != '-' && count < kMaxWords) {
      words[count++] = argv[i];
    } else {
      count = kMaxWords + 1;
      break;
    }
  }
  if (count == 0) {
    return RunMode(path);
  }
  if (count <= kMaxWords && std::strcmp(words[0], "health") == 0) {
    return ShowMode(true, path, words[1]);
  }
  if (count == 1 && std::strcmp(words[0], "status") == 0) {
    return ShowMode(false, path, nullptr);
  }
  Say("usage: init [--config PATH] | init health [APP] [--config PATH] | "
      "init status [--config PATH]");
  return kExitUsage;
}

}  // namespace
}  // namespace casemate::container::init

int main(int argc, char** argv) {
  return casemate::container::init::Main(argc, argv);
}
