// `casemate policy simulate`.
#include <array>
#include <cerrno>
#include <chrono>
#include <fstream>
#include <functional>
#include <iostream>
#include <optional>
#include <string_view>

#include <nlohmann/json.hpp>

#include "base/json.h"
#include "base/text.h"
#include "clients/cli/command_line.h"
#include "clients/cli/policy_commands.h"
#include "clients/cli/policy_load.h"
#include "clients/cli/terminal.h"
#include "policies/check/simulate.h"

namespace casemate::cli {
namespace {

using nlohmann::json;

constexpr std::size_t kMaxLineBytes = std::size_t{8} << 20;

// A whole number of 0 or more, without a sign.
std::optional<std::int64_t> Digits(std::string_view text) {
  constexpr std::size_t kMaxDigits = 18;  // fits any 64 bits
  if (text.empty() || text.size() > kMaxDigits) {
    return std::nullopt;
  }
  std::int64_t value = 0;
  for (const char c : text) {
    if (c < '0' || c > '9') {
      return std::nullopt;
    }
    value = value * 10 + (c - '0');
  }
  return value;
}

std::int64_t NowMs() {
  return std::chrono::duration_cast<std::chrono::milliseconds>(
             std::chrono::system_clock::now().time_since_epoch())
      .count();
}

// 30m, 2h, 7d, 90s: so many milliseconds.
std::optional<std::int64_t> Duration(std::string_view text) {
  constexpr std::string_view kUnits = "smhd";
  constexpr std::array<std::int64_t, 4> kMs = {1000, 60'000, 3'600'000, 86'400'000};
  const std::size_t unit = text.empty() ? std::string_view::npos : kUnits.find(text.back());
  if (unit == std::string_view::npos) {
    return std::nullopt;
  }
  const auto count = Digits(text.substr(0, text.size() - 1));
  constexpr std::int64_t kLongest = 36'500;  // a hundred years of days
  return count && *count <= kLongest * (86'400'000 / kMs.at(unit))
             ? std::optional(*count * kMs.at(unit))
             : std::nullopt;
}

// 2026-11-20: its first moment in UTC.
std::optional<std::int64_t> Day(std::string_view text) {
  if (text.size() != 10 || text[4] != '-' || text[7] != '-') {
    return std::nullopt;
  }
  const auto year = Digits(text.substr(0, 4));
  const auto month = Digits(text.substr(5, 2));
  const auto day = Digits(text.substr(8, 2));
  if (!year || !month || !day) {
    return std::nullopt;
  }
  const std::chrono::year_month_day date{std::chrono::year(static_cast<int>(*year)),
                                         std::chrono::month(static_cast<unsigned>(*month)),
                                         std::chrono::day(static_cast<unsigned>(*day))};
  if (!date.ok()) {
    return std::nullopt;
  }
  return std::chrono::duration_cast<std::chrono::milliseconds>(
             std::chrono::sys_days(date).time_since_epoch())
      .count();
}

Result<policies::ReplayRange> ReadSince(const std::string& since) {
  policies::ReplayRange range;
  if (since.empty()) {
    return range;
  }
  if (const auto seq = Digits(since)) {
    range.since_seq = *seq;
  } else if (const auto duration = Duration(since)) {
    range.since_ms = NowMs() - *duration;
  } else if (const auto day = Day(since)) {
    range.since_ms = *day;
  } else {
    return InvalidArgument("--since",
                           "expected 30m, 2h or 7d, a day such as 2026-11-20, or a "
                           "number of the trail, got `" +
                               since + "`");
  }
  return range;
}

using Visit = std::function<void(std::string_view body)>;
// Calls it for each record, oldest first.
using Walk = std::function<Result<void>(const Visit&)>;

Result<void> WalkExport(const std::string& path, const Visit& visit) {
  std::ifstream file(path, std::ios::binary);
  if (!file) {
    return ErrnoError("cannot read " + path, errno);
  }
  std::string line;
  for (std::int64_t number = 1; std::getline(file, line); ++number) {
    if (line.empty()) {
      continue;
    }
    const auto entry = ParseJson(line, {.max_bytes = kMaxLineBytes});
    if (!entry || !entry->is_object() || !entry->contains("body") ||
        !(*entry)["body"].is_string()) {
      return InvalidArgument(
          path + ":" + std::to_string(number),
          "expected a line of `casemate audit export`: {\"body\": …, \"hash\": …}");
    }
    visit((*entry)["body"].get_ref<const std::string&>());
  }
  if (file.bad()) {
    return ErrnoError("cannot read " + path, errno);
  }
  return {};
}

std::string Examples(const json& group) {
  std::string text;
  for (const json& seq : group["examples"]) {
    text += (text.empty() ? "#" : ", #") + std::to_string(seq.get<std::int64_t>());
  }
  return (group["count"].get<std::size_t>() > group["examples"].size() ? "such as " : "") + text;
}

std::string Names(const json& list) {
  std::vector<std::string> names;
  for (const json& name : list) {
    names.push_back(EscapeControls(name.get<std::string>(), false));
  }
  return Join(names, ", ");
}

void PrintReport(const json& report) {
  for (const json& flip : report["flips"]) {
    std::cout << flip["from"].get<std::string>() << " → " << flip["to"].get<std::string>()
              << " by `" << flip["rule"].get<std::string>()
              << "`: " << Count(flip["count"].get<std::size_t>(), "call") << " of "
              << Names(flip["tools"]) << ", " << Examples(flip) << '\n';
  }
  for (const json& group : report["hidden"]) {
    std::cout << "indeterminate, for the trail does not hold " << Names(group["paths"]) << ": "
              << Count(group["count"].get<std::size_t>(), "call") << ", " << Examples(group)
              << '\n';
  }
  std::cout << Count(report["calls"].get<std::size_t>(), "call") << ": "
            << report["same"].get<std::size_t>() << " decided the same, "
            << report["flipped"].get<std::size_t>() << " otherwise, "
            << report["indeterminate"].get<std::size_t>() << " indeterminate";
  if (const auto unreadable = report["unreadable"].get<std::size_t>(); unreadable != 0) {
    std::cout << "; " << Count(unreadable, "record") << " damaged: run `casemate audit verify`";
  }
  std::cout << '\n';
}

int Replay(const PolicySimulateArgs& args, policies::Simulation& simulation, const Walk& walk) {
  // The newest so many: the rest is counted first, and passed over.
  std::size_t to_skip = 0;
  if (args.limit > 0) {
    std::size_t count = 0;
    auto counted = walk([&](std::string_view body) { count += simulation.Counts(body) ? 1 : 0; });
    if (!counted) {
      return ComplainOf(counted.error(), kExitFailure);
    }
    const auto limit = static_cast<std::size_t>(args.limit);
    to_skip = count > limit ? count - limit : 0;
  }
  auto walked = walk([&](std::string_view body) {
    if (to_skip == 0) {
      simulation.Add(body);
    } else if (simulation.Counts(body)) {
      --to_skip;
    }
  });
  if (!walked) {
    return ComplainOf(walked.error(), kExitFailure);
  }
  const json report = simulation.Report();
  if (args.json) {
    std::cout << DumpJson(report) << '\n';
  } else {
    PrintReport(report);
  }
  const bool fails = args.fail_on_flips && simulation.flipped() > 0;
  return Flushed(fails ? kExitFailure : kExitOk, kExitFailure);
}

}  // namespace

int PolicySimulateCommand(const PolicySimulateArgs& args, const std::string& configured,
                          const WithTrail& with_trail) {
  const auto range = ReadSince(args.since);
  if (!range) {
    return ComplainOf(range.error(), kExitUsage);
  }
  const NamedPolicy named = LoadNamed(args.policy, configured);
  if (!named.policy) {
    return CannotLoad(named);
  }
  policies::Simulation simulation(**named.policy, *range);
  if (args.from != "audit") {
    return Replay(args, simulation,
                  [&](const Visit& visit) { return WalkExport(args.from, visit); });
  }
  return with_trail([&](policies::AuditLog& audit) {
    return Replay(args, simulation, [&](const Visit& visit) {
      return audit.ForEach([&](const policies::AuditRecord& record) { visit(record.body); });
    });
  });
}

}  // namespace casemate::cli
