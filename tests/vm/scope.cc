// casemate_scope PROGRAM ARGUMENT…: runs a program in a control group (v2) of its own that is
// marked as delegated, as `systemd-run --scope -p Delegate=yes` does. As an ordinary user the
// present group must have been handed to that user.
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <cstdio>
#include <cstring>
#include <fstream>
#include <iostream>
#include <string>

namespace {

// "/sys/fs/cgroup" and the present group, without the last part for an ordinary user: a group with
// processes can have no controllers in the groups below it.
std::string ParentGroup() {
  std::ifstream own("/proc/self/cgroup");
  std::string line;
  std::getline(own, line);  // "0::/path"
  std::string path = line.substr(line.rfind(':') + 1);
  if (geteuid() == 0) {
    path.clear();
  } else {
    path.erase(path.rfind('/'));
  }
  return "/sys/fs/cgroup" + path;
}

int Fail(const std::string& what) {
  std::cerr << "casemate_scope: " << what << ": " << std::strerror(errno) << '\n';
  return 125;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 2) {
    std::cerr << "usage: casemate_scope PROGRAM ARGUMENT...\n";
    return 125;
  }
  const std::string group = ParentGroup() + "/scope-" + std::to_string(getpid());
  if (mkdir(group.c_str(), 0755) != 0) {
    return Fail(group);
  }
  if (geteuid() == 0 && setxattr(group.c_str(), "user.delegate", "1", 1, 0) != 0) {
    return Fail(group + ": user.delegate");
  }
  std::ofstream procs(group + "/cgroup.procs");
  procs << getpid() << std::flush;
  if (!procs) {
    return Fail(group + "/cgroup.procs");
  }
  execv(argv[1], argv + 1);
  return Fail(argv[1]);
}
