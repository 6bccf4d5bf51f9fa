#include "sandbox/selftest/battery/host.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <grp.h>
#include <ifaddrs.h>
#include <mqueue.h>
#include <netinet/in.h>
#include <sched.h>
#include <sys/ipc.h>
#include <sys/mount.h>
#include <sys/shm.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstddef>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <stdexcept>

#include "sandbox/selftest/battery/process.h"

namespace casemate::escape {
namespace fs = std::filesystem;
namespace {

std::string FromEnvironment(const char* name, const fs::path& fallback) {
  const char* value = std::getenv(name);
  const fs::path path = value != nullptr ? fs::path(value) : fallback;
  if (!fs::exists(path)) {
    throw std::runtime_error(std::string(name) + ": no such program: " + path.string());
  }
  return path.string();
}

std::string ReadAll(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  std::ostringstream text;  // in blocks: a program with sanitizers is hundreds of megabytes
  text << file.rdbuf();
  return std::move(text).str();
}

void BecomeUser(uid_t id) {
  if (setgroups(0, nullptr) != 0 || setresgid(id, id, id) != 0 || setresuid(id, id, id) != 0) {
    FailErrno("cannot become the ordinary user");
  }
}

std::vector<std::string> MountTable() {
  std::ifstream file("/proc/self/mountinfo");
  std::vector<std::string> table;
  std::string line;
  while (std::getline(file, line)) {
    table.push_back(line);
  }
  std::sort(table.begin(), table.end());
  return table;
}

// A mount namespace of our own, in which mounts are shared where they were: what a sandbox mounts
// on its host shows, what other programs mount does not.
bool EnterOwnMounts() {
  const std::vector<std::string> before = MountTable();
  if (unshare(CLONE_NEWNS) != 0 ||
      mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0) {
    return false;
  }
  for (const std::string& line : before) {
    std::istringstream fields(line);
    std::string point;
    for (int i = 0; i < 5; ++i) {
      fields >> point;  // the fifth field is the mount point
    }
    if (line.find(" shared:") != std::string::npos) {
      mount(nullptr, point.c_str(), nullptr, MS_SHARED, nullptr);
    }
  }
  return true;
}

UniqueFd Bound(int domain, int type, const sockaddr* address, socklen_t size) {
  UniqueFd fd(socket(domain, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!fd.valid() || bind(fd.get(), address, size) != 0) {
    return UniqueFd();
  }
  if (type == SOCK_STREAM && listen(fd.get(), 16) != 0) {
    return UniqueFd();
  }
  return fd;
}

UniqueFd BoundTcp4() {
  sockaddr_in any{};
  any.sin_family = AF_INET;
  return Bound(AF_INET, SOCK_STREAM, reinterpret_cast<const sockaddr*>(&any), sizeof any);
}

std::string PortOf(const UniqueFd& fd) {
  if (!fd.valid()) {
    FailErrno("cannot listen on IPv4");
  }
  sockaddr_in6 address{};
  socklen_t size = sizeof address;
  getsockname(fd.get(), reinterpret_cast<sockaddr*>(&address), &size);
  return std::to_string(ntohs(address.sin6_port));  // at the same place in sockaddr_in
}

UniqueFd BoundUnix(const std::string& name) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::memcpy(address.sun_path, name.data(), name.size());
  return Bound(AF_UNIX, SOCK_STREAM, reinterpret_cast<const sockaddr*>(&address),
               static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + name.size()));
}

// An IPv4 address of this machine that is not loopback; loopback's when there is none.
std::string OutwardAddress() {
  ifaddrs* list = nullptr;
  std::string found = "127.0.0.1";
  if (getifaddrs(&list) != 0) {
    return found;
  }
  for (const ifaddrs* entry = list; entry != nullptr; entry = entry->ifa_next) {
    if (entry->ifa_addr == nullptr || entry->ifa_addr->sa_family != AF_INET) {
      continue;
    }
    std::array<char, INET_ADDRSTRLEN> text{};
    sockaddr_in address{};
    std::memcpy(&address, entry->ifa_addr, sizeof address);
    inet_ntop(AF_INET, &address.sin_addr, text.data(), text.size());
    if (std::strncmp(text.data(), "127.", 4) != 0) {
      found = text.data();
    }
  }
  freeifaddrs(list);
  return found;
}

// What came and went between two sorted lists, of which the newer one is kept.
std::string TakeChange(std::vector<std::string>& before, std::vector<std::string> now) {
  std::string change;
  const auto tell = [&change](const char* sign, const auto& some, const auto& others) {
    for (const std::string& line : some) {
      if (!std::binary_search(others.begin(), others.end(), line)) {
        change += std::string("\n    ") + sign + line;
      }
    }
  };
  tell("- ", before, now);
  tell("+ ", now, before);
  before = std::move(now);
  return change;
}

}  // namespace

Host::Host(std::optional<uid_t> user) : Host() {
  const fs::path here = fs::read_symlink("/proc/self/exe").parent_path();
  original_ = FromEnvironment("CASEMATE_BIN", here.parent_path().parent_path() / "casemate");
  const std::string probe = FromEnvironment("CASEMATE_ATTACK_BIN", here / "casemate_attack");
  MakeDirectory();
  MakeFiles(probe);
  MakePrivilegedFiles();
  watches_mounts_ = EnterOwnMounts();
  if (user.has_value()) {
    for (const char* owned : {"", "/bin", "/home", "/home/own", "/state", "/roots",
                              "/roots/workspace", "/marker", "/roots/workspace/notes"}) {
      if (chown((directory_ + owned).c_str(), *user, *user) != 0) {
        FailErrno("chown");
      }
    }
    BecomeUser(*user);
  }
  root_ = geteuid() == 0;
  TryPrograms();
  Listen();
  ShareMemory();
  mounts_ = MountTable();
  workspace_entries_ = WorkspaceEntries();
  casemate_bytes_ = ReadAll(casemate());
}

Host::~Host() {
  if (shared_memory_ >= 0) {
    shmctl(shared_memory_, IPC_RMID, nullptr);
  }
  if (directory_.empty()) {
    return;
  }
  mq_unlink(("/" + names_["name"]).c_str());
  std::error_code ignored;
  for (const std::string& made : {names_["shm"], names_["shmdir"], directory_}) {
    fs::remove_all(made, ignored);
  }
}

void Host::MakeDirectory() {
  umask(022);
  const char* given = std::getenv("TMPDIR");
  const fs::path parent = given == nullptr || *given == '\0' ? "/tmp" : given;
  if (!fs::is_directory(parent)) {
    throw std::runtime_error("TMPDIR: expected a directory, got " + parent.string());
  }
  std::string directory = fs::canonical(parent) / "casemate-escape-XXXXXX";
  // Its longest socket must have a name.
  const std::size_t longest =
      sizeof(sockaddr_un::sun_path) - sizeof "/roots/workspace/service.sock";
  if (directory.size() > longest) {
    throw std::runtime_error("TMPDIR: expected a shorter path, got " + directory +
                             ", longer than " + std::to_string(longest) + " bytes");
  }
  if (mkdtemp(directory.data()) == nullptr) {
    FailErrno("cannot make " + directory);
  }
  directory_ = directory;
  names_["name"] = fs::path(directory_).filename().string();
  names_["shm"] = "/dev/shm/" + names_["name"];
  names_["shmdir"] = names_["shm"] + "-fill";
  if (chmod(directory_.c_str(), 0755) != 0) {  // to be entered by an ordinary user
    FailErrno("chmod");
  }
}

void Host::MakeFiles(const std::string& probe) {
  for (const char* part : {"/bin", "/home", "/state", "/roots", "/roots/workspace"}) {
    fs::create_directory(directory_ + part);
  }
  fs::copy_file(original_, casemate());
  fs::copy_file(probe, this->probe());
  fs::copy_file(probe, workspace() + "/casemate_attack");
  fs::copy_file(probe, workspace() + "/suid");
  fs::copy_file(probe, workspace() + "/capable");
  std::ofstream(directory_ + "/marker") << "a secret of the host\n";
  std::ofstream(workspace() + "/notes") << "mine\n";
  std::ofstream(directory_ + "/home/own") << "mine\n";
  fs::create_symlink(directory_ + "/marker", workspace() + "/link");
  names_["dir"] = directory_;
  names_["ws"] = workspace();
  names_["marker"] = directory_ + "/marker";
  names_["self"] = std::to_string(getpid());
}

// What could not be started would fail each attack with a riddle.
void Host::TryPrograms() const {
  Launch version;
  version.argv = {casemate(), "--version"};
  version.env = Environment();
  const std::string told = RunProcess(version).out;
  if (told.empty()) {
    throw std::runtime_error("cannot execute a copy of " + original_ + " in " + directory_ +
                             ": set TMPDIR to a directory on a file system that is not `noexec`");
  }
  if (told != "casemate " CASEMATE_VERSION "\n") {
    throw std::runtime_error(original_ + ": expected casemate " CASEMATE_VERSION ", got " + told);
  }
  Launch list;
  list.argv = {probe(), "--list"};
  list.directory = workspace();
  list.run_as = root_ ? std::optional<uid_t>(kOrdinaryUid) : std::nullopt;
  if (RunProcess(list).out.empty()) {
    throw std::runtime_error("an ordinary user cannot enter " + directory_ +
                             ": set TMPDIR to a directory that everybody may enter");
  }
}

// Set-uid root, and a capability in an extended attribute. Without root both stay plain files, and
// the control that finds no gain says so.
void Host::MakePrivilegedFiles() {
  if (geteuid() != 0) {
    return;
  }
  const std::array<unsigned char, 20> sys_admin = {1, 0, 0, 2, 0, 0, 32, 0};
  if (chmod((workspace() + "/suid").c_str(), 04755) != 0 ||
      setxattr((workspace() + "/capable").c_str(), "security.capability", sys_admin.data(),
               sys_admin.size(), 0) != 0) {
    FailErrno("cannot prepare the set-uid and capability files");
  }
}

std::string Host::FreePort() {
  return PortOf(BoundTcp4());
}

void Host::Listen() {
  sockaddr_in any4{};
  any4.sin_family = AF_INET;
  sockaddr_in6 any6{};
  any6.sin6_family = AF_INET6;
  const auto add = [this](const char* kind, UniqueFd fd) {
    if (fd.valid()) {
      listeners_.emplace_back(kind, std::move(fd));
    }
  };
  add("tcp4", BoundTcp4());
  add("udp4", Bound(AF_INET, SOCK_DGRAM, reinterpret_cast<const sockaddr*>(&any4), sizeof any4));
  add("tcp6", Bound(AF_INET6, SOCK_STREAM, reinterpret_cast<const sockaddr*>(&any6), sizeof any6));
  for (const auto& [kind, fd] : listeners_) {
    names_[kind] = PortOf(fd);
  }
  if (names_.count("tcp4") == 0 || names_.count("udp4") == 0) {
    FailErrno("cannot listen on IPv4");
  }
  names_.emplace("tcp6", "9");  // a kernel without IPv6
  names_["lan"] = OutwardAddress();
  names_["socket"] = directory_ + "/home/host.sock";
  add("abstract", BoundUnix(std::string(1, '\0') + names_["name"]));
  add("pathname", BoundUnix(names_["socket"]));
  add("workspace socket", BoundUnix(workspace() + "/service.sock"));
}

void Host::ShareMemory() {
  const key_t key = 0x0ca50000 + getpid() % 65536;
  shared_memory_ = shmget(key, 4096, IPC_CREAT | IPC_EXCL | 0666);
  names_["key"] = std::to_string(key);
  names_["meeting"] = std::to_string(key + 65536);
  const mqd_t queue =
      mq_open(("/" + names_["name"]).c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0666, nullptr);
  if (shared_memory_ < 0 || queue < 0) {
    FailErrno("cannot make shared memory or a message queue");
  }
  mq_close(queue);
  std::ofstream(names_["shm"]) << "shared\n";
  fs::create_directory(names_["shmdir"]);
}

std::vector<std::string> Host::Environment() const {
  return {"PATH=/usr/local/bin:/usr/bin:/bin",
          "HOME=" + directory_ + "/home",
          "XDG_CONFIG_HOME=" + directory_ + "/home",
          "CASEMATE_STATE_DIR=" + directory_ + "/state",
          "CASEMATE_WORKSPACE_ROOTS=" + directory_ + "/roots",
          std::string(kSecretName) + "=hunter2",
          "LANG=C.UTF-8"};
}

std::string Host::Expand(std::string text) const {
  for (const auto& [name, value] : names_) {
    const std::string mark = "{" + name + "}";
    for (std::size_t at = text.find(mark); at != std::string::npos; at = text.find(mark)) {
      text.replace(at, mark.size(), value);
    }
  }
  return text;
}

std::string Host::TakeVisitors() {
  std::string visitors;
  for (const auto& [kind, fd] : listeners_) {
    std::array<char, 64> buffer{};
    while (true) {
      const bool datagram = kind == "udp4";
      const UniqueFd peer(datagram ? -1 : accept4(fd.get(), nullptr, nullptr, SOCK_CLOEXEC));
      if (!peer.valid() && (!datagram || recv(fd.get(), buffer.data(), buffer.size(), 0) < 0)) {
        break;
      }
      visitors += (visitors.empty() ? "" : ",") + kind;
    }
  }
  return visitors;
}

std::vector<std::string> Host::WorkspaceEntries() const {
  std::vector<std::string> entries;
  for (const auto& entry : fs::directory_iterator(workspace())) {
    struct stat about{};
    lstat(entry.path().c_str(), &about);
    entries.push_back(entry.path().filename().string() + " mode " + std::to_string(about.st_mode) +
                      " uid " + std::to_string(about.st_uid) + " size " +
                      std::to_string(about.st_size));
  }
  std::sort(entries.begin(), entries.end());
  return entries;
}

std::string Host::TakeResidue() {
  std::string residue = TakeChange(workspace_entries_, WorkspaceEntries());
  if (!residue.empty()) {
    residue = "the workspace changed:" + residue;
  }
  if (watches_mounts_) {
    const std::string change = TakeChange(mounts_, MountTable());
    residue += change.empty() ? "" : "mounts of the host changed:" + change;
  }
  if (std::string now = ReadAll(casemate()); now != casemate_bytes_) {
    residue += " the binary changed";
    casemate_bytes_ = std::move(now);
  }
  return residue;
}

std::vector<std::string> Host::CgroupsNamed(const std::string& part) {
  std::vector<std::string> found;
  std::error_code error;
  fs::recursive_directory_iterator walk("/sys/fs/cgroup",
                                        fs::directory_options::skip_permission_denied, error);
  while (!error && walk != fs::recursive_directory_iterator()) {
    if (walk->path().filename().string().find(part) != std::string::npos) {
      found.push_back(walk->path().string());
    }
    walk.increment(error);
  }
  return found;
}

}  // namespace casemate::escape
