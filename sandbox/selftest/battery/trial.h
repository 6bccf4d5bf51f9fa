// Trial: one attack as it is tried, and what is found out about it. Filled by the battery, read by
// the report. Single-threaded.
#pragma once

#include <exception>
#include <string>
#include <vector>

namespace casemate::escape {

enum class Grade {  // from good to bad
  kHeldOff,         // as expected, reason and all, and nothing was left behind
  kNotPromised,     // got through, where the documentation says that it can
  kInDoubt,         // neither of the two was shown
  kGotThrough,
};

enum class Control {
  kNone,     // there is none to run, or it was not reached
  kShown,    // unconfined, the attack works
  kSkipped,  // it could not be run here
};

// Thrown by Require: this trial cannot go on. The next one can.
struct TrialOver : std::exception {};

class Trial {
 public:
  Trial(std::string theme, std::string name) : theme_(std::move(theme)), name_(std::move(name)) {}

  // A failed check makes the grade at least `otherwise` and keeps the reason.
  void Check(bool ok, Grade otherwise, const std::string& reason);
  void Require(bool ok, Grade otherwise, const std::string& reason);
  // Shown when the attack was not held off.
  void Note(std::string what) { notes_.push_back(std::move(what)); }
  void ControlShown() { control_ = Control::kShown; }
  void ControlSkipped(std::string why, std::string answer);
  // What the attack brought, as the probe or the result said it.
  void Answered(std::string answer) { answer_ = std::move(answer); }

  [[nodiscard]] const std::string& theme() const { return theme_; }
  [[nodiscard]] std::string name() const { return theme_ + ": " + name_; }
  [[nodiscard]] Grade grade() const { return grade_; }
  [[nodiscard]] const std::vector<std::string>& reasons() const { return reasons_; }
  [[nodiscard]] const std::vector<std::string>& notes() const { return notes_; }
  [[nodiscard]] const std::string& answer() const { return answer_; }
  [[nodiscard]] Control control() const { return control_; }
  [[nodiscard]] const std::string& control_why() const { return control_why_; }
  [[nodiscard]] const std::string& control_answer() const { return control_answer_; }

 private:
  std::string theme_;
  std::string name_;
  Grade grade_ = Grade::kHeldOff;
  std::vector<std::string> reasons_;
  std::vector<std::string> notes_;
  std::string answer_;
  Control control_ = Control::kNone;
  std::string control_why_;
  std::string control_answer_;
};

}  // namespace casemate::escape
