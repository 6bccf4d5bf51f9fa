// Tables with colours, for standard output, and how a list of containers looks in one. Pure but
// for the question whether standard output is a terminal (terminal.h).
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

#include <nlohmann/json_fwd.hpp>

#include "clients/cli/terminal.h"

namespace casemate::cli {

struct Cell {
  std::string text;              // one line of valid UTF-8
  std::optional<Colour> colour;  // none: the terminal's own
};
// The columns aligned, two spaces apart, each line cut at `width` characters; 0: not cut.
std::vector<std::string> TableLines(const std::vector<std::vector<Cell>>& rows, std::size_t width);

// The header and a row for each of `containers`, rows of container_status in full.
std::vector<std::vector<Cell>> ContainerTable(const nlohmann::json& containers);

}  // namespace casemate::cli
