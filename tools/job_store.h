// JobStore: the jobs of all servers on one state directory, in the database. Rows outlive their
// server: what a dead one left unfinished becomes failed, with that reason. Thread-safe; safe for
// concurrent processes.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "base/store/store.h"
#include "tools/job.h"

namespace casemate::tools {

struct JobStoreOptions {
  std::int64_t max_jobs = 500;  // ended ones beyond this are forgotten, oldest first
  std::int64_t ttl_ms = std::int64_t{7} * 24 * 3600 * 1000;
};

class JobStore {
 public:
  using IsAlive = std::function<bool(const std::string& incarnation)>;

  // Marks the jobs of dead incarnations as failed and forgets old ones. Borrows `store`.
  static Result<std::unique_ptr<JobStore>> Open(Store& store, std::string incarnation,
                                                IsAlive is_alive, JobStoreOptions options = {});

  // A new row; sets its ttl_ms. Once this returns the job survives us.
  Result<void> Insert(JobView& job);
  // Writes status, message and result of a job of this incarnation that has not ended.
  Result<void> Update(const JobView& job);

  struct Found {
    JobView job;
    bool ours = false;  // of this incarnation
  };
  // Errors: kNotFound, also for what belongs to another owner. A job whose server died
  // meanwhile is found failed. `questions` are empty: only its own process knows them.
  Result<Found> Find(std::string_view id, std::string_view owner);
  Result<std::vector<std::string>> Complete(std::string_view prefix, std::string_view owner);

 private:
  JobStore(Store& store, std::string incarnation, IsAlive is_alive, JobStoreOptions options)
      : store_(store),
        incarnation_(std::move(incarnation)),
        is_alive_(std::move(is_alive)),
        options_(options) {}
  // Fails all unfinished jobs of incarnations that are dead.
  Result<void> FailDead();
  Result<void> FailJobsOf(const std::string& incarnation);
  Result<void> Prune();

  Store& store_;
  const std::string incarnation_;
  const IsAlive is_alive_;
  const JobStoreOptions options_;
};

}  // namespace casemate::tools
