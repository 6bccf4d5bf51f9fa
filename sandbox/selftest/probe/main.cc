// casemate_attack NAME [ARG…]: runs one attack and prints `result=… detail=…`. Linked statically,
// so it runs in any root. `--list` prints every name with its number in the battery. In front of
// the name: `--confined` does nothing but say so when there is no sandbox at all, so that a battery
// that finds one missing costs nobody their machine; `--own-namespaces` first enters namespaces of
// its own, for controls.
#include <sys/auxv.h>
#include <unistd.h>

#include <array>
#include <cstdio>

#include "sandbox/selftest/probe/attack.h"

namespace casemate::escape {
namespace {

std::array<std::span<const Attack>, 7> Themes() {
  return {ResourceAttacks(), StorageAttacks(), ProcessAttacks(), KernelAttacks(),
          MountAttacks(),    NetworkAttacks(), FileAttacks()};
}

int List() {
  for (const auto& theme : Themes()) {
    for (const Attack& attack : theme) {
      std::printf("%d %.*s\n", attack.battery, static_cast<int>(attack.name.size()),
                  attack.name.data());
    }
  }
  return 0;
}

const Attack* Find(std::string_view name) {
  for (const auto& theme : Themes()) {
    for (const Attack& attack : theme) {
      if (attack.name == name) {
        return &attack;
      }
    }
  }
  return nullptr;
}

// One write, so that concurrent children cannot split the line.
void Report(const Outcome& outcome) {
  const char* result = outcome.verdict == Verdict::kBlocked      ? "blocked"
                       : outcome.verdict == Verdict::kSucceeded  ? "succeeded"
                       : outcome.verdict == Verdict::kUnconfined ? "unconfined"
                                                                 : "error";
  const std::string line = std::string("result=") + result + " detail=" + outcome.detail + "\n";
  if (write(STDOUT_FILENO, line.data(), line.size()) < 0) {
    _exit(3);
  }
}

// As root the battery lays out copies with set-uid and capability bits. Whoever finds them may
// learn what the bits gave, and nothing else.
bool MayRun(const Attack& attack) {
  return getauxval(AT_SECURE) == 0 || attack.name == "report_privileges";
}

Outcome Perform(const Attack& attack, Args args) {
  if (attack.only_confined && !IsConfined()) {
    return CannotTry("refused-unconfined");
  }
  return attack.run(args);
}

bool TakeFlag(std::vector<std::string>& words, std::string_view flag) {
  const bool given = !words.empty() && words[0] == flag;
  if (given) {
    words.erase(words.begin());
  }
  return given;
}

int Main(std::vector<std::string> words) {
  if (words.size() == 1 && words[0] == "--list") {
    return List();
  }
  const bool confined = TakeFlag(words, "--confined");
  const bool own_namespaces = TakeFlag(words, "--own-namespaces");
  const Attack* attack = words.empty() ? nullptr : Find(words[0]);
  if (attack != nullptr && !MayRun(*attack)) {
    Report(CannotTry("refused-privileged"));
    return 0;
  }
  if (attack == nullptr) {
    std::fprintf(stderr,
                 "usage: casemate_attack [--confined] [--own-namespaces] NAME [ARG...] | --list\n");
    return 2;
  }
  if (confined && !IsConfined()) {
    Report({Verdict::kUnconfined, "no-sandbox"});
    return 0;
  }
  if (own_namespaces && !EnterOwnNamespaces()) {
    Report(CannotTry("no-own-namespaces:" + ErrnoName(errno)));
    return 0;
  }
  Report(Perform(*attack, Args(words).subspan(1)));
  return 0;
}

}  // namespace
}  // namespace casemate::escape

int main(int argc, char** argv) {
  return casemate::escape::Main(std::vector<std::string>(argv + 1, argv + argc));
}
