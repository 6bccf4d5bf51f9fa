#include "base/log.h"

#include <fcntl.h>
#include <unistd.h>

#include <array>
#include <string>

#include <catch2/catch.hpp>

#include "base/unique_fd.h"

namespace casemate {
namespace {

// What is written to standard error, one write(2) after the other: a pipe of packets.
class StandardError {
 public:
  StandardError() : saved_(::fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 3)) {
    std::array<int, 2> ends{};
    REQUIRE(::pipe2(ends.data(), O_DIRECT | O_CLOEXEC | O_NONBLOCK) == 0);
    read_.Reset(ends[0]);
    const UniqueFd write(ends[1]);
    REQUIRE(::dup2(write.get(), STDERR_FILENO) == STDERR_FILENO);
  }
  ~StandardError() { Restore(); }
  StandardError(const StandardError&) = delete;
  StandardError& operator=(const StandardError&) = delete;
  void Restore() { ::dup2(saved_.get(), STDERR_FILENO); }
  // Empty: nothing more.
  [[nodiscard]] std::string Next() const {
    std::array<char, 4096> bytes{};
    const auto count = ::read(read_.get(), bytes.data(), bytes.size());
    return count > 0 ? std::string(bytes.data(), static_cast<std::size_t>(count)) : std::string();
  }

 private:
  UniqueFd saved_;
  UniqueFd read_;
};

TEST_CASE("a line is written at once, so that no other thread's comes into it") {
  StandardError error;
  Log(LogLevel::kWarning, "one\ntwo");
  Announce("serving MCP on http://127.0.0.1:1/mcp");
  SetLogLevel(LogLevel::kError);
  Log(LogLevel::kInfo, "dropped");
  Announce("still said");
  SetLogLevel(LogLevel::kInfo);
  error.Restore();  // for what the checks print
  CHECK(error.Next() == "casemate: warning: one\\x0atwo\n");
  CHECK(error.Next() == "casemate: serving MCP on http://127.0.0.1:1/mcp\n");
  CHECK(error.Next() == "casemate: still said\n");
  CHECK(error.Next().empty());
}

}  // namespace
}  // namespace casemate
