// The `files` argument of `run`. Pure functions; thread-safe.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "tools/arguments/args.h"
#include "tools/run_args.h"

namespace casemate::tools {

std::vector<RunFile> DecodeFiles(ArgReader& reader, ArgErrors& errors);
// The path with "." components and repeated slashes removed. Errors: kInvalidArgument for `field`
// when it is empty, absolute, climbs out, is too long, or has control characters.
Result<std::string> CleanRelativePath(std::string_view path, const std::string& field);
// The refusal of files over a read-only workspace.
Error FilesNeedWriting();

}  // namespace casemate::tools
