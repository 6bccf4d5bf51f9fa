// FileWatch: calls back on a thread of its own when one of some files changes, appears or goes:
// inotify(7) on their directories, and a look every five seconds for what that does not tell (a
// link or directory on the way to them that is repointed). Calls back once for changes that come
// together, and takes nothing up that changed while it was read.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/result.h"

namespace casemate {

class FileWatch {
 public:
  // What was read: from which files, to be watched from then on, and what makes it count. `take` is
  // called only if they are still as they were read, and have been for a moment; else they are read
  // again.
  struct Reading {
    std::vector<std::string> files;
    std::function<void()> take;
  };
  using Read = std::function<Reading()>;
  // `read` reads the files anew. `since_ms` (WallClockMs): when they were first read; what changed
  // later is a change. Errors: kResourceExhausted when the kernel has no more inotify instances.
  static Result<std::unique_ptr<FileWatch>> Start(std::vector<std::string> files,
                                                  std::int64_t since_ms, Read read);
  // Waits for a callback that is running.
  ~FileWatch();
  FileWatch(const FileWatch&) = delete;
  FileWatch& operator=(const FileWatch&) = delete;

 private:
  class Loop;
  explicit FileWatch(std::unique_ptr<Loop> loop);
  std::unique_ptr<Loop> loop_;
};

}  // namespace casemate
