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
  // `take` gets each object; false: enough.
  JsonLines(std::string what, std::function<bool(const nlohmann::json& line)> take,
            std::size_t max_line_bytes = std::size_t{1} << 20)
      : what_(std::move(what)), take_(std::move(take)), max_line_bytes_(max_line_bytes) {}

  // False: enough, or an error: a line that is no object, or is too long.
  bool Feed(std::string_view bytes);
  [[nodiscard]] const std::optional<Error>& error() const { return error_; }

 private:
  bool Take(std::string_view line);

  const std::string what_;
  const std::function<bool(const nlohmann::json& line)> take_;
  const std::size_t max_line_bytes_;
  std::string pending_;
  std::optional<Error> error_;
};

}  // namespace casemate::container
