// The control group hierarchies that this mount namespace shows, from /proc/self/mountinfo.
#pragma once

#include <cstddef>
#include <cstdio>
#include <string_view>

namespace casemate::launcher {

struct CgroupMount {
  char root[1024];   // which part of the hierarchy is mounted
  char point[1024];  // where
  bool v2 = false;
  unsigned controllers = 0;  // v1 only; bits of Controller
};

// Reads them one by one.
class CgroupMounts {
 public:
  CgroupMounts();
  ~CgroupMounts();
  CgroupMounts(const CgroupMounts&) = delete;
  CgroupMounts& operator=(const CgroupMounts&) = delete;

  bool Next(CgroupMount* mount);
  [[nodiscard]] int error() const { return error_; }

 private:
  std::FILE* file_;
  char* line_ = nullptr;
  std::size_t capacity_ = 0;
  int error_ = 0;
};

// Bits of Controller for names like "memory"; others are passed over.
unsigned ParseControllers(std::string_view text, char separator);

}  // namespace casemate::launcher
