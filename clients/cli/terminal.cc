#include "clients/cli/terminal.h"

#include <unistd.h>

#include <array>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <iostream>

namespace casemate::cli {

std::string Paint(int fd, Colour colour, std::string_view text) {
  const char* no_colour = std::getenv("NO_COLOR");  // NOLINT(concurrency-mt-unsafe): one thread
  if (isatty(fd) == 0 || (no_colour != nullptr && *no_colour != '\0')) {
    return std::string(text);
  }
  static constexpr std::array<const char*, 4> kCodes = {"31", "32", "33", "2"};
  return std::string("\x1b[") + kCodes.at(static_cast<std::size_t>(colour)) + "m" +
         std::string(text) + "\x1b[0m";
}

int Flushed(int code, int failure) {
  std::cout.flush();
  if (std::cout) {
    return code;
  }
  std::cerr << "casemate: cannot write all of it to standard output\n";
  return failure;
}

std::string FormatTime(long long time_ms) {
  const std::time_t seconds = time_ms / 1000;
  std::tm parts{};
  if (gmtime_r(&seconds, &parts) == nullptr) {
    return std::to_string(time_ms);
  }
  std::array<char, 40> date{};
  if (std::strftime(date.data(), date.size(), "%Y-%m-%d %H:%M:%S", &parts) == 0) {
    return std::to_string(time_ms);
  }
  std::array<char, 8> fraction{};
  static_cast<void>(
      std::snprintf(fraction.data(), fraction.size(), ".%03d", static_cast<int>(time_ms % 1000)));
  return std::string(date.data()) + fraction.data();
}

}  // namespace casemate::cli
