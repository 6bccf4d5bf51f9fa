// RunSpool: takes a running command's output as it comes and holds all of it, up to a limit: first
// in memory, then in the files <directory>/<id>/stdout and stderr (0700, 0600). What was not kept
// by the end is deleted. One writer, any number of readers; thread-safe.
#pragma once

#include <array>
#include <cstdint>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"
#include "base/unique_fd.h"
#include "sandbox/native/runner.h"

namespace casemate::tools {

// 128 random bits as 26 characters of lower-case base32 (RFC 4648): names a run and its job.
std::string NewRunId();
// Whether `text` has the form of an id. What has not never becomes part of a path.
[[nodiscard]] bool IsRunId(std::string_view text);

// "stdout", "stderr": in URIs, arguments and file names.
std::string_view StreamName(sandbox::Stream stream);
std::optional<sandbox::Stream> StreamFromName(std::string_view name);

// A part of a stream.
struct OutputSlice {
  std::string bytes;
  std::uint64_t total = 0;  // bytes that are there, at this moment
};
// Up to `limit` bytes from `offset` on of the file open as `fd`.
Result<std::string> ReadRange(int fd, std::uint64_t offset, std::uint64_t limit);

struct SpoolLimits {
  std::size_t memory_bytes = std::size_t{64} << 10;  // of each stream, before there are files
  std::uint64_t max_stream_bytes = std::uint64_t{64} << 20;  // the rest is dropped, and counted
};

class RunSpool : public sandbox::OutputSink {
 public:
  // Touches no disk yet. `untrusted`: the output comes from outside of its caller's workspace.
  RunSpool(std::string directory, std::string id, std::string owner, bool untrusted,
           SpoolLimits limits);
  ~RunSpool() override;
  RunSpool(const RunSpool&) = delete;
  RunSpool& operator=(const RunSpool&) = delete;

  // Never fails: a full disk shows in Flush, and the command goes on.
  void OnOutput(sandbox::Stream stream, std::string_view bytes) override;
  // Puts what is still in memory into the files. Errors: what went wrong at any time before.
  Result<void> Flush();
  // The files stay; call once they are registered.
  void Keep();
  Result<OutputSlice> Read(sandbox::Stream stream, std::uint64_t offset, std::uint64_t limit) const;

  [[nodiscard]] const std::string& id() const { return id_; }
  [[nodiscard]] const std::string& owner() const { return owner_; }
  [[nodiscard]] bool untrusted() const { return untrusted_; }
  // Bytes held, and bytes beyond the limit.
  [[nodiscard]] std::uint64_t held(sandbox::Stream stream) const;
  [[nodiscard]] std::uint64_t dropped(sandbox::Stream stream) const;

 private:
  struct Kept {
    std::string memory;  // what is not in the file yet
    UniqueFd file;
    std::uint64_t in_file = 0;
    std::uint64_t dropped = 0;
  };
  Kept& Of(sandbox::Stream stream) {
    return streams_.at(stream == sandbox::Stream::kStdout ? 0 : 1);
  }
  [[nodiscard]] const Kept& Of(sandbox::Stream stream) const {
    return streams_.at(stream == sandbox::Stream::kStdout ? 0 : 1);
  }
  Result<void> Open();
  Result<void> MakeDirectory();
  void Spill(Kept& kept);
  void Fail(Error error);
  void RemoveFiles();

  const std::string path_;  // of this run's own directory
  const std::string id_;
  const std::string owner_;
  const bool untrusted_;
  const SpoolLimits limits_;
  mutable std::mutex mutex_;
  std::array<Kept, 2> streams_;  // guarded by mutex_, as are all below
  UniqueFd lock_;                // the directory, flock(2)ed: it belongs to a living run
  std::optional<Error> failed_;
  bool kept_ = false;
};

}  // namespace casemate::tools
