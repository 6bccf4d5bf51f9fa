// How a running tool asks its caller's client for something: a form to be filled in, a page to be
// visited, a model's answer, the client's roots. A tool asks once and does not know how the
// question travels: as a request to the client (MCP until 2025-11-25), as an `input_required`
// result that the client answers with a second call (MCP since 2026-07-28), or through a task.
//
// A tool asks before it changes anything: in the second form it is started anew, with the same
// arguments, once the answers are there. When Ask fails, the tool returns ErrorResult(error) at
// once. Implementations belong to one call; thread-safe.
#pragma once

#include <map>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "base/result.h"

namespace casemate::tools {

enum class AskKind { kForm, kUrl, kSampling, kRoots };

struct Question {
  std::string key;  // names the answer; unique within a call
  AskKind kind = AskKind::kForm;
  nlohmann::json params;  // of elicitation/create, sampling/createMessage or roots/list
};

// The client's results by key, as it sent them: {action, content?} of a form, for example. Checked
// to be objects; what is in them is the tool's to judge.
using Answers = std::map<std::string, nlohmann::json>;

class Asker {
 public:
  virtual ~Asker() = default;
  // Whether the client declared that it can answer such questions.
  [[nodiscard]] virtual bool Supports(AskKind kind) const = 0;
  // Asks all of `questions` at once and returns an answer to each. Errors: kUnsupportedByClient,
  // kInputRequired (the call is to end now and will be made again), kCancelled, kUnavailable (no
  // answer in time).
  virtual Result<Answers> Ask(const std::vector<Question>& questions) = 0;
  // What the client answered before this call began: in an earlier round of it.
  [[nodiscard]] virtual Answers Known() const { return {}; }
};

// A question whose form has one yes/no field `confirm`.
Question ConfirmQuestion(std::string key, const std::string& message);
// Whether the answer to a form was accepted; `field` then points at that member of its content, or
// is null if it is missing.
struct FormAnswer {
  bool accepted = false;
  const nlohmann::json* field = nullptr;
};
FormAnswer ReadForm(const Answers& answers, const std::string& key, const std::string& field);

}  // namespace casemate::tools
