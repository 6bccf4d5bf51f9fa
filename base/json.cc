#include "base/json.h"

#include <unordered_set>
#include <vector>

#include <nlohmann/json.hpp>

#include "base/plain_json.h"
#include "base/text.h"

namespace casemate {
namespace {

using nlohmann::json;

// Builds the document while it checks what nlohmann's own parser lets pass: duplicate keys (the
// last would win, so that two readers could see two messages) and depth (stack exhaustion).
class StrictBuilder : public nlohmann::json_sax<json> {
 public:
  explicit StrictBuilder(int max_depth) : max_depth_(max_depth) {}

  bool null() override { return Add(nullptr); }
  bool boolean(bool value) override { return Add(value); }
  bool number_integer(number_integer_t value) override { return Add(value); }
  bool number_unsigned(number_unsigned_t value) override { return Add(value); }
  bool number_float(number_float_t value, const string_t&) override { return Add(value); }
  bool string(string_t& value) override { return Add(std::move(value)); }
  bool binary(binary_t&) override { return false; }

  bool start_object(std::size_t) override { return Open(json::object()); }
  bool end_object() override { return Close(); }
  bool start_array(std::size_t) override { return Open(json::array()); }
  bool end_array() override { return Close(); }

  bool key(string_t& name) override {
    auto& members = open_.back()->get_ref<json::object_t&>();
    const auto [place, is_new] = members.try_emplace(std::move(name));
    if (!is_new) {
      problem_ = "duplicate key " +
                 json(place->first).dump(-1, ' ', false, json::error_handler_t::replace);
      return false;
    }
    slot_ = &place->second;
    return true;
  }

  bool parse_error(std::size_t position, const std::string&,
                   const nlohmann::detail::exception& error) override {
    // It quotes what it could not read, which may be no text.
    problem_ = EscapeControls(ToValidUtf8(error.what()), false);
    // "[json.exception.parse_error.101] parse error at line 1, column 4: …" → the last part.
    if (const std::size_t colon = problem_.find(": "); colon != std::string::npos) {
      problem_ = problem_.substr(colon + 2);
    }
    problem_ += " at byte " + std::to_string(position);
    return false;
  }

  json root;
  [[nodiscard]] const std::string& problem() const { return problem_; }

 private:
  template <typename Value>
  json* Place(Value&& value) {
    if (open_.empty()) {
      root = std::forward<Value>(value);
      return &root;
    }
    json& parent = *open_.back();
    if (parent.is_array()) {
      parent.push_back(std::forward<Value>(value));
      return &parent.back();
    }
    *slot_ = std::forward<Value>(value);
    return slot_;
  }

  template <typename Value>
  bool Add(Value&& value) {
    Place(std::forward<Value>(value));
    return true;
  }

  // Pointers in open_ stay valid: only the innermost container grows, and it is the last one.
  bool Open(json container) {
    if (static_cast<int>(open_.size()) >= max_depth_) {
      problem_ = "nested deeper than " + std::to_string(max_depth_) + " levels";
      return false;
    }
    open_.push_back(Place(std::move(container)));
    return true;
  }
  bool Close() {
    open_.pop_back();
    return true;
  }

  int max_depth_;
  std::vector<json*> open_;
  json* slot_ = nullptr;  // of the member whose key came last
  std::string problem_;
};

}  // namespace

Result<json> ParseJson(std::string_view text, const JsonLimits& limits) {
  if (text.size() > limits.max_bytes) {
    return InvalidArgument({}, "expected at most " + std::to_string(limits.max_bytes) +
                                   " bytes of JSON, got " + std::to_string(text.size()));
  }
  if (json plain; ReadPlainJson(text, limits.max_depth, plain)) {
    return plain;
  }
  StrictBuilder builder(limits.max_depth);
  if (!json::sax_parse(text.begin(), text.end(), &builder)) {
    const std::string& problem = builder.problem();
    return InvalidArgument({}, "expected JSON: " + (problem.empty() ? "not readable" : problem));
  }
  return std::move(builder.root);
}

std::string DumpJson(const json& value) {
  return value.dump(-1, ' ', false, json::error_handler_t::replace);
}

}  // namespace casemate
