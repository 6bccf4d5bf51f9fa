// LivePolicy: the policy in force, replaced as a whole when its files change. A new one is read,
// checked and tested beside the old; only then does it take over, for the calls that come after.
// One that fails leaves the last good one in force and says so. Thread-safe; a call is judged by
// one policy from beginning to end.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "base/file_watch.h"
#include "base/result.h"
#include "policies/engine/policy_engine.h"

namespace casemate::policies {

struct LoadedPolicy {
  std::shared_ptr<const PolicyEngine> engine;
  std::vector<std::string> files;  // that it was read from; none: it never changes
  std::int64_t read_ms = 0;        // WallClockMs when reading began
};

class LivePolicy final : public PolicyEngine {
 public:
  // Reads the policy anew. `files` is to be set on failure too: they are watched for the mending.
  using Loader =
      std::function<Result<std::shared_ptr<const PolicyEngine>>(std::vector<std::string>& files)>;
  struct Status {
    std::string revision;
    std::string commit;
    std::int64_t reloads = 0;            // that took over
    std::int64_t failures = 0;           // that did not
    std::optional<std::string> problem;  // of the last one, if it failed
    std::int64_t loaded_ms = 0;          // WallClockMs of the last that did not, or of the first
  };
  // Told at once, with a problem and no failures, when the files cannot be read now. Told of each
  // reload that made a difference, on the watching thread: `changed` when another policy is in
  // force.
  using Observer = std::function<void(const Status& status, bool changed)>;

  // The first reading was done by others; `loader` does the next ones.
  LivePolicy(LoadedPolicy first, Loader loader)
      : loader_(std::move(loader)),
        files_(std::move(first.files)),
        read_ms_(first.read_ms),
        current_(std::move(first.engine)) {
    status_.loaded_ms = read_ms_;
  }
  // The first reading, which must succeed.
  static Result<std::unique_ptr<LivePolicy>> Load(Loader loader);
  // From here on changes are followed. Call once; does nothing for a policy without files.
  Result<void> Follow(Observer observer);
  // Ends following; no observer is called afterwards.
  void StopFollowing() { watch_.reset(); }

  [[nodiscard]] Decision Decide(const PolicyInput& input) const override;
  [[nodiscard]] bool MayEverAllow(const std::string& tool,
                                  const Principal& principal) const override;
  [[nodiscard]] std::string revision() const override { return current()->revision(); }
  [[nodiscard]] std::string commit() const override { return current()->commit(); }
  [[nodiscard]] nlohmann::json Explain(const PolicyInput& input) const override;
  // What is in force now; stays whole as long as it is held.
  [[nodiscard]] std::shared_ptr<const PolicyEngine> current() const;
  // How following goes, with the revision and commit of what is in force now.
  [[nodiscard]] Status status() const;

 private:
  FileWatch::Reading ReadAgain();
  void Take(const std::vector<std::string>& files,
            const Result<std::shared_ptr<const PolicyEngine>>& loaded);
  Status Settle(Status status, std::shared_ptr<const PolicyEngine> now);

  const Loader loader_;
  Observer observer_;
  std::vector<std::string> files_;  // of the last reading; of the watching thread
  const std::int64_t read_ms_;
  mutable std::mutex mutex_;
  std::shared_ptr<const PolicyEngine> current_;  // guarded by mutex_
  Status status_;                                // likewise; only the watching thread changes it
  std::unique_ptr<FileWatch> watch_;             // last: its thread uses all of the above
};

}  // namespace casemate::policies
