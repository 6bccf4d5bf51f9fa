// SharedReport: one page of memory that the launcher shares with one sandbox's set-up code and
// init, so that progress, the failed step and the command's wait status survive whatever way they
// die, without a pipe to drain. The confined command never sees it: exec drops the mapping, and
// init is neither dumpable nor traceable. Owned by the launcher's run slot; the child only borrows
// it.
#pragma once

#include <sys/mman.h>

#include <atomic>
#include <cstdint>
#include <utility>

#include "sandbox/native/launcher/syscalls.h"
#include "sandbox/native/launcher/wire.h"

namespace casemate::launcher {

namespace wire = sandbox::wire;

struct SharedReport {
  std::atomic<std::uint32_t> released;  // futex: 1 when the id maps are written
  wire::Stage stage;                    // step in progress
  std::uint32_t failed;                 // 1: `stage` failed with `sys_errno`
  std::int32_t sys_errno;
  std::uint32_t layers;
  std::uint32_t landlock_abi;
  std::int32_t landlock_errno;
  std::int32_t proc_errno;
  std::uint32_t command_ended;
  std::int32_t wait_status;
  std::uint64_t cpu_us;                  // of all that ran, once all_gone is set
  std::uint64_t max_memory_kb;           // of the largest process, likewise
  std::atomic<std::uint32_t> all_gone;   // 1: the command and all that it started have ended
  std::atomic<std::uint32_t> terminate;  // 1: the launcher asked init to end everything
};

class SharedReportPage {
 public:
  SharedReportPage() = default;
  SharedReportPage(const SharedReportPage&) = delete;
  SharedReportPage& operator=(const SharedReportPage&) = delete;
  ~SharedReportPage() { Reset(); }

  int Make() {
    Reset();
    void* memory =
        ::mmap(nullptr, kBytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED) {
      return LastError();
    }
    report_ = static_cast<SharedReport*>(memory);
    return 0;
  }
  // Later children must not inherit it: one sandbox never reaches another one's report.
  int HideFromLaterChildren() { return ErrorOf(::madvise(report_, kBytes, MADV_DONTFORK)); }
  void Reset() {
    if (report_ != nullptr) {
      ::munmap(report_, kBytes);
      report_ = nullptr;
    }
  }
  [[nodiscard]] SharedReport* get() const { return report_; }

 private:
  static constexpr std::size_t kBytes = 4096;
  SharedReport* report_ = nullptr;
};

}  // namespace casemate::launcher
