#include "sandbox/selftest/battery/appearance.h"

#include <sys/inotify.h>
#include <unistd.h>

#include <array>
#include <filesystem>

#include "sandbox/selftest/battery/stop.h"

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
  const Deadline deadline = std::chrono::steady_clock::now() + std::chrono::seconds(30);
  while (!fs::exists(path_)) {
    if (!AwaitReadable(events_.get(), deadline)) {
      return false;
    }
    while (read(events_.get(), buffer.data(), buffer.size()) > 0) {
    }
  }
  return true;
}

}  // namespace casemate::escape
