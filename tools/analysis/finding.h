// What the analysis says of a project: a value, where it was read, how sure that is, and what else
// it could have been. Plain values; thread-safe.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace casemate::analysis {

enum class Confidence {
  kGuess,    // our default for such projects: nothing in this one says so
  kLikely,   // follows from what is there, by the conventions of its tools
  kCertain,  // stated in a file of the project
};
// "guess", "likely", "certain"
std::string_view ToString(Confidence confidence);

// The initialisers let g++ 12 accept designated initialisers that name only some members.
// NOLINTBEGIN(readability-redundant-member-init)
struct Source {
  std::string file{};   // relative to the root of the project; empty: none, a default
  std::string field{};  // in it: "engines.node", "scripts.start", "line 12"; may be empty
};

struct Candidate {
  std::string value;
  Source source{};
  Confidence confidence = Confidence::kCertain;
};

// NOLINTEND(readability-redundant-member-init)

struct Finding : Candidate {
  Finding() = default;
  Finding(std::string text, Source from, Confidence sure)
      : Candidate{std::move(text), std::move(from), sure} {}
  std::vector<Candidate> alternatives;  // other values, in the order in which they were considered
};

// Gathers what may be the value of something, the most telling place first.
class Choice {
 public:
  // Empty values do not count; one that is there already is not added again.
  void Add(std::string value, Source source, Confidence confidence = Confidence::kCertain);
  [[nodiscard]] bool empty() const { return candidates_.empty(); }
  // The first that was added, with the others as its alternatives; nullopt: none was.
  [[nodiscard]] std::optional<Finding> Best() const;
  // That, or our default, a guess.
  [[nodiscard]] Finding BestOr(std::string standby) const;

 private:
  std::vector<Candidate> candidates_;
};

}  // namespace casemate::analysis
