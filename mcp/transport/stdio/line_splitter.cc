#include "mcp/transport/stdio/line_splitter.h"

#include <utility>

namespace casemate::mcp {

std::size_t LineSplitter::Take(std::string_view bytes) {
  const std::size_t end = bytes.find('\n');
  if (end == std::string_view::npos) {
    Keep(bytes);
    return bytes.size();
  }
  if (line_.empty() && !oversized_ && end <= max_bytes_) {
    Deliver(bytes.substr(0, end));  // whole as it came: the usual case, without a copy
  } else {
    Keep(bytes.substr(0, end));
    Finish();
  }
  return end + 1;
}

void LineSplitter::Finish() {
  const std::string whole = std::exchange(line_, {});  // one huge line must not keep its memory
  if (std::exchange(oversized_, false)) {
    on_oversized_(max_bytes_);
    return;
  }
  Deliver(whole);
}

void LineSplitter::Deliver(std::string_view line) const {
  if (line.ends_with('\r')) {
    line.remove_suffix(1);
  }
  if (line.find_first_not_of(" \t") != std::string_view::npos) {
    on_line_(line);
  }
}

// Attack: a line without end, to exhaust memory.
void LineSplitter::Keep(std::string_view part) {
  if (oversized_ || line_.size() + part.size() > max_bytes_) {
    oversized_ = true;
    line_ = std::string();
    return;
  }
  line_ += part;
}

}  // namespace casemate::mcp
