#include "policies/opa/opa_engine.h"

#include <exception>
#include <future>
#include <utility>

#include <nlohmann/json.hpp>

#include "base/clock.h"
#include "base/file.h"
#include "base/hash.h"
#include "base/json.h"
#include "base/text.h"
#include "policies/engine/policy_json.h"
#include "policies/opa/bundle_check.h"
#include "policies/opa/rego_decision.h"

namespace casemate::policies {
namespace {

using nlohmann::json;

// Constant: nothing of a call has a part in it (CVE-2025-46569).
constexpr const char* kDecisionPath = "/v1/data/casemate/decision";
constexpr const char* kCompilePath = "/v1/compile";
constexpr const char* kMayAllowQuery = "data.casemate.decision.effect != \"deny\"";

constexpr std::int64_t kNsPerMs = 1'000'000;
constexpr std::int64_t kStartMs = 5000;
constexpr std::int64_t kCompileMs = 250;
constexpr std::int64_t kCanaryMs = 1000;
constexpr std::size_t kMaxCompileBytes = std::size_t{8} << 20;
constexpr std::size_t kMaxKeyBytes = 65536;
constexpr std::size_t kMostKept = 4096;
constexpr std::size_t kDecisionIdBytes = 16;
constexpr int kOk = 200;

std::int64_t In(std::int64_t ms) {
  return MonotonicNs() + ms * kNsPerMs;
}

// The caller can do nothing about the last kind, a bundle that answers in another form.
std::string RemedyFor(const std::string& code) {
  if (code == kOpaTimeout || code == kOpaUnavailable) {
    return "try again in a moment; if it stays, whoever runs this server finds more in its log and "
           "in `casemate doctor`";
  }
  if (code == "bad_input" || code == "opa_input") {
    return "call it with other arguments";
  }
  return "ask whoever runs this server to correct the bundle of `rego.bundle`; docs/policy/rego.md "
         "has the form of a decision";
}

void Fail(Decision& decision, const std::string& code, const std::string& what) {
  decision.effect = Effect::kDeny;
  decision.grant.reset();
  decision.asked.reset();
  decision.approval.reset();
  decision.matched.clear();
  decision.marks.clear();
  decision.rule_id = "policy-error";
  decision.reason = "policy_error:" + code + ": " + what;
  decision.remedy = RemedyFor(code);
}

// Strict: a text that is not UTF-8 would be judged as another one than is executed. Null: it is
// not.
std::optional<std::string> Body(const json& document) {
  try {
    return document.dump(-1, ' ', false, json::error_handler_t::strict);
  } catch (const json::exception&) {
    return std::nullopt;
  }
}

void Take(RegoDecision read, Decision& decision) {
  decision.effect = read.effect;
  decision.matched = std::move(read.rules);
  decision.rule_id = decision.matched.empty() ? "default-deny" : decision.matched.front();
  decision.reason = std::move(read.reason);
  decision.remedy = std::move(read.remedy);
  decision.marks = std::move(read.marks);
  if (decision.reason.empty()) {
    const std::string rule = "rule `" + decision.rule_id + "` of the Rego policy ";
    decision.reason = decision.matched.empty() ? "no rule of the Rego policy allows this call"
                      : read.effect == Effect::kAllow ? rule + "allows this call"
                      : read.effect == Effect::kAsk   ? rule + "requires approval for this call"
                                                      : rule + "denies this call";
  }
  if (decision.remedy.empty() && read.effect == Effect::kDeny) {
    decision.remedy =
        "go another way, which the policy does not forbid; or ask your user to change the bundle "
        "of `rego.bundle`";
  }
}

// Whether what came is a decision, or none; never what it says.
Result<void> CheckShape(HttpClient& client, const json& input) {
  const auto body = Body({{"input", input}});
  auto reply = client.Post(kDecisionPath, body.value_or(""), In(kCanaryMs), kMaxDecisionBytes);
  if (!reply) {
    return std::move(reply).error();
  }
  if (reply->status != kOk) {
    return Error{ErrorCode::kUnavailable,
                 "opa answered the first question with status " + std::to_string(reply->status),
                 "rego.bundle", "evaluate `data.casemate.decision` with `opa eval` to see why", 0};
  }
  auto read = ReadRegoDecision(reply->body);
  if (!read && read.error().code != ErrorCode::kNotFound) {
    Error error = std::move(read).error();
    error.remedy = "docs/policy/rego.md has the form of a decision";
    return error;
  }
  return {};
}

Result<void> Canary(HttpClient& client) {
  if (auto empty = CheckShape(client, json::object()); !empty) {
    return empty;
  }
  const json args = {{"command", {"/bin/true"}}, {"network", "none"}, {"profile", "default"}};
  const json context = json::object();
  return CheckShape(client, InputJson({"run", Principal{}, args, context, NoHistory()}));
}

}  // namespace

Result<OpaSources> OpaEngine::ReadSources(const OpaOptions& options) {
  auto program = OpaProgram::Find(options.opa);
  if (!program) {
    return std::move(program).error();
  }
  auto bundle = Bundle::Read(options.bundle);
  if (!bundle) {
    return std::move(bundle).error();
  }
  std::string key;
  if (!options.verification_key.empty()) {
    auto read = ReadFile(options.verification_key, kMaxKeyBytes);
    if (!read || read->find("-----BEGIN PUBLIC KEY-----") == std::string::npos) {
      return InvalidArgument("rego.verification_key",
                             "expected a public key in PEM in " + options.verification_key +
                                 (read ? "" : ": " + read.error().message));
    }
    key = *std::move(read);
  }
  return OpaSources{*std::move(program), *std::move(bundle), std::move(key), options.budget_ms};
}

Result<std::unique_ptr<OpaEngine>> OpaEngine::Start(OpaSources sources,
                                                    sandbox::SandboxRunner& runner,
                                                    const std::string& directory) {
  const std::int64_t began = MonotonicNs();
  const std::int64_t deadline = began + kStartMs * kNsPerMs;
  auto sandbox = OpaSandbox::Create(runner, sources.program, directory);
  if (!sandbox) {
    return std::move(sandbox).error();
  }
  std::unique_ptr<OpaEngine> engine(new OpaEngine(std::move(sources), *std::move(sandbox)));
  auto digest = std::async(std::launch::async | std::launch::deferred, Sha256OfFile,
                           engine->sandbox_.program_copy());
  auto version = CheckBundle(engine->sandbox_, engine->sources_.bundle, engine->sources_.key,
                             deadline, std::stop_token());
  if (!version) {
    return std::move(version).error();
  }
  engine->version_ = *std::move(version);
  auto process = OpaProcess::Start(engine->sandbox_, engine->sources_.bundle, engine->sources_.key,
                                   Canary, deadline);
  if (!process) {
    Error error = std::move(process).error();
    error.message = engine->sources_.bundle.path() + ": " + error.message;
    return error;
  }
  engine->process_ = *std::move(process);
  auto sha256 = digest.get();
  if (!sha256) {
    return std::move(sha256).error();
  }
  engine->program_sha256_ = *std::move(sha256);
  engine->start_ms_ = (MonotonicNs() - began) / kNsPerMs;
  return engine;
}

OpaEngine::~OpaEngine() {
  Shutdown();
}

void OpaEngine::Shutdown() {
  std::shared_ptr<OpaProcess> last;
  {
    const std::lock_guard lock(mutex_);
    last = std::move(process_);
  }
}

std::shared_ptr<OpaProcess> OpaEngine::process() const {
  const std::lock_guard lock(mutex_);
  return process_;
}

Decision OpaEngine::Decide(const PolicyInput& input) const {
  Decision decision;
  decision.decision_id = RandomHex(kDecisionIdBytes);
  decision.revision = revision();
  if (input.tool.empty() || input.principal.id.empty()) {
    Fail(decision, "bad_input", "the call names no tool or no principal");
    return decision;
  }
  if (!input.args.is_object() || !input.context.is_object() || !input.history.is_object()) {
    Fail(decision, "bad_input", "args, context and history must be objects");
    return decision;
  }
  try {
    Ask(input, decision);
  } catch (const std::exception& failure) {
    Fail(decision, "opa_internal", failure.what());
  }
  return decision;
}

void OpaEngine::Ask(const PolicyInput& input, Decision& decision) const {
  const std::int64_t deadline = In(sources_.budget_ms);
  const auto body = Body({{"input", InputJson(input)}});
  if (!body) {
    Fail(decision, "opa_input", "the call holds text that is not UTF-8");
    return;
  }
  const std::shared_ptr<OpaProcess> server = process();
  const std::shared_ptr<HttpClient> client = server == nullptr ? nullptr : server->client();
  if (client == nullptr) {
    Fail(decision, kOpaUnavailable, "the policy engine is not running");
    return;
  }
  const auto reply = client->Post(kDecisionPath, *body, deadline, kMaxDecisionBytes);
  if (!reply) {
    server->ReportTrouble();
    Fail(decision, reply.error().field,
         reply.error().field == kOpaTimeout
             ? "no decision within " + std::to_string(sources_.budget_ms) + " ms"
             : reply.error().message);
    return;
  }
  if (reply->status != kOk) {
    Fail(decision, "opa_status",
         "the policy engine answered with status " + std::to_string(reply->status));
    return;
  }
  auto read = ReadRegoDecision(reply->body);
  if (!read) {
    Fail(decision, read.error().code == ErrorCode::kNotFound ? "opa_undefined" : "opa_decision",
         Describe(read.error()));
    return;
  }
  const Rights rights = read->rights;
  const ApprovalTerms approval = read->approval;
  Take(*std::move(read), decision);
  if (decision.effect == Effect::kAllow) {
    decision.grant = Issue(rights, decision.decision_id, input.principal);
  } else if (decision.effect == Effect::kAsk) {
    decision.asked = rights;
    decision.approval = approval;
  }
}

bool OpaEngine::MayEverAllow(const std::string& tool, const Principal& principal) const {
  try {
    const auto key =
        Body({tool, principal.id, principal.tenant, principal.roles}).value_or(std::string());
    if (key.empty()) {
      return false;
    }
    {
      const std::lock_guard lock(mutex_);
      if (const auto known = may_allow_.find(key); known != may_allow_.end()) {
        return known->second;
      }
    }
    const auto may = MayAllow(tool, principal);
    if (!may) {
      return false;
    }
    const std::lock_guard lock(mutex_);
    if (may_allow_.size() >= kMostKept) {
      may_allow_.clear();
    }
    may_allow_.emplace(key, *may);
    return *may;
  } catch (const std::exception&) {
    return false;
  }
}

Result<bool> OpaEngine::MayAllow(const std::string& tool, const Principal& principal) const {
  const Error silent{ErrorCode::kUnavailable, "opa does not say", {}, {}, 0};
  const std::shared_ptr<OpaProcess> server = process();
  const std::shared_ptr<HttpClient> client = server == nullptr ? nullptr : server->client();
  const json none = json::object();
  json known = InputJson({tool, principal, none, none, none});
  for (const char* unknown : {"args", "context", "history"}) {
    known.erase(unknown);
  }
  const auto body = Body({{"query", kMayAllowQuery},
                          {"input", std::move(known)},
                          {"unknowns", {"input.args", "input.context", "input.history"}}});
  if (client == nullptr || !body) {
    return silent;
  }
  const auto reply = client->Post(kCompilePath, *body, In(kCompileMs), kMaxCompileBytes);
  if (!reply || reply->status != kOk) {
    return silent;
  }
  auto parsed = ParseJson(reply->body, {.max_bytes = kMaxCompileBytes, .max_depth = 512});
  if (!parsed || !parsed->is_object()) {
    return silent;
  }
  const auto result = parsed->find("result");
  if (result == parsed->end() || !result->is_object()) {
    return silent;
  }
  const auto queries = result->find("queries");
  if (queries == result->end()) {
    return false;
  }
  if (!queries->is_array()) {
    return silent;
  }
  return !queries->empty();
}

bool OpaEngine::IsOf(const OpaSources& sources) const {
  return sources.bundle.sha256() == sources_.bundle.sha256() &&
         sources.bundle.path() == sources_.bundle.path() && sources.key == sources_.key &&
         sources.budget_ms == sources_.budget_ms &&
         sources.program.path() == sources_.program.path();
}

OpaStatus OpaEngine::status() const {
  OpaStatus status;
  status.path = sources_.program.path();
  status.version = version_;
  status.sha256 = program_sha256_;
  status.bundle = sources_.bundle.path();
  status.revision = revision();
  status.is_signed = !sources_.key.empty();
  status.start_ms = start_ms_;
  if (const std::shared_ptr<OpaProcess> server = process(); server != nullptr) {
    status.process = server->status();
  }
  return status;
}

}  // namespace casemate::policies
