// init.conf as read: all of it in one place of fixed size, into which the pointers go. Whoever
// reads owns the Config and keeps it where it is. One thread.
#pragma once

#include <cstddef>

#include "sandbox/container/init/format.h"

namespace casemate::container::init {

enum class CheckKind { kNone, kProcess, kTcp, kHttp, kCommand };
enum class Restart { kNever, kOnFailure, kAlways };

struct Check {
  CheckKind kind = CheckKind::kNone;
  int port = 0;
  const char* path = nullptr;
  char** command = nullptr;
  int interval_ms = 0;
  int timeout_ms = 0;
  int retries = 0;
  int start_period_ms = 0;
};

struct App {
  const char* name = nullptr;
  const char* directory = nullptr;  // or where init itself is
  char** argv = nullptr;
  char** env = nullptr;      // NAME=VALUE; may be empty, never nullptr
  int after[kMaxApps] = {};  // indexes of applications above this one
  int after_count = 0;
  Check check;
  Restart restart = Restart::kNever;
  int backoff_ms = 0;
  int stop_timeout_ms = 0;
  int stop_signal = 0;
};

struct Config {
  App apps[kMaxApps];
  int app_count = 0;
  char text[kMaxText + 1] = {};
  char* strings[kMaxStrings] = {};
  int string_count = 0;
};

struct Problem {
  int line = 0;  // 0: the file itself
  const char* what = nullptr;
};

// Reads the first `length` bytes of config.text, which it changes. `config` is new. false:
// `problem` says why, and nothing of it may be used.
bool ParseConfig(Config& config, std::size_t length, Problem& problem);
bool ReadConfig(const char* path, Config& config, Problem& problem);

}  // namespace casemate::container::init
