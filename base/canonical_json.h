// The canonical form of JSON by RFC 8785 (JCS): the one text of a document that every
// implementation makes, so that a hash over it says the same everywhere. Pure; thread-safe.
#pragma once

#include <string>

#include <nlohmann/json_fwd.hpp>

#include "base/result.h"

namespace casemate {

// Members sorted by their UTF-16 code units, numbers as ECMAScript writes them, no blanks. Errors:
// kInvalidArgument, whose field is the path ("a.b[2]"): a number that is not finite, an integer
// that a double cannot hold (all up to 2^53 it can), text that is not UTF-8.
Result<std::string> CanonicalJson(const nlohmann::json& value);

// A number as ECMAScript's Number::toString writes it. Precondition: it is finite.
std::string EcmaScriptNumber(double number);

}  // namespace casemate
