// How SQLite reaches its files: as its own way for Unix does, with two differences. The write-ahead
// log grows in large steps, which costs less to sync. And a database is opened by the very path
// that was given: SQLite's own way follows every link on it, which leads back through directories
// that this process may not enter, where the path begins at an open one (/proc/self/fd/N).
#pragma once

namespace casemate {

// While one lives, the next commit of this thread into a write-ahead log only begins to bring it to
// disk: it may not survive a loss of power before the log is synced (Store::Sync). `log_fd`: the
// same file; -1: commits are as they always are.
class SyncLater {
 public:
  explicit SyncLater(int log_fd);
  ~SyncLater();
  SyncLater(const SyncLater&) = delete;
  SyncLater& operator=(const SyncLater&) = delete;
};

// Whether a sync of a write-ahead log has failed since the last ForgetFailedSync, in this process.
// The kernel says so once only: a later sync may succeed though what it should have written is
// lost.
bool HasFailedSync();
void ForgetFailedSync();
void RememberFailedSync();

// The name to open databases with; null when SQLite has no ways at all, which is its default then.
const char* PlainVfs();

}  // namespace casemate
