#include "sandbox/selftest/battery/report.h"

#include <sys/utsname.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <iomanip>
#include <iostream>
#include <map>

#include <nlohmann/json.hpp>

#include "base/json.h"
#include "base/text.h"

namespace casemate::escape {
namespace {

using nlohmann::json;

struct GradeWords {
  const char* key;
  const char* text;
};
const GradeWords& WordsOf(Grade grade) {
  static constexpr std::array<GradeWords, 4> kWords = {{{"held_off", "held off"},
                                                        {"not_promised", "not promised"},
                                                        {"in_doubt", "IN DOUBT"},
                                                        {"got_through", "GOT THROUGH"}}};
  return kWords.at(static_cast<std::size_t>(grade));
}

const char* WordOf(Control control) {
  static constexpr std::array<const char*, 3> kWords = {"none", "shown", "not_run"};
  return kWords.at(static_cast<std::size_t>(control));
}

std::size_t Count(const Report& report, Grade grade) {
  return static_cast<std::size_t>(
      std::count_if(report.trials.begin(), report.trials.end(),
                    [grade](const Trial& trial) { return trial.grade() == grade; }));
}
std::size_t Count(const Report& report, Control control) {
  return static_cast<std::size_t>(
      std::count_if(report.trials.begin(), report.trials.end(),
                    [control](const Trial& trial) { return trial.control() == control; }));
}

std::string Plural(std::size_t count, const std::string& word) {
  return std::to_string(count) + " " + word + (count == 1 ? "" : "s");
}

// Output of attacks and of the host stands in reasons.
std::string Printable(const std::string& text) {
  return EscapeControls(ToValidUtf8(text), true);
}

json ToJson(const Trial& trial) {
  json control = {{"state", WordOf(trial.control())}};
  if (trial.control() == Control::kSkipped) {
    control["why"] = trial.control_why();
    control["answer"] = trial.control_answer();
  }
  json one = {{"name", trial.name()},
              {"verdict", WordsOf(trial.grade()).key},
              {"answer", trial.answer()},
              {"reasons", trial.reasons()},
              {"control", std::move(control)}};
  if (trial.grade() > Grade::kNotPromised) {
    one["notes"] = trial.notes();
  }
  return one;
}

std::string KernelRelease() {
  utsname names{};
  return uname(&names) == 0 ? names.release : "";
}

void PrintGraded(const Report& report, Grade grade, const char* title) {
  if (Count(report, grade) == 0) {
    return;
  }
  std::cout << '\n' << title << '\n';
  for (const Trial& trial : report.trials) {
    if (trial.grade() == grade) {
      std::cout << "  " << trial.name() << ": " << Printable(Join(trial.reasons(), "; ")) << '\n';
    }
  }
}

// Names by what they have in common.
using Groups = std::map<std::string, std::vector<std::string>>;

void PrintGroups(const char* title, const Groups& groups) {
  if (!groups.empty()) {
    std::cout << '\n' << title << '\n';
  }
  for (const auto& [why, names] : groups) {
    std::cout << "  " << why << ": " << Join(names, ", ") << '\n';
  }
}

void PrintExceptions(const Report& report) {
  Groups controls;
  Groups not_promised;
  for (const Trial& trial : report.trials) {
    if (trial.control() == Control::kSkipped) {
      controls[trial.control_why()].push_back(trial.name());
    }
    if (trial.grade() == Grade::kNotPromised) {
      not_promised[Join(trial.reasons(), "; ")].push_back(trial.name());
    }
  }
  PrintGroups(
      "Controls that could not be run here, so that nothing shows that these attacks would work "
      "without a sandbox:",
      controls);
  PrintGroups("Got through where nothing is promised (docs/THREAT_MODEL.md):", not_promised);
}

}  // namespace

bool TooFewAhead(const Report& report) {
  return report.whole && 2 * report.ahead.found < report.ahead.served;
}

bool IsSound(const Report& report) {
  return report.signal == 0 && !report.trials.empty() && report.trials.size() == report.selected &&
         Count(report, Grade::kInDoubt) == 0 && Count(report, Grade::kGotThrough) == 0 &&
         !TooFewAhead(report);
}

json ToJson(const Report& report) {
  json attacks = json::array();
  for (const Trial& trial : report.trials) {
    attacks.push_back(ToJson(trial));
  }
  json counts = {{"selected", report.selected},
                 {"tried", report.trials.size()},
                 {"controls_shown", Count(report, Control::kShown)},
                 {"controls_not_run", Count(report, Control::kSkipped)}};
  for (const Grade grade :
       {Grade::kHeldOff, Grade::kNotPromised, Grade::kInDoubt, Grade::kGotThrough}) {
    counts[WordsOf(grade).key] = Count(report, grade);
  }
  json document = {{"ok", IsSound(report)},
                   {"casemate", report.casemate},
                   {"version", CASEMATE_VERSION},
                   {"kernel", KernelRelease()},
                   {"root", report.root},
                   {"served", report.served},
                   {"mounts_watched", report.watches_mounts},
                   {"interrupted", report.signal != 0},
                   {"counts", std::move(counts)},
                   {"attacks", std::move(attacks)}};
  if (report.served) {
    document["made_ahead"] = {{"calls", report.ahead.served}, {"found", report.ahead.found}};
  }
  return document;
}

void PrintSummary(const Report& report) {
  PrintExceptions(report);
  if (!report.watches_mounts) {
    std::cout << "\nMounts of the host were not watched: only root can tell them from those of "
                 "other programs\n";
  }
  PrintGraded(report, Grade::kInDoubt, "IN DOUBT, neither held off nor let through:");
  PrintGraded(report, Grade::kGotThrough, "GOT THROUGH:");
  std::cout << '\n';
  if (report.served) {
    std::cout << report.ahead.found << " of " << report.ahead.served
              << " attacks found a sandbox made ahead"
              << (TooFewAhead(report) ? ": too few to tell about those" : "") << '\n';
  }
  if (report.signal != 0) {
    std::cout << "Interrupted by SIG" << sigabbrev_np(report.signal) << " after "
              << report.trials.size() << " of " << report.selected << " attacks\n";
  }
  std::cout << Plural(Count(report, Control::kShown), "control")
            << " showed that the attack works without a sandbox, "
            << Count(report, Control::kSkipped) << " could not be run\n"
            << Plural(report.trials.size(), "attack") << ": " << Count(report, Grade::kHeldOff)
            << " held off, " << Count(report, Grade::kGotThrough) << " got through, "
            << Count(report, Grade::kNotPromised) << " not promised, "
            << Count(report, Grade::kInDoubt) << " in doubt" << '\n'
            << std::flush;
}

Progress::Progress(bool silent) : silent_(silent), terminal_(isatty(STDOUT_FILENO) == 1) {}

void Progress::Begin(const Report& report) {
  if (!silent_) {
    std::cout << Plural(report.selected, "attack") << " on " << report.casemate << " as "
              << (report.root ? "root" : "an ordinary user")
              << (report.served ? ", through a server" : "")
              << "; each in a sandbox and, as its control, without one" << '\n'
              << std::flush;
  }
}

void Progress::Start(const std::string& theme, const std::string& name) {
  if (theme != theme_) {
    theme_ = theme;
    theme_started_ = std::chrono::steady_clock::now();
    tried_ = held_off_ = not_promised_ = 0;
  }
  if (!silent_ && terminal_) {
    Clear();
    std::cout << std::left << std::setw(10) << theme << ' ' << tried_ << " tried; " << name
              << std::flush;
  }
}

void Progress::Done(const Trial& trial, const std::string& next_theme) {
  ++tried_;
  held_off_ += trial.grade() == Grade::kHeldOff ? 1 : 0;
  not_promised_ += trial.grade() == Grade::kNotPromised ? 1 : 0;
  if (silent_) {
    return;
  }
  Clear();
  if (trial.grade() > Grade::kNotPromised) {
    std::cout << WordsOf(trial.grade()).text << ' ' << trial.name() << ": "
              << Printable(Join(trial.reasons(), "; ")) << '\n';
    for (const std::string& note : trial.notes()) {
      std::cout << "    " << Printable(note) << '\n';
    }
    std::cout.flush();
  }
  if (next_theme != theme_) {
    const std::chrono::duration<double> took = std::chrono::steady_clock::now() - theme_started_;
    std::cout << std::left << std::setw(10) << theme_ << ' ' << held_off_ << " of " << tried_
              << " held off";
    if (not_promised_ > 0) {
      std::cout << ", " << not_promised_ << " not promised";
    }
    std::cout << std::fixed << std::setprecision(1) << " (" << took.count() << " s)" << '\n'
              << std::flush;
  }
}

void Progress::Clear() const {
  if (terminal_) {
    std::cout << "\r\x1b[K";
  }
}

}  // namespace casemate::escape
