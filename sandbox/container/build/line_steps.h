// LineSteps: what the builders of old and Podman's print, one message at a time, as the steps of a
// build. A command may print lines that look like theirs; what that can fake is a step's name on
// the screen: steps must follow each other, and neither result nor image is taken from here. Owned
// by one build.
#pragma once

#include <string>
#include <string_view>

#include "sandbox/container/build/step_book.h"

namespace casemate::container {

class LineSteps {
 public:
  explicit LineSteps(StepBook& book) : book_(book) {}
  // A "stream" of an engine's answer.
  void TakeStream(std::string_view text);
  // A "status", with the layer that it is about: what is pulled.
  void TakeStatus(std::string_view id, std::string_view status, std::int64_t current,
                  std::int64_t total);
  // How the build ended; what is under way ends so, too.
  void End(bool succeeded, std::string_view error);

  [[nodiscard]] bool has_begun() const { return current_ != 0; }

 private:
  bool TakeStep(std::string_view text);
  bool TakeMark(std::string_view text);

  StepBook& book_;
  int current_ = 0;  // index of the step that is under way
  int number_ = 0;
  int total_ = 0;
  bool is_podman_ = false;
  bool line_is_over_ = true;  // the end of a step's line comes as a message of its own
};

}  // namespace casemate::container
