// A made-up /proc: processes with what the kernel would tell of them. Test-only.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "tests/unit/temp_dir.h"

namespace casemate::container::test {

inline constexpr std::string_view kId =
    "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";
inline constexpr std::int64_t kBootSeconds = 1'700'000'000;

struct FakeProcess {
  int pid = 0;
  int parent = 1;
  std::string name = "app";
  std::vector<std::string> arguments = {};
  char state = 'S';
  int uid = 0;
  int inner_pid = 0;
  std::string cgroup = "/docker/" + std::string(kId);
  std::string pid_namespace = {};  // empty: the link cannot be read
  std::vector<std::uint64_t> sockets = {};
  bool shows_files = true;
  std::uint64_t start_ticks = 1000;
};

class FakeProc {
 public:
  FakeProc() { Write("stat", "cpu  1 2 3 4\nbtime " + std::to_string(kBootSeconds) + "\n"); }

  [[nodiscard]] std::string path() const { return directory_.path(); }

  void Write(const std::string& name, std::string_view content) const {
    const std::filesystem::path file = directory_ / name;
    std::filesystem::create_directories(file.parent_path());
    std::ofstream(file, std::ios::binary) << content;
  }

  void Link(const std::string& name, const std::string& target) const {
    const std::filesystem::path link = directory_ / name;
    std::filesystem::create_directories(link.parent_path());
    std::filesystem::create_symlink(target, link);
  }

  void Add(const FakeProcess& process) const {
    const std::string at = std::to_string(process.pid) + "/";
    Write(at + "stat", std::to_string(process.pid) + " (" + process.name + ") " + process.state +
                           " " + std::to_string(process.parent) +
                           " 1 1 0 -1 4194560 1 0 0 0 150 50 0 0 20 0 1 0 " +
                           std::to_string(process.start_ticks) + " 1000000 256 0\n");
    std::string arguments;
    for (const std::string& argument : process.arguments) {
      arguments += argument + '\0';
    }
    Write(at + "cmdline", arguments);
    const std::string inner =
        process.inner_pid == 0 ? "" : "\t" + std::to_string(process.inner_pid);
    Write(at + "status", "Name:\t" + process.name + "\nUid:\t7\t" + std::to_string(process.uid) +
                             "\t7\t7\nNSpid:\t" + std::to_string(process.pid) + inner + "\n");
    Write(at + "cgroup", "0::" + process.cgroup + "\n");
    if (!process.pid_namespace.empty()) {
      Link(at + "ns/pid", process.pid_namespace);
    }
    if (process.shows_files) {
      std::filesystem::create_directories(directory_ / (at + "fd"));
      int fd = 3;
      for (const std::uint64_t inode : process.sockets) {
        Link(at + "fd/" + std::to_string(fd++), "socket:[" + std::to_string(inode) + "]");
      }
    }
  }

 private:
  casemate::testing::TempDir directory_;
};

inline const std::string kInternetHeading =
    "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout "
    "inode\n";

// A row of net/tcp or net/udp; `local` as the kernel writes it ("0100007F:1F90").
inline std::string InternetRow(const std::string& local, const std::string& state, int uid,
                               std::uint64_t inode) {
  const std::string remote = std::string(local.find(':'), '0') + ":0000";
  return "   0: " + local + " " + remote + " " + state +
         " 00000000:00000000 00:00000000 00000000  " + std::to_string(uid) + "        0 " +
         std::to_string(inode) + " 1 000000008e605cc3 100 0 0 10 0\n";
}

}  // namespace casemate::container::test
