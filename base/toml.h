// toml++ as this program configures it, for .cc files only. All of them must agree: what is inline
// in it has the same names with and without exceptions.
#pragma once

// A header that begins with "[[[" meets an assertion of its parser, which goes on rightly without.
#define TOML_ASSERT(expr) static_assert(true)
#define TOML_EXCEPTIONS 0
#define TOML_ENABLE_FORMATTERS 0
#define TOML_UNDEF_MACROS 1
#include <toml++/toml.h>
