// What casemate_init, the first process of an image with several applications, is told: InitConfig
// as text for /.casemate/init.conf, and the program for /.casemate/init. Pure; thread-safe.
//
// Format. Lines, each a key, one space and a value, ended by a newline; the same configuration is
// always the same text. The first line is `casemate-init 1`, the last one `end N` with the number
// of applications, so that a file that was cut off is refused. Between them each application has,
// in this order and no other (? may be missing, * may stand several times or not at all):
//
//   app NAME                letters, digits and, not first, . _ -; at most 63
//   dir PATH              ? absolute; without it the directory of init itself (WORKDIR)
//   arg TEXT              * the program (looked for in the application's PATH) and its arguments;
//                           at least one
//   env NAME=VALUE        * over the variables of the image
//   after NAME            * an application above this one, so that there are no cycles
//   health KIND             none | process | tcp PORT | http PORT PATH | command
//   check TEXT            * with `health command` only, and then at least one: the command
//   interval_ms N           1 to 86400000, as the next one
//   timeout_ms N
//   retries N               1 to 100
//   start_period_ms N       0 to 86400000
//   restart WORD            never | on_failure | always
//   backoff_ms N            before the first start after a failure; 1000
//   stop_timeout_ms N       0 to 86400000
//   stop_signal N           1 to 64
//
// In dir, arg, env and check \n is a newline and \\ a backslash; no other escapes, no zero bytes.
// Applications stand in the order of their first starts. Limits are in init/format.h. The program
// refuses what it does not understand: it tells the line and ends with 78 (EX_CONFIG).
//
// Order. An application starts once all that it comes after have been healthy for the first time;
// `none` is healthy once it was started, `process` after it ran for its start period without a
// break. If one that others wait for has not been healthy start_period + retries * interval after
// its first start, everything is stopped and init ends with 69 (EX_UNAVAILABLE).
//
// Health. From each start to its first good check an application is `starting` and is checked each
// interval, but at least each second; after start_period + retries * interval without one it is
// unhealthy. Afterwards it is unhealthy after `retries` bad checks in a row, and healthy after a
// good one. An application that does not run is unhealthy. tcp and http ask 127.0.0.1, then ::1;
// http is good with a status from 200 to 399; a command with 0, within its timeout, after which its
// process group is killed. It runs in the application's directory with its variables, and its
// output goes nowhere. Bad health alone restarts nothing.
//
// Ends. `never`: the end of the application ends the container. `on_failure`: an end other than 0
// starts it again after backoff_ms, twice that, ... up to 30 times (from the beginning after a run
// of 60 s); an end with 0 ends the container. `always`: any end starts it again. The fifth of these
// ends within 60 s ends the container. What is left of the process group of an application that
// ended gets its stop signal, and SIGKILL after its stop timeout, before anything else is done with
// it.
//
// Signals. SIGTERM stops the applications, one at a time, in the reverse order of their first
// starts: the stop signal to the first process, after the stop timeout SIGKILL to its group. The
// engine must wait for the sum of the stop timeouts (`docker stop -t`). SIGINT does the same and
// takes the place of the stop signal. SIGHUP, SIGQUIT, SIGUSR1 and SIGUSR2 go on to all
// applications that run. After a stop that was asked for the exit code is 0, else that of the
// application whose end caused it (128 + the number of a signal).
//
// The variables are in a file of the image that its users can read: no place for secrets.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"

namespace casemate::container {

inline constexpr std::string_view kInitPath = "/.casemate/init";
inline constexpr std::string_view kInitConfigPath = "/.casemate/init.conf";

struct InitHealth {
  enum class Kind { kNone, kProcess, kTcp, kHttp, kCommand };
  Kind kind = Kind::kNone;
  int port = 0;                      // kTcp, kHttp
  std::string path;                  // kHttp; begins with /
  std::vector<std::string> command;  // kCommand
  int interval_s = 30;
  int timeout_s = 5;
  int retries = 3;
  int start_period_s = 0;
};

enum class InitRestart { kNever, kOnFailure, kAlways };

struct InitApp {
  std::string name;
  std::vector<std::string> argv;
  std::string directory;  // absolute, or empty: the image's
  std::vector<std::pair<std::string, std::string>> env;
  std::vector<std::string> depends_on;
  InitHealth health;
  InitRestart restart = InitRestart::kNever;
  int stop_timeout_s = 10;
  std::string stop_signal = "SIGTERM";  // SIGTERM, TERM, SIGRTMIN+3 or 15, as in a Dockerfile
};

struct InitConfig {
  std::vector<InitApp> apps;
};

// What does not fit the format is an error that names the application and the value.
Result<std::string> InitConfigText(const InitConfig& config);
// The bytes of the static program for kInitPath, for this machine's architecture.
std::string_view InitProgram();

}  // namespace casemate::container
