#include "sandbox/container/engine/json_lines.h"

#include <nlohmann/json.hpp>

#include "sandbox/container/engine/answer.h"

namespace casemate::container {

bool JsonLines::PassOver(Error why) {
  if (!on_bad_) {
    error_ = std::move(why);
    return false;
  }
  on_bad_();
  return true;
}

bool JsonLines::Take(std::string_view line) {
  if (line.find_first_not_of(" \r\t") == std::string_view::npos) {
    return true;
  }
  auto object = ParseObject(what_, line);
  if (!object) {
    return PassOver(std::move(object).error());
  }
  return take_(*object);
}

bool JsonLines::Feed(std::string_view bytes) {
  while (!bytes.empty()) {
    const std::size_t end = bytes.find('\n');
    const std::string_view piece = bytes.substr(0, end);
    if (!is_too_long_ && pending_.size() + piece.size() > max_line_bytes_) {
      is_too_long_ = true;
      pending_.clear();
      if (!PassOver(Error{ErrorCode::kInternal,
                          what_ + ": expected lines of at most " + std::to_string(max_line_bytes_) +
                              " bytes, got more",
                          {},
                          "see what the engine logs",
                          0})) {
        return false;
      }
    }
    if (is_too_long_) {
      is_too_long_ = end == std::string_view::npos;
      bytes.remove_prefix(is_too_long_ ? bytes.size() : end + 1);
      continue;
    }
    if (end == std::string_view::npos) {
      pending_.append(piece);
      return true;
    }
    bytes.remove_prefix(end + 1);
    bool goes_on = false;
    if (pending_.empty()) {
      goes_on = Take(piece);
    } else {
      pending_.append(piece);
      const std::string line = std::move(pending_);
      pending_.clear();
      goes_on = Take(line);
    }
    if (!goes_on) {
      return false;
    }
  }
  return true;
}

}  // namespace casemate::container
