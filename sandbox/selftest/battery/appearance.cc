#include "sandbox/selftest/battery/appearance.h"

#include <poll.h>
#include <sys/inotify.h>
#include <unistd.h>

#include <array>
#include <filesystem>

namespace casemate::escape {
namespace fs = std::filesystem;

Appearance::Appearance(std::string path)
    : path_(std::move(path)), events_(inotify_init1(IN_CLOEXEC | IN_NONBLOCK)) {
  inotify_add_watch(events_.get(), fs::path(path_).parent_path().c_str(), IN_CREATE);
}

Appearance::~Appearance() {
  std::error_code ignored;
  fs::remove(path_, ignored);
}

bool Appearance::Await() const {
  std::array<char, 4096> buffer{};
  pollfd wait = {.fd = events_.get(), .events = POLLIN, .revents = 0};
  while (!fs::exists(path_)) {
    if (poll(&wait, 1, 30'000) != 1) {
      return false;
    }
    while (read(events_.get(), buffer.data(), buffer.size()) > 0) {
    }
  }
  return true;
}

}  // namespace casemate::escape
