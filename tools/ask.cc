#include "tools/ask.h"

#include <utility>

namespace casemate::tools {

using nlohmann::json;

Question ConfirmQuestion(std::string key, const std::string& message) {
  return {std::move(key),
          AskKind::kForm,
          {{"message", message},
           {"requestedSchema",
            {{"type", "object"},
             {"properties", {{"confirm", {{"type", "boolean"}, {"title", "Confirm"}}}}},
             {"required", {"confirm"}}}}}};
}

FormAnswer ReadForm(const Answers& answers, const std::string& key, const std::string& field) {
  FormAnswer form;
  const auto answer = answers.find(key);
  if (answer == answers.end() || !answer->second.is_object()) {
    return form;
  }
  const json& given = answer->second;
  const auto action = given.find("action");
  form.accepted = action != given.end() && *action == "accept";
  const auto content = given.find("content");
  if (form.accepted && content != given.end() && content->is_object()) {
    const auto found = content->find(field);
    form.field = found == content->end() ? nullptr : &*found;
  }
  return form;
}

}  // namespace casemate::tools
