// The members of a manifest that more than one of its objects has, each with its grammar. Wrong
// ones are recorded in ArgErrors with their path, and read as nothing. Stateless; thread-safe.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "tools/arguments/args.h"
#include "tools/package/manifest.h"

namespace casemate::package {

inline constexpr int kMaxPort = 65535;

// At most 200 bytes; empty when it is absent.
std::string TextOf(tools::ArgReader& reader, std::string_view name);
// Required: [a-z0-9]+, with single ".", "_" or "-" between, at most 63 bytes: what is allowed in
// the name of an image, of a host and of a file.
std::string ReadName(tools::ArgReader& reader, std::string_view name, tools::ArgErrors& errors);
std::vector<std::string> ReadNames(tools::ArgReader& reader, std::string_view name,
                                   tools::ArgErrors& errors);
// What is allowed in a tag: [A-Za-z0-9_][A-Za-z0-9_.-]*, at most 128 bytes; "+" of Semantic
// Versioning is not.
std::string ReadVersion(tools::ArgReader& reader, std::string_view name, tools::ArgErrors& errors);
// Texts without NUL, none empty.
std::vector<std::string> ReadTexts(tools::ArgReader& reader, std::string_view name,
                                   tools::ArgErrors& errors);
// Without "./" and "/" at its ends, and no ".."; "." is empty.
std::string ReadRelativePath(tools::ArgReader& reader, std::string_view name,
                             tools::ArgErrors& errors);
std::vector<std::string> ReadRelativePaths(tools::ArgReader& reader, std::string_view name,
                                           tools::ArgErrors& errors);
// "/", or parts after it that are neither empty, "." nor "..".
std::string ReadAbsolutePath(tools::ArgReader& reader, std::string_view name,
                             tools::ArgErrors& errors);
std::vector<std::string> ReadAbsolutePaths(tools::ArgReader& reader, std::string_view name,
                                           tools::ArgErrors& errors);
Environment ReadEnvironment(tools::ArgReader& reader, std::string_view name,
                            tools::ArgErrors& errors);
std::map<std::string, std::string> ReadLabels(tools::ArgReader& reader, std::string_view name,
                                              tools::ArgErrors& errors);
std::vector<int> ReadPorts(tools::ArgReader& reader, std::string_view name,
                           tools::ArgErrors& errors);
// `port`: of the application, where the check names none.
std::optional<HealthCheck> ReadHealthCheck(tools::ArgReader& outer, std::string_view name,
                                           std::optional<int> port, tools::ArgErrors& errors);
Limits ReadLimits(tools::ArgReader& outer, std::string_view name, tools::ArgErrors& errors);
std::vector<FileMapping> ReadFiles(tools::ArgReader& reader, std::string_view name,
                                   tools::ArgErrors& errors);
// "scratch", or a reference that ends with a digest.
std::string ReadBase(tools::ArgReader& reader, std::string_view name, tools::ArgErrors& errors);
// "HOST[:PORT][/PATH]"
std::string ReadRegistry(tools::ArgReader& reader, std::string_view name, tools::ArgErrors& errors);
// "10001:10001", "10001", "app:app"
std::string ReadUser(tools::ArgReader& reader, std::string_view name, tools::ArgErrors& errors);
// "SIGTERM"
std::string ReadSignal(tools::ArgReader& reader, std::string_view name, tools::ArgErrors& errors);

}  // namespace casemate::package
