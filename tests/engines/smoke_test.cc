// That with-engines hands real engines to a test: whoever is named answers as it should.
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstdlib>
#include <cstring>
#include <string>

#include <catch2/catch.hpp>

#include "base/unique_fd.h"

namespace {

// All that the engine behind the socket in `variable` answers to GET `target`.
std::string Get(const char* variable, const std::string& target) {
  const char* path = std::getenv(variable);
  INFO("start this by ctest, or: tests/engines/with-engines --docker --podman -- COMMAND");
  REQUIRE(path != nullptr);
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  REQUIRE(std::strlen(path) < sizeof address.sun_path);
  std::strcpy(address.sun_path, path);
  const casemate::UniqueFd socket(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  REQUIRE(::connect(socket.get(), reinterpret_cast<sockaddr*>(&address), sizeof address) == 0);
  const std::string request =
      "GET " + target + " HTTP/1.1\r\nHost: engine\r\nConnection: close\r\n\r\n";
  REQUIRE(::send(socket.get(), request.data(), request.size(), MSG_NOSIGNAL) ==
          static_cast<ssize_t>(request.size()));
  std::string reply;
  char piece[4096];
  for (ssize_t got = 0; (got = ::read(socket.get(), piece, sizeof piece)) > 0;) {
    reply.append(piece, static_cast<std::size_t>(got));
  }
  return reply;
}

}  // namespace

TEST_CASE("each engine answers on its socket, and is what it is said to be") {
  const std::string docker = Get("CASEMATE_TEST_DOCKER", "/_ping");
  CHECK(docker.rfind("HTTP/1.1 200", 0) == 0);
  CHECK(docker.find("Libpod-Api-Version") == std::string::npos);
  const std::string podman = Get("CASEMATE_TEST_PODMAN", "/_ping");
  CHECK(podman.rfind("HTTP/1.1 200", 0) == 0);
  CHECK(podman.find("Libpod-Api-Version") != std::string::npos);
}

TEST_CASE("the image is loaded, and an image that is not is not found") {
  const char* image = std::getenv("CASEMATE_TEST_IMAGE");
  REQUIRE(image != nullptr);
  for (const char* variable : {"CASEMATE_TEST_DOCKER", "CASEMATE_TEST_PODMAN"}) {
    INFO(variable);
    CHECK(Get(variable, "/v1.41/images/" + std::string(image) + "/json").rfind("HTTP/1.1 200", 0) ==
          0);
    CHECK(Get(variable, "/v1.41/images/casemate-test/none:1/json").rfind("HTTP/1.1 404", 0) == 0);
  }
}
