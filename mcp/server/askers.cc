#include "mcp/server/askers.h"

#include <algorithm>
#include <utility>

#include "base/hash.h"
#include "base/json.h"
#include "mcp/protocol/wire.h"
#include "mcp/server/errors.h"
#include "mcp/server/params.h"
#include "mcp/server/server.h"
#include "mcp/server/session.h"
#include "tools/job.h"

namespace casemate::mcp {

using nlohmann::json;
using tools::Answers;
using tools::AskKind;
using tools::Question;

namespace {

const char* MethodOf(AskKind kind) {
  switch (kind) {
    case AskKind::kForm:
    case AskKind::kUrl:
      return "elicitation/create";
    case AskKind::kSampling:
      return "sampling/createMessage";
    case AskKind::kRoots:
      return "roots/list";
  }
  return "";
}

json CapabilityOf(AskKind kind) {
  switch (kind) {
    case AskKind::kForm:
      return {{"elicitation", {{"form", json::object()}}}};
    case AskKind::kUrl:
      return {{"elicitation", {{"url", json::object()}}}};
    case AskKind::kSampling:
      return {{"sampling", json::object()}};
    case AskKind::kRoots:
      return {{"roots", json::object()}};
  }
  return {};
}

bool HasMember(const json& object, const char* key) {
  return object.is_object() && object.contains(key) && object[key].is_object();
}

// Whether an answer has the form that its kind demands; what it says is the tool's to judge.
bool IsAnswer(AskKind kind, const json& answer) {
  if (!answer.is_object()) {
    return false;
  }
  switch (kind) {
    case AskKind::kForm:
    case AskKind::kUrl: {
      const auto action = answer.find("action");
      return action != answer.end() &&
             (*action == "accept" || *action == "decline" || *action == "cancel");
    }
    case AskKind::kSampling:
      return answer.contains("role") && answer.contains("content");
    case AskKind::kRoots:
      return answer.contains("roots") && answer["roots"].is_array();
  }
  return false;
}

class RequestAsker : public ExchangeAsker {
 public:
  RequestAsker(const Exchange& exchange, std::stop_token stop)
      : ExchangeAsker(exchange), stop_(std::move(stop)) {}

  Result<Answers> Ask(const std::vector<Question>& questions) override;
  std::optional<Outcome> Interruption(bool /*is_error*/) override { return std::nullopt; }

 private:
  // Sends those of `questions` and adds the answers to `answers`.
  Result<void> AskClient(const std::vector<Question>& questions, Answers& answers);

  std::stop_token stop_;
  // By key: a person who answered a question in this call is not asked it again, as under the other
  // form, where a tool that starts anew repeats its questions. Guarded by mutex_.
  Answers answered_;
};

Result<Answers> RequestAsker::Ask(const std::vector<Question>& questions) {
  if (auto supported = CheckSupport(questions); !supported) {
    return std::move(supported).error();
  }
  Answers answers;
  std::vector<Question> unanswered;
  {
    const std::lock_guard lock(mutex_);
    for (const Question& question : questions) {
      const auto found = answered_.find(question.key);
      if (found != answered_.end() && IsAnswer(question.kind, found->second)) {
        answers.insert(*found);
      } else {
        unanswered.push_back(question);
      }
    }
  }
  auto asked = AskClient(unanswered, answers);
  const std::lock_guard lock(mutex_);
  answered_.insert(answers.begin(), answers.end());
  if (!asked) {
    return std::move(asked).error();
  }
  return answers;
}

Result<void> RequestAsker::AskClient(const std::vector<Question>& questions, Answers& answers) {
  ClientQuestions& asked = exchange_.session->questions();
  std::vector<jsonrpc::RequestId> ids;
  for (const Question& question : questions) {
    const json travelling = QuestionJson(exchange_.edition, question);
    ids.push_back(
        asked.Send(exchange_.sink, travelling["method"].get<std::string>(), travelling["params"]));
  }
  std::optional<Error> failed;
  for (std::size_t i = 0; i < questions.size(); ++i) {
    auto answer = asked.Await(ids[i], exchange_.sink, stop_, exchange_.server().options().ask_time);
    if (answer && !IsAnswer(questions[i].kind, *answer)) {
      answer = Error{ErrorCode::kUnavailable,
                     "the client's answer has not the form of one",
                     {},
                     "report this to the maker of the client",
                     0};
    }
    if (!answer) {  // the others are awaited all the same, so that none stays open
      failed = failed.has_value() ? failed : answer.error();
      continue;
    }
    answers.emplace(questions[i].key, *std::move(answer));
  }
  if (failed.has_value()) {
    return *std::move(failed);
  }
  return {};
}

class ResultAsker : public ExchangeAsker {
 public:
  ResultAsker(const Exchange& exchange, RequestStates::Binding binding, json answered)
      : ExchangeAsker(exchange), binding_(std::move(binding)), answered_(std::move(answered)) {}

  Result<Answers> Ask(const std::vector<Question>& questions) override;
  std::optional<Outcome> Interruption(bool is_error) override;
  [[nodiscard]] Answers Known() const override;

 private:
  RequestStates::Binding binding_;
  json answered_;                     // what earlier rounds brought, by key
  std::vector<Question> unanswered_;  // guarded by mutex_
};

Result<Answers> ResultAsker::Ask(const std::vector<Question>& questions) {
  if (auto supported = CheckSupport(questions); !supported) {
    return std::move(supported).error();
  }
  const std::lock_guard lock(mutex_);
  Answers answers;
  unanswered_.clear();
  for (const Question& question : questions) {
    const auto found = answered_.find(question.key);
    if (found != answered_.end() && IsAnswer(question.kind, *found)) {
      answers.emplace(question.key, *found);
    } else {
      unanswered_.push_back(question);
    }
  }
  if (!unanswered_.empty()) {
    return Error{ErrorCode::kInputRequired,
                 "the call needs answers from the client",
                 {},
                 "answer the questions and make the call again",
                 0};
  }
  return answers;
}

Answers ResultAsker::Known() const {
  const std::lock_guard lock(mutex_);
  Answers known;
  for (const auto& [key, answer] : answered_.items()) {
    if (answer.is_object()) {
      known.emplace(key, answer);
    }
  }
  return known;
}

std::optional<Outcome> ResultAsker::Interruption(bool is_error) {
  const std::lock_guard lock(mutex_);
  if (is_error && !missing_.is_null()) {
    return MissingCapability(missing_);
  }
  if (unanswered_.empty()) {
    return std::nullopt;
  }
  json asked = json::object();
  json keys = json::object();
  for (const Question& question : unanswered_) {
    answered_.erase(question.key);
    keys[question.key] = true;
    asked[question.key] = QuestionJson(exchange_.edition, question);
  }
  Server& server = exchange_.server();
  auto state = server.states().Seal(binding_, {{"answered", answered_}, {"asked", keys}});
  if (!state) {
    return FromError(state.error());
  }
  return ResultOfType(server.options().identity, "input_required",
                      {{"inputRequests", std::move(asked)}, {"requestState", *std::move(state)}});
}

// The call without what differs between its rounds.
std::string DigestOf(json params) {
  for (const char* name : {"_meta", "inputResponses", "requestState"}) {
    params.erase(name);
  }
  return Sha256Hex(DumpJson(params));
}

Result<std::unique_ptr<ExchangeAsker>> MakeResultAsker(const Exchange& exchange) {
  RequestStates::Binding binding{tools::OwnerOf(exchange.session->principal()),
                                 exchange.request.method, DigestOf(exchange.params())};
  json answered = json::object();
  std::optional<json> asked;  // the keys of the last round; nullopt: no state says
  if (const json* state = FindParam(exchange.params(), "requestState")) {
    if (!state->is_string()) {
      return InvalidArgument("params.requestState", "expected a string, got another type");
    }
    auto opened = exchange.server().states().Open(binding, state->get_ref<const std::string&>());
    if (!opened) {
      return std::move(opened).error();
    }
    answered = std::move((*opened)["answered"]);
    asked = std::move((*opened)["asked"]);
  }
  if (const json* responses = FindParam(exchange.params(), "inputResponses")) {
    if (!responses->is_object()) {
      return InvalidArgument("params.inputResponses", "expected an object, got another type");
    }
    // With a state only what it asked is taken: an earlier answer cannot be changed. A client that
    // does not echo the state begins anew with its answers; they are its own word either way.
    for (const auto& [key, response] : responses->items()) {
      if (!asked.has_value() || asked->contains(key)) {
        answered[key] = response;
      }
    }
  }
  return std::unique_ptr<ExchangeAsker>(
      std::make_unique<ResultAsker>(exchange, std::move(binding), std::move(answered)));
}

}  // namespace

bool ExchangeAsker::Supports(AskKind kind) const {
  const json& declared = *exchange_.client.capabilities;
  const EditionTraits& edition = exchange_.edition;
  switch (kind) {
    case AskKind::kForm:  // {} means forms only
      return edition.elicitation && HasMember(declared, "elicitation") &&
             (declared["elicitation"].empty() || HasMember(declared["elicitation"], "form") ||
              !HasMember(declared["elicitation"], "url"));
    case AskKind::kUrl:
      return edition.elicitation_url && HasMember(declared, "elicitation") &&
             HasMember(declared["elicitation"], "url");
    case AskKind::kSampling:
      return HasMember(declared, "sampling");
    case AskKind::kRoots:
      return HasMember(declared, "roots");
  }
  return false;
}

Result<void> ExchangeAsker::CheckSupport(const std::vector<Question>& questions) {
  for (const Question& question : questions) {
    if (!Supports(question.kind)) {
      const std::lock_guard lock(mutex_);
      missing_ = CapabilityOf(question.kind);
      return Error{ErrorCode::kUnsupportedByClient,
                   "this needs the client capability " + DumpJson(missing_) +
                       ", which this client did not declare",
                   {},
                   "use a client that supports it",
                   0};
    }
  }
  return {};
}

json QuestionJson(const EditionTraits& edition, const Question& question) {
  json params = question.params.is_object() ? question.params : json::object();
  if (edition.elicitation_url) {
    if (question.kind == AskKind::kUrl) {
      params["mode"] = "url";
      if (!edition.modern && !params.contains("elicitationId")) {
        params["elicitationId"] = RandomHex(16);
      }
    } else if (question.kind == AskKind::kForm) {
      params["mode"] = "form";
    }
  }
  return {{"method", MethodOf(question.kind)}, {"params", std::move(params)}};
}

Result<std::unique_ptr<ExchangeAsker>> MakeAsker(const Exchange& exchange, std::stop_token stop) {
  if (exchange.edition.modern) {
    return MakeResultAsker(exchange);
  }
  return std::unique_ptr<ExchangeAsker>(std::make_unique<RequestAsker>(exchange, std::move(stop)));
}

}  // namespace casemate::mcp
