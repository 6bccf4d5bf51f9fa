// JsonLines: a stream of JSON objects, each on a line, however the bytes are cut. Owned by one
// exchange.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include <nlohmann/json_fwd.hpp>

#include "base/result.h"

namespace casemate::container {

class JsonLines {
 public:
  // `take` gets each object; false: enough. With `on_bad`, a line that is no object or is too long
  // is left out, and `on_bad` called for it; without, it is an error.
  JsonLines(std::string what, std::function<bool(const nlohmann::json& line)> take,
            std::size_t max_line_bytes = std::size_t{1} << 20, std::function<void()> on_bad = {})
      : what_(std::move(what)),
        take_(std::move(take)),
        max_line_bytes_(max_line_bytes),
        on_bad_(std::move(on_bad)) {}

  // False: enough, or an error.
  bool Feed(std::string_view bytes);
  [[nodiscard]] const std::optional<Error>& error() const { return error_; }

 private:
  bool Take(std::string_view line);
  // Whether it goes on after a line that is `why`.
  bool PassOver(Error why);

  const std::string what_;
  const std::function<bool(const nlohmann::json& line)> take_;
  const std::size_t max_line_bytes_;
  const std::function<void()> on_bad_;
  std::string pending_;
  bool is_too_long_ = false;  // the line that comes: nothing of it is kept
  std::optional<Error> error_;
};

}  // namespace casemate::container
