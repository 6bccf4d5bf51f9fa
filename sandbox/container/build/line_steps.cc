#include "sandbox/container/build/line_steps.h"

#include <charconv>
#include <utility>

namespace casemate::container {

namespace {

bool TakePrefix(std::string_view& text, std::string_view prefix) {
  if (!text.starts_with(prefix)) {
    return false;
  }
  text.remove_prefix(prefix.size());
  return true;
}

bool TakeNumber(std::string_view& text, int& number) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  text.remove_prefix(static_cast<std::size_t>(end - text.data()));
  return error == std::errc() && number > 0;
}

// Docker's "Step 2/5 : RUN make", Podman's "STEP 2/5: RUN make" and "[1/2] STEP 2/5: RUN make".
bool TakeHead(std::string_view& text, BuildStep& step) {
  int stage = 0;
  int stages = 0;
  if (TakePrefix(text, "[")) {
    if (!TakeNumber(text, stage) || !TakePrefix(text, "/") || !TakeNumber(text, stages) ||
        !TakePrefix(text, "] STEP ")) {
      return false;
    }
    step.stage = std::to_string(stage) + "/" + std::to_string(stages);
  } else if (!TakePrefix(text, "Step ") && !TakePrefix(text, "STEP ")) {
    return false;
  }
  return TakeNumber(text, step.number) && TakePrefix(text, "/") && TakeNumber(text, step.total) &&
         (TakePrefix(text, " : ") || TakePrefix(text, ": ")) && step.number <= step.total;
}

// What Docker prints in red came from stderr.
bool TakeRed(std::string_view& text) {
  constexpr std::string_view kRed = "\x1b[91m";
  constexpr std::string_view kPlain = "\x1b[0m";
  if (text.size() < kRed.size() + kPlain.size() || !text.starts_with(kRed) ||
      !text.ends_with(kPlain)) {
    return false;
  }
  text.remove_prefix(kRed.size());
  text.remove_suffix(kPlain.size());
  return true;
}

bool IsId(std::string_view text) {
  return text.size() >= 11 && text.size() <= 64 &&
         text.find_first_not_of("0123456789abcdef") == std::string_view::npos;
}

bool IsWord(std::string_view text) {
  return !text.empty() && text.find_first_of(" \t\n") == std::string_view::npos;
}

// "COMMIT", "COMMIT docker.io/library/name:tag", "[2/2] COMMIT …".
bool IsCommit(std::string_view text) {
  int number = 0;
  if (TakePrefix(text, "[") && !(TakeNumber(text, number) && TakePrefix(text, "/") &&
                                 TakeNumber(text, number) && TakePrefix(text, "] "))) {
    return false;
  }
  return TakePrefix(text, "COMMIT") && (text.empty() || (TakePrefix(text, " ") && IsWord(text)));
}

}  // namespace

bool LineSteps::TakeStep(std::string_view text) {
  BuildStep step;
  const bool text_begins_as_docker = text.starts_with("Step ");
  if (!TakeHead(text, step)) {
    return false;
  }
  const bool follows = step.number == number_ + 1 && (number_ == 0 || step.total == total_);
  const bool next_stage = step.number == 1 && number_ == total_ && !step.stage.empty();
  if (!follows && !next_stage) {
    return false;
  }
  is_podman_ = !text_begins_as_docker;
  book_.Done(current_);
  number_ = step.number;
  total_ = step.total;
  line_is_over_ = text.ends_with('\n');
  text.remove_suffix(line_is_over_ ? 1 : 0);
  step.name = text;
  current_ = book_.Add(std::move(step));
  book_.Begin(current_);
  return true;
}

// What the builder itself says between the output of commands; true: it was such a message.
bool LineSteps::TakeMark(std::string_view text) {
  if (!line_is_over_ && text == "\n") {
    line_is_over_ = true;
    return true;
  }
  if (!text.ends_with('\n')) {
    return false;
  }
  text.remove_suffix(1);
  if (TakePrefix(text, " ---> Running in ") ||
      TakePrefix(text, "Removing intermediate container ") ||
      TakePrefix(text, "Successfully built ")) {
    return IsId(text);
  }
  if (TakePrefix(text, "Successfully tagged ")) {
    return IsWord(text);
  }
  if (TakePrefix(text, " ---> ") || TakePrefix(text, "--> ")) {
    if (text.starts_with("Using cache")) {
      book_.Cached(current_);
      return true;
    }
    return text.empty() || IsId(text);
  }
  return is_podman_ && (IsCommit(text) || (text.size() == 64 && IsId(text)));
}

void LineSteps::TakeStream(std::string_view text) {
  if (TakeStep(text) || TakeMark(text)) {
    return;
  }
  const StdStream stream = TakeRed(text) ? StdStream::kStderr : StdStream::kStdout;
  book_.Log(current_, stream, text);
}

void LineSteps::TakeStatus(std::string_view id, std::string_view status, std::int64_t current,
                           std::int64_t total) {
  const std::string what = (id.empty() ? "" : std::string(id) + ": ") + std::string(status);
  book_.Progress(current_, what, current, total);
}

void LineSteps::End(bool succeeded, std::string_view error) {
  if (succeeded) {
    book_.Done(current_);
  } else {
    book_.Fail(current_, error);
  }
}

}  // namespace casemate::container
