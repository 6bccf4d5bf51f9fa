#include "sandbox/container/init/control.h"

#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <cstddef>
#include <cstdio>
#include <cstring>

#include "sandbox/container/init/child.h"

namespace casemate::container::init {
namespace {

constexpr int kBacklog = 16;
constexpr int kClientSeconds = 5;

struct Address {
  sockaddr_un name{};
  socklen_t size = 0;
};

// FNV-1a: tells configurations of one container apart, no more.
std::uint64_t Digest(const char* text) {
  std::uint64_t digest = 0xcbf29ce484222325;
  for (; *text != '\0'; ++text) {
    digest = (digest ^ static_cast<unsigned char>(*text)) * 0x100000001b3;
  }
  return digest;
}

Address AddressOf(const char* path) {
  struct stat facts{};
  // Without /proc the name is less particular; who answers is checked all the same.
  if (stat("/proc/self/ns/mnt", &facts) != 0) {
    facts.st_ino = 0;
  }
  Address address;
  address.name.sun_family = AF_UNIX;
  // The first byte stays zero: abstract.
  const int length = snprintf(
      address.name.sun_path + 1, sizeof address.name.sun_path - 1, "casemate-init/%llu/%016llx",
      static_cast<unsigned long long>(facts.st_ino), static_cast<unsigned long long>(Digest(path)));
  address.size = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + 1 +
                                        static_cast<std::size_t>(length));
  return address;
}

bool PeerOf(int connection, ucred& peer) {
  socklen_t size = sizeof peer;
  return getsockopt(connection, SOL_SOCKET, SO_PEERCRED, &peer, &size) == 0 && size == sizeof peer;
}

// false where /proc does not tell, as it does not of other users without CAP_SYS_PTRACE.
bool SharesOurFiles(pid_t pid) {
  char path[64];
  struct stat theirs{};
  struct stat ours{};
  (void)snprintf(path, sizeof path, "/proc/%d/ns/mnt", pid);
  return stat(path, &theirs) == 0 && stat("/proc/self/ns/mnt", &ours) == 0 &&
         theirs.st_dev == ours.st_dev && theirs.st_ino == ours.st_ino;
}

bool IsBelieved(const ucred& peer) {
  // A process id of zero is a process that our namespace does not have.
  if (peer.pid <= 0) {
    return false;
  }
  if (peer.uid == geteuid() || peer.uid == 0) {
    return true;
  }
  return geteuid() == 0 && (peer.pid == 1 || SharesOurFiles(peer.pid));
}

// -1 with errno.
int Reach(const char* path) {
  const int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
  if (fd < 0) {
    return -1;
  }
  const timeval limit{kClientSeconds, 0};
  const Address address = AddressOf(path);
  if (setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit) != 0 ||
      setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit) != 0 ||
      connect(fd, reinterpret_cast<const sockaddr*>(&address.name), address.size) != 0) {
    const int err = errno;
    close(fd);
    errno = err;
    return -1;
  }
  ucred peer{};
  const bool is_believed = PeerOf(fd, peer) && IsBelieved(peer);
  if (!is_believed) {
    close(fd);
    errno = EPERM;
    return -1;
  }
  return fd;
}

const char* WordOf(Health health) {
  switch (health) {
    case Health::kHealthy:
      return "healthy";
    case Health::kStarting:
      return "starting";
    case Health::kUnhealthy:
      break;
  }
  return "unhealthy";
}

void Print(bool wants_health, const Report& report) {
  if (wants_health) {
    (void)printf("%s %s %s\n", report.name, WordOf(report.health), report.why);
    return;
  }
  char pid[16] = "-";
  char last[16] = "-";
  if (report.pid > 0) {
    (void)snprintf(pid, sizeof pid, "%d", report.pid);
  }
  if (report.last_code >= 0) {
    (void)snprintf(last, sizeof last, "%d", report.last_code);
  }
  (void)printf("%s %s pid=%s restarts=%d last_exit=%s %s\n", report.name, report.state, pid,
               report.restarts, last, WordOf(report.health));
}

bool IsWhole(const Report& report, int index) {
  return report.magic == kReportMagic && report.index == index && report.count > index &&
         report.count <= kMaxApps && memchr(report.name, 0, sizeof report.name) != nullptr &&
         memchr(report.state, 0, sizeof report.state) != nullptr &&
         memchr(report.why, 0, sizeof report.why) != nullptr;
}

}  // namespace

int ListenControl(const char* path) {
  const int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  const Address address = AddressOf(path);
  if (fd >= 0 && bind(fd, reinterpret_cast<const sockaddr*>(&address.name), address.size) == 0 &&
      listen(fd, kBacklog) == 0) {
    return fd;
  }
  const int err = errno;
  if (fd >= 0) {
    close(fd);
  }
  errno = err;
  return -1;
}

int AcceptControl(int listening) {
  const int fd = accept4(listening, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC);
  if (fd < 0) {
    return -1;
  }
  ucred peer{};
  if (PeerOf(fd, peer) && (peer.uid == geteuid() || peer.uid == 0)) {
    return fd;
  }
  close(fd);
  errno = EPERM;
  return -1;
}

bool SendReport(int connection, const Report& report) {
  return send(connection, &report, sizeof report, MSG_NOSIGNAL | MSG_DONTWAIT) == sizeof report;
}

int ShowMode(bool wants_health, const char* path, const char* only) {
  const int fd = Reach(path);
  if (fd < 0) {
    (void)fprintf(stderr, "casemate-init: no init of %s answers: %s\n", path,
                  strerrordesc_np(errno));
    return 1;
  }
  bool is_found = false;
  bool is_healthy = true;
  int index = 0;
  int count = 1;
  for (; index < count; ++index) {
    Report report;
    if (recv(fd, &report, sizeof report, 0) != sizeof report || !IsWhole(report, index)) {
      break;
    }
    count = report.count;
    if (only == nullptr || std::strcmp(only, report.name) == 0) {
      is_found = true;
      is_healthy = is_healthy && report.health == Health::kHealthy;
      Print(wants_health, report);
    }
  }
  close(fd);
  if (index < count) {
    (void)fprintf(stderr, "casemate-init: the answer was cut off\n");
    return 1;
  }
  if (!is_found) {
    (void)fprintf(stderr, "casemate-init: no application has this name\n");
    return 1;
  }
  const bool is_written = fflush(stdout) == 0;
  return is_written && (!wants_health || is_healthy) ? 0 : 1;
}

}  // namespace casemate::container::init
