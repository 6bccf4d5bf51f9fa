// What a test does to the engines that with-engines started: the control socket of the supervisor.
// Test-only.
#pragma once

#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <array>
#include <cstdlib>
#include <cstring>
#include <string>

#include <catch2/catch.hpp>

#include "base/unique_fd.h"

namespace casemate::testing {

// `what` is kill, start, pause, resume or terminate (supervise.py), `engine` docker or podman.
// Returns when it is done.
inline void Control(const std::string& what, const std::string& engine) {
  const char* path = std::getenv("CASEMATE_TEST_ENGINES");
  REQUIRE(path != nullptr);
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  REQUIRE(std::strlen(path) < sizeof address.sun_path);
  std::strcpy(address.sun_path, path);
  const UniqueFd fd(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  REQUIRE(connect(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0);
  const std::string request = R"({"do":")" + what + R"(","of":")" + engine + "\"}\n";
  REQUIRE(write(fd.get(), request.data(), request.size()) == static_cast<ssize_t>(request.size()));
  std::string answer;
  std::array<char, 4096> buffer{};
  for (ssize_t got = 0; (got = read(fd.get(), buffer.data(), buffer.size())) > 0;) {
    answer.append(buffer.data(), static_cast<std::size_t>(got));
  }
  INFO(answer);
  REQUIRE(answer.find("\"error\"") == std::string::npos);
}

// Kills an engine, and has it running again when the test ends, whatever happens in between.
class Killed {
 public:
  explicit Killed(std::string engine) : engine_(std::move(engine)) { Control("kill", engine_); }
  Killed(const Killed&) = delete;
  Killed& operator=(const Killed&) = delete;
  ~Killed() {
    if (!is_started_) {
      Start();
    }
  }
  void Start() {
    is_started_ = true;
    Control("start", engine_);
  }

 private:
  std::string engine_;
  bool is_started_ = false;
};

}  // namespace casemate::testing
