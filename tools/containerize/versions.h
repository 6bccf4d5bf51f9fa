// Which tag of an official image answers what a project asks for: ">=18 <21" of 24, 22, 20, 18 is
// 20. Understands what npm, Composer, Bundler, pip, Poetry and Cargo write. Pure; thread-safe.
#pragma once

#include <span>
#include <string>
#include <string_view>

namespace casemate::containerize {

// Whether some version that begins with the numbers of `candidate` ("20", "3.11") meets
// `requirement`. What is not understood is met by nothing.
bool Meets(std::string_view requirement, std::string_view candidate);

// An exact version ("20.11.1", "v20.11", "=3.11.4") as it is, without what leads it; else the first
// of `candidates` that meets the requirement; else empty.
std::string ChooseVersion(std::string_view requirement,
                          std::span<const std::string_view> candidates);

// The numbers that a text begins with, at most three: "1.22" of "go1.22rc1"; empty: none.
std::string NumbersOf(std::string_view text, std::size_t most = 3);
// Compares number by number; what is missing counts as 0.
int CompareVersions(std::string_view left, std::string_view right);

}  // namespace casemate::containerize
