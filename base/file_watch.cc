#include "base/file_watch.h"

#include <poll.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <filesystem>
#include <iterator>
#include <set>
#include <thread>
#include <utility>

#include "base/clock.h"
#include "base/event_fd.h"
#include "base/unique_fd.h"

namespace casemate {

namespace {

constexpr int kSettleMs = 100;  // an editor writes, renames and removes in several steps
constexpr int kLookMs = 5000;   // for what no event tells
constexpr std::int64_t kNsPerMs = 1'000'000;
constexpr int kMaxRounds = 50;
constexpr std::int64_t kClockStepMs = 10;  // of the times that file systems note, and more
constexpr std::uint32_t kEvents = IN_CLOSE_WRITE | IN_CREATE | IN_DELETE | IN_MOVED_FROM |
                                  IN_MOVED_TO | IN_DELETE_SELF | IN_MOVE_SELF | IN_ATTRIB;

// What tells two states of a file apart.
struct Signature {
  std::uint64_t device = 0;
  std::uint64_t inode = 0;
  std::int64_t size = -1;  // -1: not there
  std::int64_t modified_ns = 0;
  std::int64_t changed_ns = 0;
  bool operator==(const Signature&) const = default;
};

std::int64_t Nanoseconds(const timespec& time) {
  return static_cast<std::int64_t>(time.tv_sec) * 1'000'000'000 + time.tv_nsec;
}

Signature SignatureOf(const std::string& path) {
  struct stat status{};
  if (::stat(path.c_str(), &status) != 0) {
    return {};
  }
  return {status.st_dev, status.st_ino, status.st_size, Nanoseconds(status.st_mtim),
          Nanoseconds(status.st_ctim)};
}

std::vector<Signature> SignaturesOf(const std::vector<std::string>& files) {
  std::vector<Signature> found;
  std::ranges::transform(files, std::back_inserter(found), SignatureOf);
  return found;
}

}  // namespace

class FileWatch::Loop {
 public:
  Loop(UniqueFd inotify, EventFd quit, std::vector<std::string> files, std::int64_t since_ms,
       Read read)
      : inotify_(std::move(inotify)),
        quit_(std::move(quit)),
        read_(std::move(read)),
        since_ns_((since_ms - kClockStepMs) * kNsPerMs),
        files_(std::move(files)) {
    WatchDirectories();
    signatures_ = SignaturesOf(files_);
    thread_ = std::thread([this] { Run(); });
  }
  ~Loop() {
    quit_.Signal();
    thread_.join();
  }
  Loop(const Loop&) = delete;
  Loop& operator=(const Loop&) = delete;

 private:
  void WatchDirectories() {
    std::set<std::string> directories;
    for (const std::string& file : files_) {
      const std::filesystem::path parent = std::filesystem::path(file).parent_path();
      directories.insert(parent.empty() ? "." : parent.string());
    }
    // Adding again what is watched changes nothing; a directory that came back is watched again.
    // One that cannot be watched is looked at.
    for (const std::string& directory : directories) {
      ::inotify_add_watch(inotify_.get(), directory.c_str(), kEvents);
    }
  }

  void Drain() const {
    std::array<char, 4096> events{};
    while (::read(inotify_.get(), events.data(), events.size()) > 0) {
    }
  }

  // false: to end.
  [[nodiscard]] bool Wait(int timeout_ms, bool& has_events) const {
    std::array<pollfd, 2> fds = {{{quit_.fd(), POLLIN, 0}, {inotify_.get(), POLLIN, 0}}};
    const int ready = ::poll(fds.data(), fds.size(), timeout_ms);
    has_events = ready > 0 && fds[1].revents != 0;
    return ready < 0 ? errno == EINTR : fds[0].revents == 0;
  }

  void Run() {
    if (std::ranges::any_of(signatures_,
                            [&](const Signature& signature) {
                              return std::max(signature.changed_ns, signature.modified_ns) >=
                                     since_ns_;
                            }) &&
        !React()) {
      return;
    }
    bool has_events = false;
    while (Wait(kLookMs, has_events)) {
      while (has_events) {
        Drain();
        if (!Wait(kSettleMs, has_events)) {
          return;
        }
      }
      WatchDirectories();
      if (SignaturesOf(files_) != signatures_ && !React()) {
        return;
      }
    }
  }

  // Whether nothing was written a moment ago: whoever writes in several steps may not be done. A
  // time that lies ahead says nothing.
  [[nodiscard]] static bool IsSettled(const std::vector<Signature>& signatures) {
    const std::int64_t now = WallClockMs() * kNsPerMs;
    return std::ranges::none_of(signatures, [&](const Signature& signature) {
      return signature.modified_ns <= now && signature.modified_ns > now - kSettleMs * kNsPerMs;
    });
  }

  // Until it was read as a whole. false: to end.
  [[nodiscard]] bool React() {
    for (int round = 0; round < kMaxRounds; ++round) {
      const std::vector<std::string> files = files_;
      const std::vector<Signature> before = SignaturesOf(files);
      Reading reading = read_();
      files_ = std::move(reading.files);
      WatchDirectories();
      // Looked at once: what changes after it is seen by the event that comes with it.
      signatures_ = SignaturesOf(files_);
      if (files_ == files && signatures_ == before && IsSettled(before)) {
        reading.take();
        return true;
      }
      bool has_events = false;
      if (!Wait(kSettleMs, has_events)) {
        return false;
      }
      Drain();
    }
    signatures_.clear();  // it goes on changing: the next look is a change
    return true;
  }

  const UniqueFd inotify_;
  EventFd quit_;
  const Read read_;
  const std::int64_t since_ns_;
  std::vector<std::string> files_;
  std::vector<Signature> signatures_;
  std::thread thread_;
};

FileWatch::FileWatch(std::unique_ptr<Loop> loop) : loop_(std::move(loop)) {}
FileWatch::~FileWatch() = default;

Result<std::unique_ptr<FileWatch>> FileWatch::Start(std::vector<std::string> files,
                                                    std::int64_t since_ms, Read read) {
  UniqueFd inotify(::inotify_init1(IN_NONBLOCK | IN_CLOEXEC));
  if (!inotify.valid()) {
    return Error{ErrorCode::kResourceExhausted, "cannot watch files for changes", "",
                 "raise fs.inotify.max_user_instances", errno};
  }
  auto quit = EventFd::Create();
  if (!quit) {
    return std::move(quit).error();
  }
  return std::unique_ptr<FileWatch>(new FileWatch(std::make_unique<Loop>(
      std::move(inotify), *std::move(quit), std::move(files), since_ms, std::move(read))));
}

}  // namespace casemate
