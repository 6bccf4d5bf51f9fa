// How a fuzz target says that something is wrong.
#pragma once

#include <cstdlib>
#include <iostream>
#include <string_view>

namespace casemate::fuzz {

// Ends the process; the fuzzer keeps the input.
[[noreturn]] inline void Found(std::string_view what) {
  std::cerr << "FOUND: " << what << '\n';
  std::abort();
}

}  // namespace casemate::fuzz
