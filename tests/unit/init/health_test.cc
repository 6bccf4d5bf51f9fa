// Health by each kind of check, and who may ask for it.
#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <memory>
#include <mutex>
#include <string>
#include <thread>

#include <catch2/catch.hpp>

#include "base/unique_fd.h"
#include "sandbox/container/init/control.h"
#include "tests/unit/init/running_init.h"

namespace casemate::container::testing {
namespace {

constexpr const char* kIdle = "while :; do sleep 0.01; done";

// A port of the kernel's choice that takes connections, and answers them if it is told to.
class Listener {
 public:
  explicit Listener(int family = AF_INET) : fd_(socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_in6 address{};
    socklen_t size = family == AF_INET ? sizeof(sockaddr_in) : sizeof address;
    address.sin6_family = static_cast<sa_family_t>(family);
    if (family == AF_INET6) {
      address.sin6_addr = in6addr_loopback;
    }
    auto* const place = reinterpret_cast<sockaddr*>(&address);
    is_there_ = bind(fd_.get(), place, size) == 0 && listen(fd_.get(), 128) == 0 &&
                getsockname(fd_.get(), place, &size) == 0;
    port_ = ntohs(address.sin6_port);
  }
  ~Listener() {
    is_over_ = true;
    if (thread_.joinable()) {
      thread_.join();
    }
  }
  Listener(const Listener&) = delete;
  Listener& operator=(const Listener&) = delete;

  [[nodiscard]] bool is_there() const { return is_there_; }
  [[nodiscard]] std::string port() const { return std::to_string(port_); }

  void Answer(const std::string& text) {
    const std::lock_guard lock(mutex_);
    answer_ = text;
    if (!thread_.joinable()) {
      thread_ = std::thread([this] { Serve(); });
    }
  }
  std::string asked() {
    const std::lock_guard lock(mutex_);
    return asked_;
  }

 private:
  void Serve() {
    while (!is_over_) {
      pollfd ready{fd_.get(), POLLIN, 0};
      if (poll(&ready, 1, 10) != 1) {
        continue;
      }
      const UniqueFd asking(accept4(fd_.get(), nullptr, nullptr, SOCK_CLOEXEC));
      char request[4096];
      const ssize_t got = recv(asking.get(), request, sizeof request, 0);
      const std::lock_guard lock(mutex_);
      asked_.assign(request, got > 0 ? static_cast<std::size_t>(got) : 0);
      (void)send(asking.get(), answer_.data(), answer_.size(), MSG_NOSIGNAL);
    }
  }

  UniqueFd fd_;
  bool is_there_ = false;
  int port_ = 0;
  std::atomic<bool> is_over_ = false;
  std::mutex mutex_;
  std::string answer_;
  std::string asked_;
  std::thread thread_;
};

}  // namespace

TEST_CASE("an application without a check, or with its process, is healthy while it runs") {
  RunningInit init(
      Apps{{.name = "none", .script = kIdle},
           {.name = "process", .script = kIdle, .health = "process"},
           {.name = "young", .script = kIdle, .health = "process", .start_period_ms = 3'600'000}});
  REQUIRE(init.UntilTold({"health"}, "process healthy it runs"));
  const Told all = init.Ask({"health"});
  CHECK(all.text ==
        "none healthy it runs\nprocess healthy it runs\n"
        "young starting has not run for long enough\n");
  CHECK(all.code == 1);
  CHECK(init.Ask({"health", "none"}).code == 0);
  CHECK(init.Ask({"health", "none"}).text == "none healthy it runs\n");
  CHECK(init.Ask({"health", "young"}).code == 1);
  CHECK(init.Ask({"health", "nobody"}).code == 1);
  CHECK(init.Ask({"status"}).code == 0);
  CHECK(init.Ask({"wealth"}).code == 64);
  CHECK(init.Ask({"--wealth"}).code == 64);
}

TEST_CASE("a TCP check follows the port") {
  auto listener = std::make_unique<Listener>();
  REQUIRE(listener->is_there());
  const std::string port = listener->port();
  RunningInit init(Apps{{.name = "a", .script = kIdle, .health = "tcp " + port}});
  REQUIRE(init.UntilTold({"health"}, "a healthy port " + port + " takes connections"));
  listener.reset();
  REQUIRE(init.UntilTold({"health"}, "a unhealthy port " + port + ": Connection refused"));
  CHECK(init.Ask({"health"}).code == 1);
  CHECK(Contains(init.Log(), "a: unhealthy"));
}

TEST_CASE("a check finds a server that listens by IPv6 only") {
  Listener listener(AF_INET6);
  if (!listener.is_there()) {
    WARN("SKIPPED: no IPv6 loopback here");
    return;
  }
  RunningInit init(Apps{{.name = "a", .script = kIdle, .health = "tcp " + listener.port()}});
  CHECK(init.UntilTold({"health"}, "a healthy"));
}

TEST_CASE("an HTTP check follows the status") {
  Listener listener;
  listener.Answer("HTTP/1.1 204 No Content\r\n\r\n");
  RunningInit init(
      Apps{{.name = "a", .script = kIdle, .health = "http " + listener.port() + " /up?x=1"}});
  REQUIRE(init.UntilTold({"health"}, "a healthy HTTP status 204"));
  CHECK(Contains(listener.asked(), "GET /up?x=1 HTTP/1.1\r\nHost: localhost:"));
  listener.Answer("HTTP/1.0 500 Oh\r\n\r\n");
  REQUIRE(init.UntilTold({"health"}, "a unhealthy HTTP status 500"));
  listener.Answer("HTTP/1.1 302 Found\r\n\r\n" + std::string(100'000, 'x'));
  REQUIRE(init.UntilTold({"health"}, "a healthy HTTP status 302"));
  listener.Answer("HTTP/1.1 404 Not Found\r\n\r\n");
  REQUIRE(init.UntilTold({"health"}, "a unhealthy HTTP status 404"));
  for (const char* const odd : {"SSH-2.0-x_1234567890\r\n", "HTTP/1.1 2", "HTTP/1.1 abc x", ""}) {
    listener.Answer("HTTP/1.1 200 OK\r\n\r\n");
    REQUIRE(init.UntilTold({"health"}, "a healthy HTTP status 200"));
    listener.Answer(odd);
    CHECK(init.UntilTold({"health"}, "a unhealthy port " + listener.port() + ": no HTTP answer"));
  }
}

TEST_CASE("a server that says nothing is unhealthy after the timeout") {
  Listener listener;  // the kernel takes the connections, nobody answers
  RunningInit init(Apps{{.name = "a",
                         .script = kIdle,
                         .health = "http " + listener.port() + " /",
                         .timeout_ms = 30}});
  CHECK(init.UntilTold({"health"}, "a unhealthy no answer within 30 ms"));
}

TEST_CASE("a check by command follows its exit code, and ends with its group") {
  RunningInit init(Apps{{.name = "a",
                         .script = kIdle,
                         .health = "command",
                         .check = {"/bin/sh", "-c",
                                   "echo noise; echo $APP > told; [ -e hang ] && "
                                   "{ sleep 1000 & echo $! > left; wait; }; [ -e good ]"},
                         .timeout_ms = 20'000}});
  REQUIRE(init.UntilTold({"health"}, "a unhealthy the check ended with code 1"));
  init.Write("good", "");
  REQUIRE(init.UntilTold({"health"}, "a healthy the check ended with code 0"));
  CHECK(Until([&] { return init.Text("told") == "a\n"; }));  // each check writes it anew
  CHECK(init.Text("stdout").empty());
}

TEST_CASE("a check by command that hangs is killed with its group") {
  RunningInit init(Apps{{.name = "a",
                         .script = kIdle,
                         .health = "command",
                         .check = {"/bin/sh", "-c", "sleep 1000 & echo $! >> left; wait"},
                         .timeout_ms = 300}});
  REQUIRE(init.UntilTold({"health"}, "a unhealthy no answer within 300 ms"));
  REQUIRE(Until([&] { return Contains(init.Text("left"), "\n"); }));
  CHECK(Until([&] { return kill(std::stoi(init.Text("left")), 0) != 0; }));
}

TEST_CASE("a check by command that ended leaves nothing of its group") {
  RunningInit init(Apps{{.name = "a",
                         .script = kIdle,
                         .health = "command",
                         .check = {"/bin/sh", "-c", "sleep 1000 & echo $! >> left"}}});
  REQUIRE(init.UntilTold({"health"}, "a healthy"));
  CHECK(Until([&] { return kill(std::stoi(init.Text("left")), 0) != 0; }));
}

TEST_CASE("a check by command ends with its application") {
  RunningInit init(
      Apps{{.name = "a",
            .script = "until [ -s left ]; do sleep 0.01; done; exit 1",
            .health = "command",
            .check = {"/bin/sh", "-c", "[ -s left ] || echo $$ > left; sleep 1000 & wait"},
            .restart = "always",
            .timeout_ms = 3'600'000,
            .backoff_ms = 60'000}});
  REQUIRE(init.UntilTold({"status"}, "a backoff"));
  CHECK(Until([&] { return kill(std::stoi(init.Text("left")), 0) != 0; }));
}

TEST_CASE("health says that no init answers") {
  RunningInit init(Apps{{.name = "a", .script = "exit 5"}});
  CHECK(init.ExitCode() == 5);
  const Told told = init.Ask({"health"});
  CHECK(told.code == 1);
  CHECK(Contains(told.text, "no init of " + init.config() + " answers: Connection refused"));
}

TEST_CASE("a second init of the same configuration does not run") {
  RunningInit init(Apps{{.name = "a", .script = kIdle}});
  REQUIRE(init.UntilTold({"health"}, "a healthy"));
  CHECK(init.Ask({}).code == 71);
}

TEST_CASE("only the user of init and root are told, and believe it") {
  if (geteuid() != 0) {
    WARN("SKIPPED: only root may be several users");
    return;
  }
  constexpr uid_t kUser = 10001;
  constexpr uid_t kOther = 10002;
  RunningInit init(Apps{{.name = "a", .script = "id -u > user; " + std::string(kIdle)}},
                   {.uid = kUser});
  REQUIRE(init.UntilTold({"health"}, "a healthy"));
  CHECK(init.Ask({"health"}, kUser).code == 0);
  const Told other = init.Ask({"health"}, kOther);
  CHECK(other.code == 1);
  CHECK(Contains(other.text, "Operation not permitted"));
  CHECK_FALSE(Contains(other.text, "healthy"));
  CHECK(Until([&] { return init.Text("user") == "10001\n"; }));
  // Root's init does not tell others, though they would believe it.
  RunningInit roots(Apps{{.name = "a", .script = kIdle}});
  REQUIRE(roots.UntilTold({"health"}, "a healthy"));
  const Told cut = roots.Ask({"health"}, kOther);
  CHECK(cut.code == 1);
  CHECK_FALSE(Contains(cut.text, "a healthy"));
}

TEST_CASE("nobody believes who took the name of the socket first") {
  if (geteuid() != 0) {
    WARN("SKIPPED: only root may be several users");
    return;
  }
  constexpr uid_t kUser = 10001;
  constexpr uid_t kOther = 10002;
  RunningInit init(Apps{{.name = "a", .script = "exit 5"}});
  REQUIRE(init.ExitCode() == 5);
  // As in a container with the namespaces of the host: another user, with other files.
  const pid_t squatter = fork();
  if (squatter == 0) {
    const bool is_there = seteuid(kOther) == 0 && init::ListenControl(init.config().c_str()) >= 0 &&
                          seteuid(0) == 0 && unshare(CLONE_NEWNS) == 0;
    prctl(PR_SET_PDEATHSIG, SIGKILL);  // now: another user would undo it
    init.Write("squatted", is_there ? "yes\n" : "no\n");
    while (is_there) {
      pause();
    }
    _exit(1);
  }
  REQUIRE(Until([&] { return Contains(init.Text("squatted"), "\n"); }));
  CHECK(init.Text("squatted") == "yes\n");
  for (const uid_t uid : {kUser, uid_t{0}}) {
    const Told told = init.Ask({"health"}, uid);
    CHECK(told.code == 1);
    CHECK(Contains(told.text, "Operation not permitted"));
  }
  kill(squatter, SIGKILL);
  CHECK(waitpid(squatter, nullptr, 0) == squatter);
}

TEST_CASE("a healthy application becomes unhealthy after bad checks in a row only") {
  RunningInit init(Apps{{.name = "a",
                         .script = kIdle,
                         .health = "command",
                         .check = {"/bin/sh", "-c", "[ -e bad ] || exit 0; echo x >> runs; exit 3"},
                         .retries = 4}});
  REQUIRE(init.UntilTold({"health"}, "a healthy"));
  init.Write("bad", "");
  // It says why the last check was bad before it is unhealthy.
  REQUIRE(init.UntilTold({"health"}, "a unhealthy the check ended with code 3"));
  const std::string runs = init.Text("runs");
  CHECK(std::count(runs.begin(), runs.end(), '\n') >= 4);
}

TEST_CASE("init sleeps while nothing is due") {
  RunningInit init(
      Apps{{.name = "a",
            .script = kIdle,
            .health = "command",
            .check = {"/bin/sh", "-c", "echo x >> runs; exit 1"},
            .start_period_ms = 3'600'000},
           {.name = "b", .script = kIdle, .after = {"a"}},
           {.name = "c", .script = "exit 1", .restart = "always", .backoff_ms = 60'000}});
  const auto ticks = [&] {
    const std::string stat = Slurp("/proc/" + std::to_string(init.pid()) + "/stat");
    std::istringstream fields(stat.substr(stat.rfind(')') + 1));
    std::string skipped;
    for (int i = 0; i < 11; ++i) {
      fields >> skipped;
    }
    long user = 0;
    long system = 0;
    fields >> user >> system;
    return user + system;
  };
  const auto runs = [&] { return init.Text("runs").size() / 2; };
  REQUIRE(Until([&] { return runs() > 0; }));
  const auto begin = std::chrono::steady_clock::now();
  const long before = ticks();
  const std::size_t checks = runs();
  REQUIRE(Until([&] { return runs() >= checks + 20; }));
  const std::chrono::duration<double> took = std::chrono::steady_clock::now() - begin;
  const double used =
      static_cast<double>(ticks() - before) / static_cast<double>(sysconf(_SC_CLK_TCK));
  CHECK(used < took.count() / 2);
}

}  // namespace casemate::container::testing
