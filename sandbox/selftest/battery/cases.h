// Everything that the battery tries, in order, under the names that a pattern picks from.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "sandbox/selftest/battery/battery.h"
#include "sandbox/selftest/battery/trial.h"

namespace casemate::escape {

struct Case {
  std::string theme;
  std::string name;
  std::function<void(Battery&, Trial&)> run;
};

// `served`: only what a call to a server can do; the rest is about whole processes.
std::vector<Case> AllCases(bool served);
// Is it meant by the pattern? One with * or ? describes all of "theme: name", any other is a part.
bool Matches(const Case& one, const std::string& pattern);
// The attack, its invariants and its control. Throws Interrupted.
Trial TryCase(const Case& one, Battery& battery);

}  // namespace casemate::escape
