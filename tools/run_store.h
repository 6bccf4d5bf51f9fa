// RunStore: the full output of runs whose reply was cut, and of background runs. Files in
// <state>/runs/<id>/, facts in the database; kept by count, age and size, pruned at start and after
// each addition. Several servers share one directory: a run in progress holds flock(2) on its own
// directory, and only directories without a lock and without a row are removed. Thread-safe.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "base/store/store.h"
#include "tools/changes.h"
#include "tools/run_spool.h"

namespace casemate::tools {

struct RunStoreOptions {
  std::string directory;  // "<state_dir>/runs"
  SpoolLimits spool{};
  std::int64_t max_runs = 200;
  std::int64_t max_age_ms = std::int64_t{7} * 24 * 3600 * 1000;
  std::int64_t max_total_bytes = std::int64_t{1} << 30;
};

struct StoredRun {
  std::string id;
  std::int64_t created_ms = 0;
  std::int64_t stdout_bytes = 0;  // kept, not written
  std::int64_t stderr_bytes = 0;
  std::string result;  // JSON
};

// What is known of a run before anything of it is shown.
struct RunLabel {
  bool own = false;  // it is the asking principal's
  bool untrusted =
      false;  // its output comes from outside of its owner's workspace; false unless own
};

class RunStore {
 public:
  // Removes what crashed runs left and what is too old. Borrows `store` and `changes` (may be
  // null).
  static Result<std::unique_ptr<RunStore>> Open(Store& store, RunStoreOptions options,
                                                Changes* changes);

  // The spool of a run that begins; it can be read through this store from now on. `untrusted`: as
  // of RunLabel, and stays with the run.
  std::shared_ptr<RunSpool> Begin(std::string id, std::string owner, bool untrusted);
  // Registers a run that ended, with its result as JSON, and keeps its files. The spool must have
  // been flushed. On error nothing is kept.
  Result<void> Keep(RunSpool& spool, std::string_view result);

  // All below: only what belongs to `owner`; kNotFound for everything else.
  // Tells whoever watches the output of this run that there is more, or, `at_end`, all of it.
  void NotifyOutput(const std::string& id, sandbox::Stream stream, bool at_end) const;
  [[nodiscard]] std::vector<StoredRun> Newest(std::string_view owner, std::int64_t count) const;
  [[nodiscard]] Result<StoredRun> Find(std::string_view id, std::string_view owner) const;
  // Of a run in progress in this process, or of one that is kept.
  [[nodiscard]] Result<OutputSlice> Read(std::string_view id, std::string_view owner,
                                         sandbox::Stream stream, std::uint64_t offset,
                                         std::uint64_t limit) const;
  // nullopt: no such run.
  [[nodiscard]] std::optional<RunLabel> LabelOf(std::string_view id, std::string_view owner) const;
  [[nodiscard]] std::vector<std::string> Complete(std::string_view prefix,
                                                  std::string_view owner) const;

 private:
  RunStore(Store& store, RunStoreOptions options, Changes* changes)
      : store_(store), options_(std::move(options)), changes_(changes) {}
  Result<void> Insert(const RunSpool& spool, std::string_view result);
  // Removes rows beyond the limits, then their files; never the one that was `just_kept`.
  Result<void> Prune(std::string_view just_kept = "");
  void AnnounceList(const std::string& owner) const;
  void SweepOrphans();
  [[nodiscard]] bool HasRow(const std::string& id) const;
  void RemoveFiles(const std::string& id) const;
  [[nodiscard]] std::shared_ptr<RunSpool> Live(std::string_view id) const;

  Store& store_;
  const RunStoreOptions options_;
  Changes* const changes_;
  mutable std::mutex mutex_;
  std::map<std::string, std::weak_ptr<RunSpool>, std::less<>> live_;  // guarded by mutex_
};

}  // namespace casemate::tools
