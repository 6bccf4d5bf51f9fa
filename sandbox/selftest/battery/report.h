// What the battery says: a line a theme as it goes on, a summary, or one JSON document.
// Single-threaded.
#pragma once

#include <chrono>
#include <cstddef>
#include <string>
#include <vector>

#include <nlohmann/json_fwd.hpp>

#include "sandbox/selftest/battery/battery.h"
#include "sandbox/selftest/battery/trial.h"

namespace casemate::escape {

struct Report {
  std::string casemate;  // path of the program under attack
  bool root = false;
  bool served = false;
  bool watches_mounts = false;
  bool whole = true;         // no pattern picked some
  std::size_t selected = 0;  // cases to try
  std::vector<Trial> trials;
  Ahead ahead;
  int signal = 0;  // that interrupted it
};

// Was all tried, and nothing got through or stayed in doubt?
bool IsSound(const Report& report);
// Of sandboxes made ahead, too few were found for the run to be about them.
bool TooFewAhead(const Report& report);

nlohmann::json ToJson(const Report& report);
void PrintSummary(const Report& report);

// On a terminal also a line that says what is being tried, written over again and again.
class Progress {
 public:
  explicit Progress(bool silent);
  void Begin(const Report& report);
  void Start(const std::string& theme, const std::string& name);
  // Ends the present theme's line when `next_theme` is another one.
  void Done(const Trial& trial, const std::string& next_theme);

 private:
  void Clear() const;

  bool silent_;
  bool terminal_;
  std::chrono::steady_clock::time_point theme_started_;
  std::string theme_;
  std::size_t tried_ = 0;
  std::size_t held_off_ = 0;
  std::size_t not_promised_ = 0;
};

}  // namespace casemate::escape
