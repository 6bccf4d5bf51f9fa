// What the tools of the toolset `build` share: a call that reads a host directory, which is opened
// once, before policy judges the call, and is read through that descriptor only. Used by one call
// on one thread.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include <nlohmann/json_fwd.hpp>

#include "base/result.h"
#include "tools/arguments/args.h"
#include "tools/build_tools.h"
#include "tools/run_workspace.h"
#include "tools/tool.h"

namespace casemate::tools {

class BuildCall : public PreparedCall {
 public:
  // `workspace`: without a path for a call that names none. `normalised`: all else of the call.
  // `options` are borrowed.
  BuildCall(const BuildToolOptions& options, OpenedWorkspace workspace, nlohmann::json normalised);
  [[nodiscard]] const nlohmann::json& normalised() const override { return normalised_; }
  [[nodiscard]] const nlohmann::json& context() const override { return context_; }
  // For a workspace that lies below no root: the roots.
  [[nodiscard]] std::vector<OtherWay> OtherWays() const override;

 protected:
  // The workspace (O_PATH), lent as long as this lives. Errors: kPermissionDenied for
  // args.workspace when it lies below no root, or the grant covers no directory of the host.
  [[nodiscard]] Result<int> Directory(const policies::Grant& grant) const;
  void SetSecrets(std::int64_t count) { context_["secrets"] = count; }

 private:
  const BuildToolOptions& options_;
  const OpenedWorkspace workspace_;
  nlohmann::json normalised_;
  nlohmann::json context_ = nlohmann::json::object();
};

// {type, description} of args.workspace.
nlohmann::json WorkspaceSchema();
// args.workspace, an absolute path; empty when it is absent, or wrong and recorded.
std::string ReadWorkspace(ArgReader& reader, ArgErrors& errors);
// The path `name` in the workspace without "./" and "/" at its ends; "." is the workspace itself,
// as is an empty text. Empty when it is absent, or wrong (absolute, with "..") and recorded.
std::string ReadInnerPath(ArgReader& reader, const char* name, ArgErrors& errors);
// The text of the regular file `path` below `directory`; a link on the way must stay below it.
// Errors, for the field args.path: kNotFound, kPermissionDenied, kInvalidArgument for what is no
// regular file, kResourceExhausted beyond `max_bytes`.
Result<std::string> ReadBelow(int directory, const std::string& path, std::size_t max_bytes);

}  // namespace casemate::tools
