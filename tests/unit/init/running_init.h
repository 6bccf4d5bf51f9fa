// The real casemate_init with small applications of the shell, and questions to it. Each waits for
// a condition, with a limit that only a failure meets. One thread; whatever happens, the
// applications end with it.
#pragma once

#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <fstream>
#include <functional>
#include <optional>
#include <sstream>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include <catch2/catch.hpp>

#include "sandbox/container/init_config/init_config.h"
#include "tests/unit/temp_dir.h"

namespace casemate::container::testing {

inline bool Until(const std::function<bool()>& condition) {
  constexpr auto kLimit = std::chrono::seconds(30);
  constexpr auto kTick = std::chrono::milliseconds(5);
  const auto end = std::chrono::steady_clock::now() + kLimit;
  while (!condition()) {
    if (std::chrono::steady_clock::now() > end) {
      return false;
    }
    std::this_thread::sleep_for(kTick);
  }
  return true;
}

inline std::string Slurp(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  std::ostringstream all;
  all << file.rdbuf();
  return all.str();
}

inline bool Contains(std::string_view text, std::string_view part) {
  return text.find(part) != std::string_view::npos;
}

struct ShellApp {
  std::string name;
  std::string script;
  std::string health = "none";
  std::vector<std::string> check = {};
  std::vector<std::string> after = {};
  std::string restart = "never";
  int interval_ms = 20;
  int timeout_ms = 20'000;
  int retries = 2;
  int start_period_ms = 0;
  int backoff_ms = 5;
  int stop_timeout_ms = 20'000;
  int stop_signal = SIGTERM;
};

using Apps = std::vector<ShellApp>;

// With milliseconds, which the writer does not offer.
inline std::string TextOf(const std::string& directory, const Apps& apps) {
  std::ostringstream text;
  text << "casemate-init 1\n";
  for (const ShellApp& app : apps) {
    text << "app " << app.name << "\ndir " << directory << "\narg /bin/sh\narg -c\narg "
         << app.script << "\nenv APP=" << app.name << "\n";
    for (const std::string& name : app.after) {
      text << "after " << name << "\n";
    }
    text << "health " << app.health << "\n";
    for (const std::string& word : app.check) {
      text << "check " << word << "\n";
    }
    text << "interval_ms " << app.interval_ms << "\ntimeout_ms " << app.timeout_ms << "\nretries "
         << app.retries << "\nstart_period_ms " << app.start_period_ms << "\nrestart "
         << app.restart << "\nbackoff_ms " << app.backoff_ms << "\nstop_timeout_ms "
         << app.stop_timeout_ms << "\nstop_signal " << app.stop_signal << "\n";
  }
  text << "end " << apps.size() << "\n";
  return text.str();
}

struct Told {
  int code = -1;
  std::string text;
};

// 128 + the signal.
inline int CodeOf(int status) {
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

class RunningInit {
 public:
  struct As {
    uid_t uid = 0;  // 0: who runs the test
    bool is_first_process = false;
  };

  explicit RunningInit(const std::string& text) { Begin(text, As{}); }
  explicit RunningInit(const Apps& apps) : RunningInit(apps, As{}) {}
  RunningInit(const Apps& apps, As as) { Begin(TextOf(dir_.path(), apps), as); }
  RunningInit(const RunningInit&) = delete;
  RunningInit& operator=(const RunningInit&) = delete;
  ~RunningInit() {
    if (!code_) {
      Signal(SIGTERM);
      Signal(SIGCONT);
      if (!Until([&] { return Ended(); })) {
        Signal(SIGKILL);
        Until([&] { return Ended(); });
      }
    }
  }

  [[nodiscard]] pid_t pid() const { return pid_; }
  [[nodiscard]] const std::string& program() const { return program_; }
  [[nodiscard]] const std::string& config() const { return config_; }
  [[nodiscard]] std::string Path(std::string_view name) const { return dir_ / name; }
  [[nodiscard]] std::string Text(std::string_view name) const { return Slurp(dir_ / name); }
  [[nodiscard]] std::string Log() const { return Text("stderr"); }
  void Write(std::string_view name, std::string_view text) const { (void)dir_.Write(name, text); }
  void Signal(int number) const { kill(pid_, number); }

  bool Ended() {
    int status = 0;
    if (!code_ && waitpid(pid_, &status, WNOHANG) == pid_) {
      code_ = CodeOf(status);
    }
    return code_.has_value();
  }
  // -1: it does not end.
  int ExitCode() {
    return Until([&] { return Ended(); }) ? *code_ : -1;
  }

  [[nodiscard]] Told Ask(std::vector<std::string> words, uid_t uid = 0) const {
    words.insert(words.begin(), program_);
    words.insert(words.end(), {"--config", config_});
    const std::string output = dir_ / "asked";
    const pid_t asking = Spawn(words, output, output, As{uid, false});
    int status = 0;
    if (waitpid(asking, &status, 0) != asking) {
      return {};
    }
    return {CodeOf(status), Slurp(output)};
  }
  bool UntilTold(const std::vector<std::string>& words, std::string_view part) const {
    return Until([&] { return Contains(Ask(words).text, part); });
  }

 private:
  void Begin(const std::string& text, As as) {
    // Readable by the users of the tests.
    (void)chmod(dir_.path().c_str(), 0777);
    program_ = dir_.Write("init", InitProgram());
    (void)chmod(program_.c_str(), 0555);
    config_ = dir_.Write("init.conf", text);
    pid_ = Spawn({program_, "--config", config_}, dir_ / "stdout", dir_ / "stderr", as);
  }

  static pid_t Spawn(const std::vector<std::string>& words, const std::string& output,
                     const std::string& errors, As as) {
    std::vector<char*> argv;
    for (const std::string& word : words) {
      argv.push_back(const_cast<char*>(word.c_str()));
    }
    argv.push_back(nullptr);
    (void)unlink(output.c_str());
    const int out = open(output.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0666);
    const int err = open(errors.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0666);
    const pid_t pid =
        as.is_first_process
            ? static_cast<pid_t>(syscall(SYS_clone, CLONE_NEWPID | SIGCHLD, 0, 0, 0, 0))
            : fork();
    if (pid == 0) {
      const bool is_user = as.uid == 0 || (setgid(as.uid) == 0 && setuid(as.uid) == 0);
      // After the change of the user, which undoes it. SIGTERM does not reach the first process
      // before it takes it; SIGKILL ends its namespace.
      prctl(PR_SET_PDEATHSIG, as.is_first_process ? SIGKILL : SIGTERM);
      if (is_user && dup2(out, STDOUT_FILENO) >= 0 && dup2(err, STDERR_FILENO) >= 0) {
        execv(argv[0], argv.data());
      }
      _exit(99);
    }
    close(out);
    close(err);
    return pid;
  }

  casemate::testing::TempDir dir_;
  std::string program_;
  std::string config_;
  pid_t pid_ = -1;
  std::optional<int> code_;
};

}  // namespace casemate::container::testing
