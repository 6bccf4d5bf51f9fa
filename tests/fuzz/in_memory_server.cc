#include "tests/fuzz/in_memory_server.h"

#include <chrono>
#include <optional>
#include <stdexcept>
#include <utility>

#include "base/json.h"
#include "tests/conformance/fixtures.h"

namespace casemate::fuzz {

using conformance::FunctionTool;
using nlohmann::json;
using tools::CallContext;
using tools::ToolResult;

namespace {

constexpr std::chrono::milliseconds kPatience{1};  // of the server with its client

template <typename T>
T Must(Result<T> result) {
  if (!result) {
    throw std::runtime_error(Describe(result.error()));
  }
  if constexpr (!std::is_void_v<T>) {
    return *std::move(result);
  }
}

ToolResult Ask(CallContext& context) {
  const auto answers = context.Ask({tools::ConfirmQuestion("name", "Go on?")});
  return answers ? conformance::Text(DumpJson(answers->at("name")))
                 : tools::ErrorResult(answers.error());
}

ToolResult Report(CallContext& context) {
  for (const double step : {1.0, 2.0, 2.0, 1.0, 3.0}) {
    if (context.progress != nullptr) {
      context.progress->Report(step, std::nullopt, "step");
    }
  }
  return conformance::Text("reported");
}

ToolResult WriteLog(CallContext& context) {
  if (context.log != nullptr) {
    context.log->Write(tools::Severity::kWarning, "fuzz", {{"text", "logged \xff"}});
  }
  return conformance::Text("logged");
}

Result<void> AddTools(tools::Catalog& catalog, Door& door) {
  struct Row {
    const char* name;
    FunctionTool::Body body;
    tools::TaskSupport task = tools::TaskSupport::kNever;
  };
  const auto wait = [&door](const json&, CallContext& context) {
    door.Await(context.stop);
    return conformance::Text("waited");
  };
  const Row rows[] = {
      {"echo", [](const json& args, CallContext&) { return conformance::Text(DumpJson(args)); }},
      {"wait", wait, tools::TaskSupport::kWhenSlow},
      {"task", wait, tools::TaskSupport::kAlways},
      {"ask", [](const json&, CallContext& context) { return Ask(context); }},
      {"progress", [](const json&, CallContext& context) { return Report(context); }},
      {"log", [](const json&, CallContext& context) { return WriteLog(context); }},
      {"fail",
       [](const json&, CallContext&) {
         return tools::ErrorResult(Error{ErrorCode::kUnavailable, "not now", {}, "later", 0});
       }},
  };
  for (const Row& row : rows) {
    auto added = catalog.Add(
        std::make_unique<FunctionTool>(row.name, "For tests.", row.body, json::object(), row.task));
    if (!added) {
      return added;
    }
  }
  return {};
}

// What the client says to a question: mostly yes.
json ReplyTo(const json& question, std::size_t number) {
  json reply = {{"jsonrpc", "2.0"}, {"id", question["id"]}};
  if (number % 4 == 1) {
    reply["error"] = {{"code", -1}, {"message", "no"}};
  } else if (number % 4 == 2) {
    reply["result"] = {{"action", 7}};
  } else {
    reply["result"] = {{"action", "accept"}, {"content", {{"confirm", true}}}};
  }
  return reply;
}

}  // namespace

void Door::Await(const std::stop_token& stop) {
  std::unique_lock lock(mutex_);
  changed_.wait(lock, stop, [this] { return open_; });
}

void Door::Open() {
  {
    const std::lock_guard lock(mutex_);
    open_ = true;
  }
  changed_.notify_all();
}

void Door::Shut() {
  const std::lock_guard lock(mutex_);
  open_ = false;
}

namespace {

// Nobody else opens it, and nobody reads it after the test.
std::unique_ptr<Store> FastStore(const std::string& path) {
  auto store = Must(Store::Open(path));
  Must(store->Execute("PRAGMA locking_mode=EXCLUSIVE; PRAGMA synchronous=OFF"));
  return store;
}

}  // namespace

Backend::Backend()
    : store_(FastStore(directory_ / "fuzz.db")),
      audit_(Must(policies::AuditLog::Open(*store_, "fuzz"))) {
  Must(AddTools(catalog, door));
  Must(conformance::AddPrompts(catalog));
  conformance::AddResources(catalog);
  gate_ = std::make_unique<tools::Gate>(policy_, *audit_);
  executor = std::make_unique<tools::ToolExecutor>(catalog, *gate_);
  resources_ = std::make_unique<tools::ResourceReader>(catalog, *gate_);
  prompts_ = std::make_unique<tools::PromptReader>(catalog, *gate_);
  job_store = Must(tools::JobStore::Open(*store_, "fuzz", [](const std::string&) { return true; }));
}

mcp::Backends Backend::With(tools::JobRunner& jobs) {
  return {.executor = *executor,
          .gate = *gate_,
          .resources = resources_.get(),
          .prompts = prompts_.get(),
          .jobs = &jobs,
          .changes = &changes};
}

mcp::ServerOptions Backend::Options() {
  mcp::ServerOptions options;
  options.calls = {.working = 2,
                   .working_each = 2,
                   .queued = 64,
                   .queued_each = 64,
                   .aside = 8,
                   .aside_each = 8};
  options.reserved = options.calls;
  options.page_size = 3;
  options.ask_time = kPatience;
  options.task_after = kPatience;
  options.identity = {"fuzz", "", "1", "", "", "", "Tests."};
  return options;
}

// Keeps what is sent.
class Conversation::Sink : public mcp::MessageSink {
 public:
  void Send(std::string message, mcp::SendClass /*send_class*/) override {
    const json question = json::parse(message, nullptr, false);
    std::shared_ptr<mcp::Session> asker;
    std::size_t number = 0;
    {
      const std::lock_guard lock(mutex_);
      sent_.push_back(std::move(message));
      if (question.is_object() && question.contains("method") && question.contains("id")) {
        number = ++questions_;
        asker = session_.lock();
      }
    }
    if (asker != nullptr && number % 4 != 3) {
      asker->Handle(DumpJson(ReplyTo(question, number)), nullptr);
    }
  }
  void SetSession(const std::shared_ptr<mcp::Session>& session) {
    const std::lock_guard lock(mutex_);
    session_ = session;
  }
  [[nodiscard]] std::vector<std::string> Sent() const {
    const std::lock_guard lock(mutex_);
    return sent_;
  }

 private:
  mutable std::mutex mutex_;
  std::vector<std::string> sent_;        // guarded by mutex_, as all below
  std::weak_ptr<mcp::Session> session_;  // that may ask us
  std::size_t questions_ = 0;
};

Conversation::Conversation(Backend& backend)
    : backend_(backend),
      sink_(std::make_shared<Sink>()),
      jobs_(std::make_unique<tools::JobRunner>(
          *backend.executor, *backend.job_store, &backend.changes,
          tools::JobOptions{.max_running = 4, .max_running_each = 4, .ask_time = kPatience})),
      server_(std::make_unique<mcp::Server>(backend.With(*jobs_), Backend::Options())),
      session_(server_->Open(policies::Principal{}, "fuzz", sink_)) {
  backend_.door.Shut();
  sink_->SetSession(session_);
}

Conversation::~Conversation() {
  End();
}

void Conversation::Send(std::string_view line) {
  ledger_.Asked(line);
  session_->Handle(line, sink_);
}

void Conversation::SendTooMuch(std::size_t limit) {
  ledger_.AskedTooMuch();
  mcp::Session::HandleOversized(limit, sink_);
}

void Conversation::End() {
  if (std::exchange(ended_, true)) {
    return;
  }
  backend_.door.Open();
  server_->calls().Join();  // nothing is cancelled yet
  server_->reserved().Join();
  jobs_->Shutdown();
  server_->Shutdown();
}

std::string Conversation::Problem() {
  for (const std::string& line : sink_->Sent()) {
    if (std::string problem = ledger_.Answered(line); !problem.empty()) {
      return problem;
    }
  }
  return ledger_.Balance();
}

std::vector<std::string> Conversation::Sent() const {
  return sink_->Sent();
}

}  // namespace casemate::fuzz
