// Times one sandboxed call over MCP stdio against plain fork+exec and a bubblewrap process, in
// interleaved rounds of random order, so that the machine's drift meets all three alike.
#include <fcntl.h>
#include <spawn.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <functional>
#include <iostream>
#include <random>
#include <sstream>
#include <stdexcept>
#include <string>
#include <vector>

#include "base/clock.h"

extern char** environ;  // NOLINT(readability-redundant-declaration)

namespace {

using casemate::MonotonicNs;

struct Options {
  std::string casemate = "build/release/casemate";
  int rounds = 300;
  int warm_up = 20;
  bool json = false;
};

[[noreturn]] void Die(const std::string& what) {
  throw std::runtime_error(what);
}

pid_t Spawn(const std::vector<std::string>& argv, posix_spawn_file_actions_t* actions) {
  std::vector<char*> raw;
  for (const std::string& arg : argv) {
    raw.push_back(const_cast<char*>(arg.c_str()));
  }
  raw.push_back(nullptr);
  pid_t pid = -1;
  if (posix_spawnp(&pid, raw[0], actions, nullptr, raw.data(), environ) != 0) {
    Die("cannot start " + argv[0]);
  }
  return pid;
}

// Starts a process and waits for it, the way every reference is timed.
void RunToEnd(const std::vector<std::string>& argv) {
  const pid_t pid = Spawn(argv, nullptr);
  int status = 0;
  if (waitpid(pid, &status, 0) != pid || status != 0) {
    Die(argv[0] + " failed");
  }
}

double Milliseconds(const timeval& time) {
  return static_cast<double>(time.tv_sec) * 1e3 + static_cast<double>(time.tv_usec) / 1e3;
}

// Processor time of all children that have ended, with theirs.
double EndedChildrenCpuMs() {
  rusage usage{};
  getrusage(RUSAGE_CHILDREN, &usage);
  return Milliseconds(usage.ru_utime) + Milliseconds(usage.ru_stime);
}

// Processor time of a living process, with its threads and ended children; then the same of its
// living children: the server's only one is its launcher.
double LivingCpuMs(pid_t pid) {
  const std::string proc = "/proc/" + std::to_string(pid);
  std::ifstream stat(proc + "/stat");
  std::string text((std::istreambuf_iterator<char>(stat)), std::istreambuf_iterator<char>());
  std::istringstream fields(text.substr(text.rfind(')') + 2));  // the name may hold anything
  std::string skipped;
  for (int field = 3; field < 14; ++field) {
    fields >> skipped;
  }
  double ticks = 0;
  for (int field = 14; field <= 17; ++field) {  // utime, stime, cutime, cstime
    double value = 0;
    fields >> value;
    ticks += value;
  }
  return ticks * 1e3 / static_cast<double>(sysconf(_SC_CLK_TCK));
}

double TreeCpuMs(pid_t root) {
  double total = LivingCpuMs(root);
  for (const auto& thread :
       std::filesystem::directory_iterator("/proc/" + std::to_string(root) + "/task")) {
    std::ifstream children(thread.path() / "children");
    for (pid_t child = 0; children >> child;) {
      total += LivingCpuMs(child);
    }
  }
  return total;
}

// One live `casemate serve`, asked for /bin/true again and again.
class Server {
 public:
  Server(const std::string& binary, const std::string& state_dir) {
    std::array<int, 2> in{};
    std::array<int, 2> out{};
    if (pipe2(in.data(), O_CLOEXEC) != 0 || pipe2(out.data(), O_CLOEXEC) != 0) {
      Die("cannot make pipes");
    }
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, in[0], STDIN_FILENO);
    posix_spawn_file_actions_adddup2(&actions, out[1], STDOUT_FILENO);
    pid_ = Spawn({binary, "--state-dir", state_dir, "serve"}, &actions);
    posix_spawn_file_actions_destroy(&actions);
    close(in[0]);
    close(out[1]);
    to_ = in[1];
    from_ = out[0];
    Ask(R"({"jsonrpc":"2.0","id":0,"method":"initialize","params":{"protocolVersion":"2025-11-25",)"
        R"("capabilities":{},"clientInfo":{"name":"bench","version":"1"}}})");
  }
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;
  ~Server() {
    close(to_);
    waitpid(pid_, nullptr, 0);
    close(from_);
  }

  void RunTrue() {
    const std::string reply = Ask(
        R"({"jsonrpc":"2.0","id":)" + std::to_string(++last_id_) +
        R"(,"method":"tools/call","params":{"name":"run","arguments":{"command":["/bin/true"]}}})");
    if (reply.find("\"exit_code\":0") == std::string::npos) {
      Die("the call failed: " + reply);
    }
  }
  [[nodiscard]] pid_t pid() const { return pid_; }

 private:
  std::string Ask(const std::string& request) const {
    const std::string line = request + "\n";
    if (write(to_, line.data(), line.size()) != static_cast<ssize_t>(line.size())) {
      Die("cannot write to the server");
    }
    std::string reply;
    std::array<char, 65536> buffer{};
    while (reply.empty() || reply.back() != '\n') {
      const ssize_t got = read(from_, buffer.data(), buffer.size());
      if (got <= 0) {
        Die("the server ended");
      }
      reply.append(buffer.data(), static_cast<std::size_t>(got));
    }
    return reply;
  }

  pid_t pid_ = -1;
  int to_ = -1;
  int from_ = -1;
  int last_id_ = 0;
};

struct Contender {
  std::string key;
  std::string name;
  std::function<void()> run;
  std::function<double()> cpu_so_far;
  bool lives_on = false;  // between rounds too, and may still tidy up after its reply
  std::vector<double> ms;
  double cpu_ms = 0;
  double cpu_seen = 0;

  [[nodiscard]] double Percentile(double p) const {
    std::vector<double> sorted = ms;
    std::sort(sorted.begin(), sorted.end());
    const double rank = std::ceil(p * static_cast<double>(sorted.size())) - 1;
    return sorted[static_cast<std::size_t>(std::max(0.0, rank))];
  }
};

void Measure(std::vector<Contender>& contenders, const Options& options) {
  std::mt19937 order(std::random_device{}());
  std::vector<std::size_t> round(contenders.size());
  for (std::size_t i = 0; i < round.size(); ++i) {
    round[i] = i;
  }
  for (int i = -options.warm_up; i < options.rounds; ++i) {
    std::shuffle(round.begin(), round.end(), order);
    for (const std::size_t index : round) {
      Contender& one = contenders[index];
      const double cpu_before =
          one.lives_on && i > -options.warm_up ? one.cpu_seen : one.cpu_so_far();
      const std::int64_t start = MonotonicNs();
      one.run();
      const double elapsed = static_cast<double>(MonotonicNs() - start) / 1e6;
      one.cpu_seen = one.cpu_so_far();
      if (i >= 0) {
        one.ms.push_back(elapsed);
        one.cpu_ms += one.cpu_seen - cpu_before;
      }
    }
  }
}

void Print(const std::vector<Contender>& contenders, const Options& options) {
  const double spawn = contenders[0].Percentile(0.5);
  const double bwrap = contenders[1].Percentile(0.5);
  if (options.json) {
    std::printf("{");
    for (const Contender& one : contenders) {
      const double p50 = one.Percentile(0.5);
      std::printf(
          "\"%s\":{\"p50_ms\":%.3f,\"p95_ms\":%.3f,\"cpu_ms\":%.3f,\"x_bwrap\":%.3f,"
          "\"x_fork_exec\":%.3f},",
          one.key.c_str(), p50, one.Percentile(0.95), one.cpu_ms / options.rounds, p50 / bwrap,
          p50 / spawn);
    }
    std::printf("\"rounds\":%d}\n", options.rounds);
    return;
  }
  std::printf("%-46s %8s %8s %8s %9s %11s\n", "/bin/true", "p50 ms", "p95 ms", "cpu ms", "x bwrap",
              "x fork+exec");
  for (const Contender& one : contenders) {
    const double p50 = one.Percentile(0.5);
    std::printf("%-46s %8.2f %8.2f %8.2f %9.2f %11.2f\n", one.name.c_str(), p50,
                one.Percentile(0.95), one.cpu_ms / options.rounds, p50 / bwrap, p50 / spawn);
  }
  std::printf("%d rounds, random order in each; target: casemate below 1.0 x bwrap\n",
              options.rounds);
}

Options Parse(const std::vector<std::string>& args) {
  Options options;
  for (std::size_t i = 0; i < args.size(); ++i) {
    const bool has_value = i + 1 < args.size();
    if (args[i] == "--json") {
      options.json = true;
    } else if (args[i] == "--casemate" && has_value) {
      options.casemate = args[++i];
    } else if (args[i] == "--n" && has_value) {
      options.rounds = std::max(1, std::atoi(args[++i].c_str()));  // NOLINT(cert-err34-c)
    } else {
      Die("usage: casemate_bench [--casemate PATH] [--n ROUNDS] [--json]");
    }
  }
  return options;
}

void Run(const Options& options) {
  std::string state = (std::filesystem::temp_directory_path() / "casemate-bench-XXXXXX").string();
  if (mkdtemp(state.data()) == nullptr) {
    Die("cannot make a state directory");
  }
  {
    Server server(options.casemate, state);
    const std::vector<std::string> bwrap = {
        "bwrap",    "--unshare-all", "--ro-bind", "/",       "/",    "--proc",
        "/proc",    "--dev",         "/dev",      "--tmpfs", "/tmp", "--die-with-parent",
        "/bin/true"};
    std::vector<Contender> contenders(3);
    contenders[0].key = "fork_exec";
    contenders[0].name = "fork+exec+wait";
    contenders[0].run = [] { RunToEnd({"/bin/true"}); };
    contenders[0].cpu_so_far = EndedChildrenCpuMs;
    contenders[1].key = "bwrap";
    contenders[1].name = "bwrap --unshare-all";
    contenders[1].run = [&] { RunToEnd(bwrap); };
    contenders[1].cpu_so_far = EndedChildrenCpuMs;
    contenders[2].key = "casemate";
    contenders[2].name = "casemate run over MCP stdio, policy and audit";
    contenders[2].run = [&] { server.RunTrue(); };
    contenders[2].cpu_so_far = [&] { return TreeCpuMs(server.pid()); };
    contenders[2].lives_on = true;
    Measure(contenders, options);
    Print(contenders, options);
  }
  std::filesystem::remove_all(state);
}

}  // namespace

int main(int argc, char** argv) {
  try {
    Run(Parse(std::vector<std::string>(argv + 1, argv + argc)));
    return 0;
  } catch (const std::exception& error) {
    std::cerr << "casemate_bench: " << error.what() << '\n';
    return 1;
  }
}
