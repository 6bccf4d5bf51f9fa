// Debian's docker-registry on a port of the system's choice, with a directory of its own.
// Test-only.
#pragma once

#include <crypt.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <condition_variable>
#include <cstdlib>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include <catch2/catch.hpp>

#include "base/unique_fd.h"
#include "tests/unit/temp_dir.h"

namespace casemate::registry::test {

inline bool HasRegistry() {
  if (access("/usr/bin/docker-registry", X_OK) == 0) {
    return true;
  }
  if (std::getenv("CASEMATE_ENGINES_REQUIRED") != nullptr) {  // NOLINT(concurrency-mt-unsafe)
    FAIL("there is no docker-registry, which CASEMATE_ENGINES_REQUIRED asks for");
  }
  WARN("SKIPPED: there is no docker-registry (Debian: docker-registry)");
  return false;
}

// A program and its end.
inline int RunToEnd(const std::vector<std::string>& words) {
  std::vector<char*> argv;
  for (const std::string& word : words) {
    argv.push_back(const_cast<char*>(word.c_str()));
  }
  argv.push_back(nullptr);
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_addopen(&actions, STDERR_FILENO, "/dev/null", O_WRONLY, 0);
  pid_t pid = 0;
  const int spawned = posix_spawnp(&pid, argv[0], &actions, nullptr, argv.data(), environ);
  posix_spawn_file_actions_destroy(&actions);
  int status = -1;
  return spawned == 0 && waitpid(pid, &status, 0) == pid && WIFEXITED(status) ? WEXITSTATUS(status)
                                                                              : -1;
}

struct Certificate {
  std::string file;
  std::string key;
};

// Signed by itself; `name` as of subjectAltName: "IP:127.0.0.1".
inline Certificate MakeCertificate(const casemate::testing::TempDir& dir, const std::string& prefix,
                                   const std::string& name) {
  Certificate made{dir / (prefix + ".pem"), dir / (prefix + ".key")};
  REQUIRE(RunToEnd({"openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt",
                    "ec_paramgen_curve:P-256", "-nodes", "-days", "2", "-subj", "/CN=casemate-test",
                    "-addext", "subjectAltName=" + name, "-keyout", made.key, "-out", made.file}) ==
          0);
  return made;
}

class RealRegistry {
 public:
  struct Options {
    std::string user{};  // with `password`: it asks for them
    std::string password{};
    Certificate certificate{};  // with TLS
  };

  explicit RealRegistry(const Options& options) {
    std::string auth;
    if (!options.user.empty()) {
      crypt_data data{};
      const char* const hash =
          crypt_r(options.password.c_str(), "$2b$05$abcdefghijklmnopqrstuu", &data);
      REQUIRE(hash != nullptr);
      const std::string list = dir_.Write("htpasswd", options.user + ":" + hash + "\n");
      auth = R"(, "auth": {"htpasswd": {"realm": "test", "path": ")" + list + "\"}}";
    }
    std::string tls;
    if (!options.certificate.file.empty()) {
      tls = R"(, "tls": {"certificate": ")" + options.certificate.file + R"(", "key": ")" +
            options.certificate.key + "\"}";
    }
    Start(dir_.Write(
        "config.yml",
        R"({"version": "0.1", "log": {"level": "info", "accesslog": {"disabled": true}},
            "storage": {"filesystem": {"rootdirectory": ")" +
            dir_ / "root" + R"("}}, "http": {"addr": "127.0.0.1:0")" + tls + "}" + auth + "}"));
  }
  RealRegistry(const RealRegistry&) = delete;
  RealRegistry& operator=(const RealRegistry&) = delete;
  ~RealRegistry() {
    if (pid_ > 0) {
      kill(pid_, SIGKILL);
      waitpid(pid_, nullptr, 0);
    }
    reader_.join();
  }
  [[nodiscard]] int port() const { return port_; }
  [[nodiscard]] std::string address() const { return "127.0.0.1:" + std::to_string(port_); }

 private:
  void Start(const std::string& config) {
    std::array<int, 2> ends{};
    REQUIRE(pipe2(ends.data(), O_CLOEXEC) == 0);
    log_.Reset(ends[0]);
    const UniqueFd theirs(ends[1]);
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
    posix_spawn_file_actions_adddup2(&actions, theirs.get(), STDOUT_FILENO);
    posix_spawn_file_actions_adddup2(&actions, theirs.get(), STDERR_FILENO);
    const std::array<const char*, 4> argv = {"docker-registry", "serve", config.c_str(), nullptr};
    const int spawned = posix_spawn(&pid_, "/usr/bin/docker-registry", &actions, nullptr,
                                    const_cast<char* const*>(argv.data()), environ);
    posix_spawn_file_actions_destroy(&actions);
    reader_ = std::thread([this] { Read(); });
    REQUIRE(spawned == 0);
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [this] { return port_ != 0 || ended_; });
    CAPTURE(text_);
    REQUIRE(port_ != 0);
  }
  // The system chose the port; the log tells it.
  void Read() {
    std::array<char, 4096> chunk{};
    ssize_t got = 0;
    while ((got = read(log_.get(), chunk.data(), chunk.size())) > 0) {
      const std::lock_guard lock(mutex_);
      text_.append(chunk.data(), static_cast<std::size_t>(got));
      const std::string mark = "listening on 127.0.0.1:";
      const std::size_t at = text_.find(mark);
      if (port_ == 0 && at != std::string::npos && text_.find('\n', at) != std::string::npos) {
        port_ = std::stoi(text_.substr(at + mark.size()));
        changed_.notify_all();
      }
    }
    const std::lock_guard lock(mutex_);
    ended_ = true;
    changed_.notify_all();
  }

  casemate::testing::TempDir dir_;
  UniqueFd log_;
  pid_t pid_ = -1;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::string text_;
  int port_ = 0;
  bool ended_ = false;
  std::thread reader_;
};

}  // namespace casemate::registry::test
