#include "tools/container_optimize_plan.h"

#include <algorithm>
#include <numeric>

#include "base/hash.h"
#include "base/text.h"
#include "sandbox/container/run/dangers.h"
#include "tools/container_facts.h"
#include "tools/container_report.h"

namespace casemate::tools {
namespace {

using container::ContainerDetails;
using container::Usage;
using policies::ContainerRight;

constexpr std::int64_t kMiB = std::int64_t{1} << 20;
constexpr int kManyZombies = 10;
constexpr std::int64_t kNearPercent = 90;       // of a memory limit
constexpr std::int64_t kLeakAfterMs = 600'000;  // what fills up sooner is too tight, not leaking
constexpr std::int64_t kLargeLog = 64 * kMiB;
constexpr std::int64_t kLargeCache = 256 * kMiB;
constexpr int kManyRestarts = 3;
constexpr std::int64_t kNeverStartedMs = 3'600'000;  // since then it is not about to be started
constexpr std::int64_t kRoundTo = 64 * kMiB;
constexpr std::int64_t kLeastMemory = 256 * kMiB;
constexpr std::int64_t kLeastPids = 256;

std::int64_t RoundUp(std::int64_t bytes) {
  return (bytes + kRoundTo - 1) / kRoundTo * kRoundTo;
}

// Nothing of one that could not be measured.
Usage UsageOf(const ContainerFacts& container) {
  return container.usage.value_or(Usage());
}

std::int64_t LimitOf(const ContainerFacts& container) {
  const std::int64_t stated = container.details.limits.memory_bytes;
  return stated > 0 ? stated : UsageOf(container).memory_limit;
}

bool IsNearLimit(const ContainerFacts& container) {
  const std::int64_t limit = LimitOf(container);
  return container.usage && limit > 0 &&
         UsageOf(container).memory_bytes >= limit / 100 * kNearPercent;
}

std::string OfLimit(const ContainerFacts& container) {
  return BytesText(UsageOf(container).memory_bytes) + " of " + BytesText(LimitOf(container));
}

class Proposals {
 public:
  Proposals(const ContainerFacts& container, const EngineFacts& engine)
      : container_(container),
        usage_(UsageOf(container)),
        engine_(engine),
        is_dangerous_(!DangersOf(container.details).empty()) {}

  void AddForRunning();
  void AddForStopped();
  void AddAdvice();
  [[nodiscard]] std::vector<OptimizeAction> Take() { return std::move(actions_); }

 private:
  OptimizeAction& Add(OptimizeKind kind);
  void AddRestart();
  // false: there is nothing to raise.
  bool AddRaise();
  void AddMissing();

  const ContainerFacts& container_;
  const Usage usage_;
  const EngineFacts& engine_;
  const bool is_dangerous_;
  std::vector<OptimizeAction> actions_;
};

OptimizeAction& Proposals::Add(OptimizeKind kind) {
  OptimizeAction& action = actions_.emplace_back();
  action.kind = kind;
  action.container = container_.details.summary.id;
  action.name = container_.details.summary.name;
  if (!IsAdvice(kind)) {
    action.needs = {ContainerRight::kUse, ContainerRight::kReclaim};
    if (is_dangerous_) {
      action.needs.push_back(ContainerRight::kPrivilegedTargets);
    }
  }
  return action;
}

void Proposals::AddRestart() {
  const int zombies = container_.zombies.value_or(0);
  const bool has_zombies = zombies >= kManyZombies;
  const bool is_old = container_.details.started_ms > 0 &&
                      engine_.now_ms - container_.details.started_ms >= kLeakAfterMs;
  const bool may_leak = IsNearLimit(container_) && is_old;
  if (!has_zombies && !may_leak) {
    return;
  }
  OptimizeAction& action = Add(OptimizeKind::kRestartContainer);
  if (may_leak) {
    action.reason =
        "it holds " + OfLimit(container_) + " without what can be dropped, as one that leaks does";
    action.frees = "memory";
    action.frees_bytes = usage_.memory_bytes;
    action.facts = {{"memory_bytes", usage_.memory_bytes}, {"memory_limit", LimitOf(container_)}};
  }
  if (has_zombies) {
    const std::string count = std::to_string(zombies);
    action.reason += (action.reason.empty() ? "" : "; ") + count +
                     " processes in it have ended and are not collected (zombies)";
    action.facts.emplace_back("zombies", zombies);
  }
  action.facts.emplace_back("started_ms", container_.details.started_ms);
  action.effect =
      "It interrupts the service: what runs in it gets SIGTERM, after 10 s SIGKILL, and begins "
      "anew. Connections break and what it holds in memory is lost. The cause stays.";
}

bool Proposals::AddRaise() {
  if (!IsNearLimit(container_)) {
    return false;
  }
  const std::int64_t limit = LimitOf(container_);
  const std::int64_t raised = RoundUp(limit / 2 * 3);
  const bool fits = engine_.memory_bytes <= 0 || raised <= engine_.memory_bytes / 2;
  if (!fits || engine_.kind == container::EngineKind::kPodman) {
    OptimizeAction& advice = Add(OptimizeKind::kMissingLimits);
    advice.reason = "it holds " + OfLimit(container_);
    advice.effect = "Make it anew with a higher memory limit, or let the program use less.";
    advice.facts = {{"memory_bytes", usage_.memory_bytes}, {"memory_limit", limit}};
    return true;
  }
  OptimizeAction& action = Add(OptimizeKind::kSetLimits);
  action.limits.memory_bytes = raised;
  action.reason = "it holds " + OfLimit(container_) + ": at the limit its processes are killed";
  action.effect = "Its memory limit rises to " + BytesText(raised) +
                  " and it keeps the swap that it has; nothing is interrupted. Others have that "
                  "much less.";
  action.facts = {{"memory_bytes", usage_.memory_bytes}, {"memory_limit", limit}};
  return true;
}

void Proposals::AddMissing() {
  const bool no_memory = LimitOf(container_) <= 0;
  const bool no_pids = container_.details.limits.pids <= 0;
  if (!no_memory && !no_pids) {
    return;
  }
  const std::string what = no_memory && no_pids ? "memory and processes"
                           : no_memory          ? "memory"
                                                : "processes";
  const std::string reason = "nothing bounds its " + what + ": it can take all of the machine's";
  // Podman 4 forgets at the next start what is set later.
  if (!container_.usage || engine_.kind == container::EngineKind::kPodman) {
    OptimizeAction& advice = Add(OptimizeKind::kMissingLimits);
    advice.reason = reason;
    advice.effect = "Make it anew with limits.";
    return;
  }
  OptimizeAction& action = Add(OptimizeKind::kSetLimits);
  action.reason = reason;
  std::string bounds;
  if (no_memory) {
    action.limits.memory_bytes = RoundUp(std::max(kLeastMemory, usage_.memory_bytes * 2));
    bounds = BytesText(action.limits.memory_bytes) + " of memory (and as much swap)";
  }
  if (no_pids) {
    action.limits.pids = std::max(kLeastPids, usage_.pids * 2);
    bounds += (bounds.empty() ? "" : " and ") + std::to_string(action.limits.pids) +
              " processes and threads";
  }
  action.effect = "It may take " + bounds +
                  " from then on; nothing is interrupted. If it ever needs more memory, its "
                  "processes are killed; if more processes, it cannot start them.";
  action.facts = {{"memory_bytes", usage_.memory_bytes}, {"pids", usage_.pids}};
}

void Proposals::AddForRunning() {
  if (!AddRaise()) {
    AddMissing();
  }
  AddRestart();
  if (usage_.cache_bytes >= kLargeCache) {
    OptimizeAction& advice = Add(OptimizeKind::kPageCache);
    advice.reason =
        BytesText(usage_.cache_bytes) + " of its memory is page cache that can be dropped";
    advice.effect = "Nothing to do: the kernel drops it when memory is short.";
    advice.facts = {{"cache_bytes", usage_.cache_bytes}};
    advice.frees = "memory";
    advice.frees_bytes = usage_.cache_bytes;
  }
}

void Proposals::AddForStopped() {
  const ContainerDetails& details = container_.details;
  OptimizeAction& action = Add(OptimizeKind::kRemoveStopped);
  action.reason = details.summary.state == "created"
                      ? "it was made and never started"
                      : "it has ended with exit code " + std::to_string(details.exit_code);
  action.effect =
      "It is gone for good, with the files in its own layer, its anonymous volumes and its log; it "
      "cannot be started again.";
  action.frees = "disk";
  action.frees_bytes = container_.written_bytes + details.log_bytes;
  action.facts = {{"written_bytes", container_.written_bytes},
                  {"log_bytes", details.log_bytes},
                  {"finished_ms", details.finished_ms}};
}

void Proposals::AddAdvice() {
  const ContainerDetails& details = container_.details;
  if (details.log_bytes >= kLargeLog && details.log_max_bytes <= 0) {
    OptimizeAction& advice = Add(OptimizeKind::kRotateLogs);
    advice.reason = "its log takes " + BytesText(details.log_bytes) +
                    (details.log_max_bytes == 0 ? " and nothing bounds it"
                                                : "; its engine does not tell what bounds it");
    advice.effect =
        "Make it anew with bounds of its log (log options max-size and max-file), or set them for "
        "all of the engine.";
    advice.facts = {{"log_bytes", details.log_bytes}};
    advice.frees = "disk";
    advice.frees_bytes = details.log_bytes;
  }
  if (details.restart_count >= kManyRestarts) {
    OptimizeAction& advice = Add(OptimizeKind::kManyRestarts);
    advice.reason =
        "its engine has started it anew " + std::to_string(details.restart_count) + " times";
    advice.effect = "Look for the cause: container_status with `container`.";
    advice.facts = {{"restart_count", details.restart_count}};
  }
}

// May be removed by a plan for all of the caller's.
bool MayRemove(const ContainerFacts& container, const EngineFacts& engine, bool is_named) {
  if (container.holds_call || !HasStopped(container.details)) {
    return false;
  }
  const bool is_new = container.details.summary.state == "created" &&
                      engine.now_ms - container.details.summary.created_ms < kNeverStartedMs;
  return is_named || (container.own && !is_new);
}

bool IsBefore(const OptimizeAction& a, const OptimizeAction& b) {
  if (IsAdvice(a.kind) != IsAdvice(b.kind)) {
    return IsAdvice(b.kind);
  }
  // Limits before restarts, whatever they free.
  const bool limits_a = a.kind == OptimizeKind::kSetLimits;
  const bool limits_b = b.kind == OptimizeKind::kSetLimits;
  return limits_a != limits_b ? limits_a : a.frees_bytes > b.frees_bytes;
}

// What is done to what, whatever else a plan holds: in any plan the same id is the same action
// (attack: a plan made anew, where what was agreed to by its place is something else). Of what
// concerns all of the engine, the digits stand for the images and bytes it would take.
std::string IdOf(const OptimizeAction& action) {
  std::string id(ToString(action.kind));
  if (!action.container.empty()) {
    id += "-" + ShortId(action.container);
  } else if (!IsAdvice(action.kind)) {
    std::string what = Join(action.images, " ") + " " + std::to_string(action.frees_bytes);
    for (const auto& [name, value] : action.facts) {
      what += " " + name + " " + std::to_string(value);
    }
    id += "-" + ShortId(Sha256Hex(what));
  }
  if (action.limits.memory_bytes > 0) {
    id += "-" + std::to_string(action.limits.memory_bytes / kMiB) + "m";
  }
  if (action.limits.pids > 0) {
    id += "-" + std::to_string(action.limits.pids) + "p";
  }
  return id;
}

bool HasNewDangers(const ContainerDetails& before, const ContainerDetails& after) {
  return !std::ranges::includes(DangersOf(before), DangersOf(after));
}

}  // namespace

bool HasStopped(const ContainerDetails& details) {
  const std::string& state = details.summary.state;
  return state == "exited" || state == "dead" || state == "created";
}

std::vector<OptimizeAction> ProposeFor(const ContainerFacts& container, const EngineFacts& engine,
                                       bool is_named) {
  // It is gone when its call ends.
  if (container.holds_call) {
    return {};
  }
  Proposals proposals(container, engine);
  if (container.details.summary.state == "running") {
    proposals.AddForRunning();
  }
  if (MayRemove(container, engine, is_named)) {
    proposals.AddForStopped();
  }
  proposals.AddAdvice();
  return proposals.Take();
}

OptimizeProposal Arrange(std::vector<OptimizeAction> actions) {
  // Equal ones as they came. Not by stable_sort: clang calls what it is made of deprecated.
  std::vector<std::size_t> order(actions.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::ranges::sort(order, [&](std::size_t a, std::size_t b) {
    const bool is_before = IsBefore(actions[a], actions[b]);
    return is_before || (a < b && !IsBefore(actions[b], actions[a]));
  });
  OptimizeProposal proposal;
  for (const std::size_t place : order) {
    OptimizeAction& action = actions[place];
    action.id = IdOf(action);
    const bool is_known = std::ranges::find(proposal.actions, action.id, &OptimizeAction::id) !=
                          proposal.actions.end();
    // Two containers whose ids begin alike: a plan for the one alone has it.
    if (is_known || proposal.actions.size() == kMaxPlanned) {
      ++proposal.left_out;
    } else {
      proposal.actions.push_back(std::move(action));
    }
  }
  return proposal;
}

std::optional<std::string> WhyNoMore(const OptimizeAction& planned, const ContainerFacts& then,
                                     const ContainerFacts& now, const EngineFacts& engine) {
  const ContainerDetails& before = then.details;
  const ContainerDetails& after = now.details;
  if (before.summary.id != after.summary.id) {
    return "another container has its name now";
  }
  if (before.summary.state != after.summary.state) {
    return "it was " + before.summary.state + " and is " + after.summary.state;
  }
  if (before.started_ms != after.started_ms || before.finished_ms != after.finished_ms) {
    return "it was started anew";
  }
  // What policy judged was less.
  if (HasNewDangers(before, after)) {
    return "it reaches more of the host than it did";
  }
  const auto proposed = ProposeFor(now, engine, true);
  const auto found = std::ranges::find(proposed, planned.kind, &OptimizeAction::kind);
  if (found == proposed.end()) {
    return "its reason has gone";
  }
  if (planned.kind == OptimizeKind::kSetLimits) {
    if (before.limits.memory_bytes != after.limits.memory_bytes ||
        before.limits.pids != after.limits.pids) {
      return "its limits were changed";
    }
    const Usage use = UsageOf(now);
    const bool is_tight = (planned.limits.memory_bytes > 0 &&
                           use.memory_bytes >= planned.limits.memory_bytes / 10 * 9) ||
                          (planned.limits.pids > 0 && use.pids >= planned.limits.pids / 10 * 9);
    if (is_tight) {
      return "it uses too much for these limits now";
    }
  }
  return std::nullopt;
}

}  // namespace casemate::tools
