#include "base/store/vfs.h"

#include <fcntl.h>

#include <algorithm>
#include <atomic>
#include <cstring>
#include <utility>
#include <vector>

#include <sqlite3.h>

namespace casemate {
namespace {

constexpr const char* kName = "casemate";

int FullPathname(sqlite3_vfs* /*vfs*/, const char* name, int size, char* full) {
  const std::size_t length = std::strlen(name);
  if (name[0] != '/' || length >= static_cast<std::size_t>(size)) {
    return SQLITE_CANTOPEN;
  }
  std::memcpy(full, name, length + 1);
  return SQLITE_OK;
}

// The write-ahead log grows by this much at a time. To sync a write into blocks that are written
// already takes 0.3 ms where it takes 0.5 ms to sync one that makes the file longer (ext4).
constexpr sqlite3_int64 kLogStep = 256LL * 1024;
constexpr int kMostAtOnce = 64 * 1024;  // SQLite's own writes are never over 128 KiB

sqlite3_io_methods standard_log;  // as SQLite's own VFS has them

// Zeros are no frames to SQLite: their salt and checksum do not fit. Only the writer of a
// transaction gets here. When it fails, the log grows as it would otherwise.
void Grow(sqlite3_file* log, sqlite3_int64 end) {
  sqlite3_int64 size = 0;
  if (standard_log.xFileSize(log, &size) != SQLITE_OK || end <= size) {
    return;
  }
  static const std::vector<char> zeros(kMostAtOnce);
  for (const sqlite3_int64 wanted = (end / kLogStep + 1) * kLogStep; size < wanted;) {
    const auto bytes = static_cast<int>(std::min<sqlite3_int64>(wanted - size, kMostAtOnce));
    if (standard_log.xWrite(log, zeros.data(), bytes, size) != SQLITE_OK) {
      return;
    }
    size += bytes;
  }
}

// What SyncLater wants of this thread. A log that begins anew is synced at once, lest old pages be
// found behind a header that is not on disk; and so it is whenever the commit goes on to copy pages
// into the database.
thread_local int later_fd = -1;
thread_local bool is_new_header = false;

int WriteLog(sqlite3_file* log, const void* data, int bytes, sqlite3_int64 offset) {
  Grow(log, offset + bytes);
  is_new_header = is_new_header || offset == 0;
  return standard_log.xWrite(log, data, bytes, offset);
}

std::atomic<bool> has_failed_sync = false;

int SyncLog(sqlite3_file* log, int flags) {
  if (std::exchange(is_new_header, false) || later_fd < 0) {
    const int code = standard_log.xSync(log, flags);
    if (code != SQLITE_OK) {
      has_failed_sync = true;
    }
    return code;
  }
  // Only a hint: Store::Sync waits for all of it, and fails if it fails.
  static_cast<void>(sync_file_range(std::exchange(later_fd, -1), 0, 0, SYNC_FILE_RANGE_WRITE));
  return SQLITE_OK;
}

int Open(sqlite3_vfs* vfs, const char* name, sqlite3_file* file, int flags, int* out_flags) {
  const int code = sqlite3_vfs_find("unix")->xOpen(vfs, name, file, flags, out_flags);
  if (code == SQLITE_OK && (flags & SQLITE_OPEN_WAL) != 0) {
    static const sqlite3_io_methods growing = [&] {
      standard_log = *file->pMethods;
      sqlite3_io_methods methods = standard_log;
      methods.xWrite = WriteLog;
      methods.xSync = SyncLog;
      return methods;
    }();
    file->pMethods = &growing;
  }
  return code;
}

const char* Register() {
  const sqlite3_vfs* standard = sqlite3_vfs_find("unix");
  if (standard == nullptr) {
    return nullptr;
  }
  static sqlite3_vfs plain = *standard;
  plain.xOpen = Open;
  plain.zName = kName;
  plain.pNext = nullptr;
  plain.xFullPathname = FullPathname;
  return sqlite3_vfs_register(&plain, 0) == SQLITE_OK ? kName : nullptr;
}

}  // namespace

bool HasFailedSync() {
  return has_failed_sync;
}

void ForgetFailedSync() {
  has_failed_sync = false;
}

void RememberFailedSync() {
  has_failed_sync = true;
}

SyncLater::SyncLater(int log_fd) {
  later_fd = log_fd;
}

SyncLater::~SyncLater() {
  later_fd = -1;
}

const char* PlainVfs() {
  static const char* const name = Register();
  return name;
}

}  // namespace casemate
