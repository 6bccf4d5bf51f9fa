#include "clients/cli/table.h"

#include <algorithm>
#include <iostream>

#include "base/text.h"

namespace casemate::cli {

void PrintTable(const std::vector<std::vector<std::string>>& rows) {
  std::vector<std::size_t> widths;
  for (const auto& row : rows) {
    widths.resize(std::max(widths.size(), row.size()));
    for (std::size_t i = 0; i < row.size(); ++i) {
      widths[i] = std::max(widths[i], row[i].size());
    }
  }
  for (const auto& row : rows) {
    std::string line;
    for (std::size_t i = 0; i < row.size(); ++i) {
      line += row[i] + std::string(widths[i] - row[i].size() + 2, ' ');
    }
    std::cout << EscapeControls(ToValidUtf8(line.substr(0, line.find_last_not_of(' ') + 1)), false)
              << '\n';
  }
}

}  // namespace casemate::cli
