// Tables on standard output. Main thread only.
#pragma once

#include <string>
#include <vector>

namespace casemate::cli {

// The columns aligned, two spaces apart; control characters made visible, for what is printed may
// come from a file that others have written to. All rows have as many columns.
void PrintTable(const std::vector<std::vector<std::string>>& rows);

}  // namespace casemate::cli
