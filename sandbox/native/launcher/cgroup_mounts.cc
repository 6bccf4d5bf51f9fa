#include "sandbox/native/launcher/cgroup_mounts.h"

#include <cstdlib>
#include <cstring>

#include "sandbox/native/launcher/cgroup.h"
#include "sandbox/native/launcher/syscalls.h"

namespace casemate::launcher {
namespace {

struct ControllerName {
  std::string_view name;
  unsigned bit;
};
constexpr ControllerName kControllers[] = {{"memory", kMemory},   {"pids", kPids}, {"cpu", kCpu},
                                           {"cpuacct", kCpuacct}, {"io", kIo},     {"blkio", kIo}};

// Blanks and backslashes come as \ooo.
void Unescape(char* text) {
  char* out = text;
  for (const char* in = text; *in != '\0'; ++out) {
    if (in[0] == '\\' && in[1] >= '0' && in[1] <= '3' && in[2] != '\0' && in[3] != '\0') {
      *out = static_cast<char>((in[1] - '0') * 64 + (in[2] - '0') * 8 + (in[3] - '0'));
      in += 4;
    } else {
      *out = *in++;
    }
  }
  *out = '\0';
}

bool ParseMount(const char* line, CgroupMount* mount) {
  char type[32];
  char options[1024];
  const char* tail = std::strstr(line, " - ");
  // NOLINTBEGIN(cert-err34-c): no numbers are read
  if (tail == nullptr ||
      std::sscanf(line, "%*s %*s %*s %1023s %1023s", mount->root, mount->point) != 2 ||
      std::sscanf(tail, " - %31s %*s %1023s", type, options) != 2) {
    return false;
  }
  // NOLINTEND(cert-err34-c)
  Unescape(mount->root);
  Unescape(mount->point);
  mount->v2 = std::strcmp(type, "cgroup2") == 0;
  mount->controllers = mount->v2 ? 0 : ParseControllers(options, ',');
  return mount->v2 || (std::strcmp(type, "cgroup") == 0 && mount->controllers != 0);
}

}  // namespace

unsigned ParseControllers(std::string_view text, char separator) {
  unsigned bits = 0;
  while (!text.empty()) {
    const std::size_t end = text.find(separator);
    const std::string_view name(text.data(), end == std::string_view::npos ? text.size() : end);
    for (const ControllerName& controller : kControllers) {
      bits |= name == controller.name ? controller.bit : 0;
    }
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
  }
  return bits;
}

CgroupMounts::CgroupMounts() : file_(std::fopen("/proc/self/mountinfo", "re")) {
  error_ = file_ == nullptr ? LastError() : 0;
}

CgroupMounts::~CgroupMounts() {
  std::free(line_);  // NOLINT(cppcoreguidelines-no-malloc): getline allocates
  if (file_ != nullptr) {
    static_cast<void>(std::fclose(file_));
  }
}

bool CgroupMounts::Next(CgroupMount* mount) {
  while (file_ != nullptr && ::getline(&line_, &capacity_, file_) > 0) {
    if (ParseMount(line_, mount)) {
      return true;
    }
  }
  return false;
}

}  // namespace casemate::launcher
