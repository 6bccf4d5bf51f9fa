// LineSplitter: cuts a byte stream into lines in bounded memory. A line that is too long is skipped
// as a whole and reported once. Used by one thread; borrows its callbacks.
#pragma once

#include <cstddef>
#include <functional>
#include <string>
#include <string_view>

namespace casemate::mcp {

class LineSplitter {
 public:
  using OnLine = std::function<void(std::string_view line)>;       // without its end
  using OnOversized = std::function<void(std::size_t max_bytes)>;  // instead of OnLine

  LineSplitter(std::size_t max_bytes, const OnLine& on_line, const OnOversized& on_oversized)
      : max_bytes_(max_bytes), on_line_(on_line), on_oversized_(on_oversized) {}

  // Takes bytes up to and including the first line end, or all of them; returns how many.
  std::size_t Take(std::string_view bytes);
  // The end of the stream: what is there is a line too.
  void Finish();

 private:
  void Keep(std::string_view part);
  void Deliver(std::string_view line) const;

  std::size_t max_bytes_;
  const OnLine& on_line_;
  const OnOversized& on_oversized_;
  std::string line_;
  bool oversized_ = false;
};

}  // namespace casemate::mcp
