// What every stream of messages from the server must obey, whatever was sent: only valid messages,
// an answer at most to each request, and one at least to each that nobody cancelled. One thread.
#pragma once

#include <map>
#include <string>
#include <string_view>

#include <nlohmann/json.hpp>

namespace casemate::fuzz {

// What is wrong with it as a message of ours; empty: nothing.
std::string ProblemOf(const nlohmann::json& message);

class Ledger {
 public:
  // From here on batches are in order, and so is what is in them: all their requests are answered.
  void ExpectBatches() { takes_batches_ = true; }
  // A line of the client's, as the server got it.
  void Asked(std::string_view line);
  // One that was too long to be read.
  void AskedTooMuch();
  // A line of the server's. Returns what is wrong with it; empty: nothing.
  std::string Answered(std::string_view line);
  // What was answered too often or not at all, once the server has ended; empty: nothing.
  [[nodiscard]] std::string Balance() const;
  // How many answers came.
  [[nodiscard]] int answers() const { return answers_; }

 private:
  // Null: messages without an id.
  struct Entry {
    int at_least = 0;
    int at_most = 0;
    int answers = 0;
    bool cancelled = false;
  };
  void Expect(const nlohmann::json& id, bool certain);

  std::map<nlohmann::json, Entry> entries_;
  int answers_ = 0;
  bool takes_batches_ = false;
};

}  // namespace casemate::fuzz
