// What a tool is. A Tool describes itself (ToolSpec) and turns arguments into a PreparedCall: the
// normalised, typed call that policy judges, the trail records, and Run executes: one object, so
// that what was judged is what runs. Tools are immutable and thread-safe; a PreparedCall belongs to
// one call and one thread.
#pragma once

#include <atomic>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

#include <nlohmann/json.hpp>

#include "base/result.h"
#include "policies/grant.h"
#include "policies/identity/principal.h"
#include "tools/ask.h"
#include "tools/content.h"
#include "tools/error_kind.h"

namespace casemate::sandbox {
class OutputSink;
}

namespace casemate::tools {

// Hints of MCP ToolAnnotations; see the specification, server/tools.
struct Annotations {
  bool read_only = false;
  bool destructive = true;
  bool idempotent = false;
  bool open_world = true;
};

// When a call of a client that knows tasks becomes one (MCP io.modelcontextprotocol/tasks): never,
// once it has taken some seconds, or at once. kRequired: at once, and no other client may call it.
enum class TaskSupport { kNever, kWhenSlow, kAlways, kRequired };

struct ToolSpec {
  std::string name;         // [a-z0-9_]{1,30}
  std::string title;        // for people
  std::string description;  // for models: when to use it, what comes back, what to do on refusal
  nlohmann::json input_schema;   // JSON Schema 2020-12, root type object
  nlohmann::json output_schema;  // likewise; null: no structured result
  Annotations annotations;
  std::string icon;              // for people: an https or data URI; empty: none
  std::string toolset = "core";  // the group that `--toolsets` picks
  TaskSupport task = TaskSupport::kNever;
  bool is_short = false;  // works only briefly: done even while all threads of calls are taken
};

// What a command wrote, byte for byte; with a line in its middle where something was cut.
struct RawOutput {
  std::string out;
  std::string err;
};

struct ToolResult {
  bool is_error = false;
  std::string text;           // what the model reads; may be empty when there is more
  std::vector<Content> more;  // further blocks: links, pictures
  nlohmann::json structured;  // conforms to output_schema when !is_error; on error {error: {…}} too
  nlohmann::json audit;       // the outcome for the trail: status, exit code, usage, digests
  std::optional<RawOutput> raw;  // when CallContext::raw_output asks for it
};

// Where a running call reports to. Implementations are thread-safe and never block for long.
class ProgressSink {
 public:
  virtual ~ProgressSink() = default;
  // `progress` must increase with each report; `total` if known; `message` is valid UTF-8.
  virtual void Report(double progress, std::optional<double> total, std::string_view message) = 0;
};

// RFC 5424 severities, as MCP names them: "debug" … "emergency".
enum class Severity { kDebug, kInfo, kNotice, kWarning, kError, kCritical, kAlert, kEmergency };

// Where a running call logs to for its client. Implementations are thread-safe and never block for
// long.
class LogSink {
 public:
  virtual ~LogSink() = default;
  virtual void Write(Severity severity, std::string_view logger, const nlohmann::json& data) = 0;
};

// A call that may be, or become, a job: its id, which is also the id of what it runs.
struct JobMark {
  explicit JobMark(std::string job_id) : id(std::move(job_id)) {}
  const std::string id;
  std::atomic<bool> listed = false;  // it is a job: its caller follows it by the id
};

struct CallContext {
  policies::Principal principal;
  std::string channel;               // "mcp-stdio", "mcp-http", "cli"
  std::string session;               // the client's, within this process; empty: it has none
  std::stop_token stop;              // requested: end the work, report kCancelled
  ProgressSink* progress = nullptr;  // borrowed for the call; null: nobody listens
  LogSink* log = nullptr;            // likewise
  Asker* asker = nullptr;            // likewise; null: nobody can be asked
  const JobMark* job = nullptr;      // likewise; null: the caller waits for the result
  std::int64_t audit_seq = 0;        // set by the executor before Run
  bool untrusted = false;            // likewise: what it returns is from outside of its workspace
  bool raw_output = false;           // the caller wants bytes, not text (the command line)
  // Borrowed for the call: what a command or a container writes, byte for byte, as it comes. Called
  // on the thread of the call, which waits for it. null: the result has it.
  sandbox::OutputSink* output = nullptr;

  // Asks the caller's client; kUnsupportedByClient when there is nobody to ask.
  [[nodiscard]] Result<Answers> Ask(const std::vector<Question>& questions) const;
};

// A call that could be made instead of one that policy refused, as policy would judge it.
struct OtherWay {
  nlohmann::json normalised;
  nlohmann::json context;
  std::string words;  // what to do differently: "leave `workspace` out"
};

class PreparedCall {
 public:
  virtual ~PreparedCall() = default;
  // Tells who calls, before anything else is asked: calls about things that have an owner put into
  // their context whose those are. Errors: kNotFound, in the words of what is not there, for what
  // the caller may not know of.
  virtual Result<void> Bind(const policies::Principal& /*principal*/) { return {}; }
  // The call as policy judges it and as the trail records it; secrets already redacted.
  [[nodiscard]] virtual const nlohmann::json& normalised() const = 0;
  // Facts that we established about it (workspace_root, profile, …).
  [[nodiscard]] virtual const nlohmann::json& context() const = 0;
  // What the call does beyond those two, because it may be secret (values of variables): for the
  // digest that an approval is bound to, and for nothing else. Asked before Run.
  [[nodiscard]] virtual std::string Unshown() const { return {}; }
  // What may be made ready before the call is on record: nothing that anyone could see, and nothing
  // that outlives this object. `context` is that of Run, which follows on the same thread, or not
  // at all.
  virtual void GetReady(const policies::Grant& /*grant*/, CallContext& /*context*/) {}
  virtual ToolResult Run(const policies::Grant& grant, CallContext& context) = 0;
  // Asked when policy refused it; of what this returns, the caller learns only what policy allows.
  [[nodiscard]] virtual std::vector<OtherWay> OtherWays() const { return {}; }
  // Whether the caller asked for the call to go on in the background, as a job.
  [[nodiscard]] virtual bool background() const { return false; }
};

class Tool {
 public:
  virtual ~Tool() = default;
  [[nodiscard]] virtual const ToolSpec& spec() const = 0;
  // What waits for others, an engine say, ends with kCancelled once `stop` is requested.
  // Errors: kInvalidArgument naming the field ("args.limits.pids"), what was expected and got.
  [[nodiscard]] virtual Result<std::unique_ptr<PreparedCall>> Prepare(
      const nlohmann::json& args, const std::stop_token& stop) const = 0;
};

// {status: "not_run", error: {kind, field?, message, remedy}} as a ToolResult with is_error set.
// The kind follows from the error's code, or is `kind`; an error without remedy gets that of its
// kind. The text ends with the remedy; `aside` stands before it.
ToolResult ErrorResult(const Error& error);
ToolResult ErrorResult(ErrorKind kind, const Error& error, std::string_view aside = {});

}  // namespace casemate::tools
