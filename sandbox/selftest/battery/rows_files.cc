// The host's files, writes outside the workspace, links that lead out of it.
#include "sandbox/selftest/battery/row.h"

namespace casemate::escape {
namespace {

Row Read(const std::string& name, const std::string& path) {
  return {.name = name,
          .attack = {"read_file", path},
          .expect = "blocked ENOENT",
          .control = {"read_file", "{marker}"}};
}

Row Write(const std::string& name, const std::string& path, const std::string& expect) {
  return {.name = name,
          .attack = {"write_file", path},
          .expect = expect,
          .control = {"write_file", "{dir}/home/written"}};
}

}  // namespace

std::vector<Row> FileRows() {
  std::vector<Row> rows = {
      Read("read the host's /tmp", "{marker}"),
      Read("read /etc/shadow", "/etc/shadow"),
      Read("read /root", "/root/.bashrc"),
      Read("read the state directory", "{dir}/state/casemate.db"),
      Read("read /dev/shm of the host", "{shm}"),
      Read("read /boot", "/boot"),
      Read("read /var/lib", "/var/lib/dpkg/status"),
      Read("symlink_out", "./link"),
      Read("climb by ..", "../../../../../{marker}"),
      {.name = "hard_link_out",
       .attack = {"hard_link_out", "/usr/bin/env", "./link2"},
       .expect = "blocked EXDEV",
       .control = {"hard_link_out", "{marker}", "{dir}/home/link2"}},
      Write("write /usr", "/usr/bin/casemate-escape", "blocked EROFS"),
      Write("write /usr/bin/env", "/usr/bin/env", "blocked EACCES"),
      Write("write /etc/passwd", "/etc/passwd", "blocked EROFS"),
      Write("write /etc/ld.so.preload", "/etc/ld.so.preload", "blocked EROFS"),
      Write("write the root directory", "/casemate-escape", "blocked EROFS"),
      Write("write /dev", "/dev/casemate-escape", "blocked EROFS"),
      Write("write /proc", "/proc/casemate-escape", "blocked ENOENT | blocked EACCES"),
      {.name = "touch a device of the host",
       .attack = {"touch", "/dev/null"},
       .expect = "blocked EROFS",
       .control = {"touch", "{dir}/marker"}},
      {.name = "touch /usr",
       .attack = {"touch", "/usr/bin/env"},
       .expect = "blocked EROFS",
       .control = {"touch", "{dir}/marker"}},
      {.name = "scratch leaves no residue",
       .attack = {"change_file", "./notes"},
       .expect = "succeeded",
       .place = Place::kScratch,
       .control = {"change_file", "{dir}/home/own"}},
      {.name = "inspect cannot write",
       .attack = {"write_file", "./notes"},
       .expect = "blocked EROFS",
       .place = Place::kInspect,
       .control = {"write_file", "{dir}/home/written"}},
      {.name = "inspect cannot create",
       .attack = {"write_file", "./new"},
       .expect = "blocked EROFS",
       .place = Place::kInspect,
       .control = {"write_file", "{dir}/home/written"}},
      {.name = "mountinfo names no other host path",
       .attack = {"mountinfo_leak", "{dir}/state"},
       .expect = "blocked absent",
       .control = {"mountinfo_leak", "/proc"}},
  };
  return rows;
}

}  // namespace casemate::escape
