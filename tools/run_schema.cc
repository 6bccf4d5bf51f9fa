#include "tools/run_schema.h"

#include <utility>

#include <nlohmann/json.hpp>

#include "policies/profiles/profile.h"
#include "tools/icon.h"
#include "tools/languages.h"
#include "tools/run_args.h"

namespace casemate::tools {

namespace {

using nlohmann::json;

constexpr const char* kDescription =
    "Runs a program in a fresh sandbox and returns its output. Give either `command` (program and "
    "arguments; no shell) or `code` with `language`. There is no network; of the host it sees /usr "
    "and what you name as `workspace`. The working directory /workspace starts empty and is "
    "dropped afterwards unless it is a host `workspace`: pass what is needed in `files` or "
    "`stdin`. "
    "A non-zero exit code is a normal result: read stdout and stderr. isError means that it was "
    "refused, could not start or was stopped at a limit: do what the error says under `What to do` "
    "instead of repeating the call. For work of more than 50 s use `background`.";

template <typename T>
json Number(const char* type, Range<T> range, const std::string& description) {
  return {
      {"type", type}, {"minimum", range.min}, {"maximum", range.max}, {"description", description}};
}

json Text(const std::string& description) {
  return {{"type", "string"}, {"description", description}};
}

json Object(json properties, const std::string& description) {
  return {{"type", "object"},
          {"properties", std::move(properties)},
          {"additionalProperties", false},
          {"description", description}};
}

json LimitsSchema() {
  return Object(
      {{"memory_mb",
        Number("integer", kMemoryMb, "MiB of memory, files in private directories included.")},
       {"cpus", Number("number", kCpus, "CPUs' worth of time; 0.5 is half of one.")},
       {"pids", Number("integer", kPids, "Processes and threads at once.")},
       {"output_kb",
        Number("integer", kOutputKb,
               "KiB of stdout and of stderr each in the reply; default 4. What is longer is cut in "
               "the middle and kept for job_output.")},
       {"disk_mb", Number("integer", kDiskMb,
                          "MiB of files in a private workspace or overlay; at most memory_mb. Not "
                          "possible with a directly mounted host workspace.")},
       {"io_mb_s",
        Number("integer", kIoMbS, "MiB/s read from, and written to, each disk; default any.")}},
      "Upper bounds; each defaults to the profile's. More than policy grants is an error that "
      "says how much it grants.");
}

json FilesSchema() {
  json file = Object({{"path",
                       {{"type", "string"},
                        {"minLength", 1},
                        {"maxLength", kMaxPathBytes},
                        {"description", "Relative to the working directory, without `..`."}}},
                      {"content", Text("The content as text.")},
                      {"content_base64", Text("The content as base64; instead of `content`.")}},
                     "One file: `path` and exactly one of `content` and `content_base64`.");
  file["required"] = {"path"};
  return {{"type", "array"},
          {"maxItems", kMaxFiles},
          {"items", std::move(file)},
          {"description",
           "Files written into the working directory before the start; one that starts with #! is "
           "executable."}};
}

json ProfileSchema(const std::string& default_profile) {
  json names = json::array();
  std::string description = "A set of limits and how a host workspace is mounted.";
  for (const policies::Profile& profile : policies::ShippedProfiles()) {
    names.push_back(profile.name);
    description += " " + profile.name + ": " + profile.description;
  }
  return {{"type", "string"},
          {"enum", std::move(names)},
          {"default", default_profile},
          {"description", std::move(description)}};
}

json TargetSchema() {
  return Object(
      {{"container",
        Text("Name or id of a running container: the command runs in it, with its files, "
             "network and user, but without `workspace`. With `files` it runs in a new directory "
             "below /tmp, which is removed afterwards.")},
       {"image", Text("Reference of an allowed image: a container is made from it for this "
                      "command, without network, and removed.")}},
      "Where to run instead of the sandbox: exactly one of both.");
}

json InputSchema(const std::string& default_profile) {
  json properties = {
      {"command",
       {{"type", "array"},
        {"items", {{"type", "string"}}},
        {"maxItems", kMaxArguments},
        {"description",
         "Program and arguments, at least one element. No shell: for a command line use [\"bash\", "
         "\"-c\", \"…\"]. Not together with `code`."}}},
      {"code", Text("Source text to run; needs `language`. Imports find the working directory.")},
      {"language",
       {{"type", "string"},
        {"enum", LanguageNames()},
        {"description", "Language of `code`; c and cpp are compiled first."}}},
      {"stdin", Text("Text given on standard input; default empty.")},
      {"env",
       {{"type", "object"},
        {"additionalProperties", {{"type", "string"}}},
        {"description",
         "Environment variables to add; names of letters, digits and _. The host's are not passed "
         "on."}}},
      {"files", FilesSchema()},
      {"workspace",
       {{"type", "string"},
        {"minLength", 1},
        {"pattern", "^/"},
        {"description",
         "Absolute host directory below an allowed root, mounted as /workspace: for a project, or "
         "to keep what is written. Default: an empty private directory."}}},
      {"timeout_ms",
       Number("integer", kTimeoutMs,
              "Milliseconds until it is stopped; defaults to the profile's. Many clients give up "
              "after 60 s: above 50000 use `background`.")},
      {"limits", LimitsSchema()},
      {"network",
       {{"type", "string"},
        {"enum", {"none"}},
        {"default", "none"},
        {"description", "Only `none`."}}},
      {"profile", ProfileSchema(default_profile)},
      {"background",
       {{"type", "boolean"},
        {"default", false},
        {"description",
         "Return a job_id at once: job_status waits for the end, job_output shows output so "
         "far."}}},
  };
  return {
      {"type", "object"}, {"properties", std::move(properties)}, {"additionalProperties", false}};
}

json Described(json type, const std::string& description) {
  return {{"type", std::move(type)}, {"description", description}};
}

json Record(json properties) {
  return {{"type", "object"}, {"properties", std::move(properties)}};
}

json IsolationSchema() {
  json layer = Record({{"name", {{"type", "string"}}},
                       {"in_force", {{"type", "boolean"}}},
                       {"detail", {{"type", "string"}}}});
  return Record({{"layers", {{"type", "array"}, {"items", std::move(layer)}}},
                 {"workspace",
                  {{"type", "string"},
                   {"enum", {"private", "host_read_write", "host_read_only", "host_overlay"}}}},
                 {"made_ahead", {{"type", "boolean"}}}});
}

// Only `status` is required: a call that was refused has no output, and its result conforms too.
json OutputSchema() {
  json properties = {
      {"status",
       {{"type", "string"},
        {"enum",
         {"exited", "signaled", "timed_out", "oom_killed", "seccomp_killed", "cancelled",
          "setup_failed", "exec_failed", "lost", "not_run", "internal_error", "working"}},
        {"description",
         "`exited` and `signaled`: the command's own doing; `lost`: it may have run."}}},
      {"exit_code", Described({"integer", "null"}, "Set exactly when status is exited.")},
      {"signal", Described({"string", "null"}, "Such as SIGSEGV.")},
      {"stdout", {{"type", "string"}}},
      {"stderr", {{"type", "string"}}},
      {"truncated", Record({{"stdout", {{"type", "boolean"}}}, {"stderr", {{"type", "boolean"}}}})},
      {"stdout_bytes", {{"type", "integer"}}},
      {"stderr_bytes", {{"type", "integer"}}},
      {"duration_ms", {{"type", "integer"}}},
      {"usage", Record({{"cpu_ms", {{"type", "integer"}}},
                        {"cpu_throttled_ms", {{"type", "integer"}}},
                        {"max_memory_kb", {{"type", "integer"}}},
                        {"oom_kills", {{"type", "integer"}}},
                        {"pids_limit_hit", {{"type", "boolean"}}}})},
      {"limits", Record({{"memory_mb", {{"type", "integer"}}},
                         {"cpus", {{"type", "number"}}},
                         {"pids", {{"type", "integer"}}},
                         {"output_kb", {{"type", "integer"}}},
                         {"disk_mb", {{"type", "integer"}}},
                         {"io_mb_s", {{"type", "integer"}}},
                         {"timeout_ms", {{"type", "integer"}}}})},
      {"isolation", IsolationSchema()},
      {"job_id", Described("string", "With status working.")},
      {"run_id", Described("string", "For job_output, when output was cut.")},
      {"resources", Record({{"stdout", {{"type", "string"}}},
                            {"stderr", {{"type", "string"}}},
                            {"result", {{"type", "string"}}}})},
      {"notes", {{"type", "array"}, {"items", {{"type", "string"}}}}},
      {"errno", {{"type", "integer"}}},
      {"error", Record({{"kind", {{"type", "string"}}},
                        {"field", {{"type", "string"}}},
                        {"message", {{"type", "string"}}},
                        {"remedy", {{"type", "string"}}},
                        {"rule_id", {{"type", "string"}}}})},
      {"decision_id", {{"type", "string"}}},
      {"audit_seq", {{"type", "integer"}}},
  };
  return {{"type", "object"}, {"properties", std::move(properties)}, {"required", {"status"}}};
}

}  // namespace

ToolSpec MakeRunSpec(const std::string& default_profile, bool has_containers) {
  ToolSpec spec;
  spec.name = "run";
  spec.title = "Run code in a sandbox";
  spec.icon = IconOf("M1 0v8l6-4z");
  spec.description = kDescription;
  spec.input_schema = InputSchema(default_profile);
  if (has_containers) {
    spec.input_schema["properties"]["target"] = TargetSchema();
  }
  spec.output_schema = OutputSchema();
  spec.task = TaskSupport::kWhenSlow;
  // It can change files of a host workspace; it never reaches the network.
  spec.annotations = {
      .read_only = false, .destructive = true, .idempotent = false, .open_world = false};
  return spec;
}

}  // namespace casemate::tools
