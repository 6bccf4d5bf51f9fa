#include <algorithm>

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

#include "fixtures.h"
#include "tools/prompt_reader.h"
#include "tools/resource_reader.h"

namespace casemate::tools {
namespace {

using nlohmann::json;

// note://{n}: 1 is everybody's, 2 is refused by the policy below, 3 is a stranger's, 4 is marked so
// by the policy, "throw" fails, the rest is not there.
class NotesResource : public ResourceProvider {
 public:
  [[nodiscard]] bool Owns(std::string_view uri) const override {
    return uri.starts_with("note://");
  }
  [[nodiscard]] std::vector<ResourceSpec> List(
      const policies::Principal& /*principal*/) const override {
    return {{"note://1", "one", "", "", "text/plain", 3}, {"note://2", "two", "", "", "", {}}};
  }
  [[nodiscard]] std::vector<ResourceTemplateSpec> Templates() const override {
    return {{"note://{n}", "note", "", "", "text/plain"}};
  }
  [[nodiscard]] json Facts(std::string_view uri,
                           const policies::Principal& /*principal*/) const override {
    json facts = {{"kind", uri == "note://2" ? "secret" : "note"}};
    if (uri == "note://3") {
      facts["untrusted"] = true;
    }
    return facts;
  }
  [[nodiscard]] Result<ResourceContents> Read(
      std::string_view uri, const policies::Principal& /*principal*/) const override {
    ++reads;
    if (uri == "note://throw") {
      throw std::runtime_error("boom");
    }
    if (uri < "note://1" || uri > "note://4") {
      return Error{ErrorCode::kNotFound, "no such note", "uri", {}, 0};
    }
    return ResourceContents{std::string(uri), "text/plain", "one", false};
  }
  [[nodiscard]] std::vector<std::string> Complete(
      std::string_view /*uri_template*/, std::string_view /*variable*/, std::string_view /*prefix*/,
      const policies::Principal& /*principal*/) const override {
    std::vector<std::string> values(500, "1");
    values[7] = "2";
    return values;
  }
  [[nodiscard]] Result<void> Watch(std::string_view uri,
                                   const policies::Principal& /*principal*/) const override {
    ++watches;
    return uri == "note://5" ? Result<void>(InvalidArgument("uri", "not this one"))
                             : Result<void>();
  }
  mutable int reads = 0;
  mutable int watches = 0;
};

class GreetingPrompt : public Prompt {
 public:
  GreetingPrompt() {
    spec_.name = "greeting";
    spec_.arguments = {{"name", "", "", true}, {"tone", "", "", false}};
  }
  [[nodiscard]] const PromptSpec& spec() const override { return spec_; }
  [[nodiscard]] Result<PromptResult> Get(const PromptArguments& arguments,
                                         CallContext& /*context*/) const override {
    if (arguments.at("name") == "throw") {
      throw std::runtime_error("boom");
    }
    PromptResult result;
    result.messages.push_back({Role::kUser, TextContent{"Greet " + arguments.at("name")}});
    return result;
  }
  [[nodiscard]] std::vector<std::string> Complete(
      std::string_view argument, std::string_view /*prefix*/, const PromptArguments& others,
      const policies::Principal& /*principal*/) const override {
    return {std::string(argument) + std::to_string(others.size())};
  }

 private:
  PromptSpec spec_;
};

constexpr const char* kPolicy = R"(
version: 1
rules:
  - id: notes
    effect: allow
    tools: [resource_read, resource_watch, resource_list, prompt_get, completion]
    principals: {ids: [local]}
    match: [{tool: resource_read}]
    not_match: [{tool: run}]
  - id: no-secrets
    effect: deny
    tools: [resource_read, resource_watch]
    when: {path: context.kind, eq: secret}
    match: [{tool: resource_read, context: {kind: secret}}]
    not_match: [{tool: resource_read, context: {kind: note}}]
  - id: letters
    effect: allow
    tools: [resource_read]
    principals: {ids: [local]}
    when: {path: args.uri, eq: "note://4"}
    marks: [read_untrusted]
  - id: no-greetings-from-strangers
    effect: deny
    tools: [prompt_get]
    when: {path: history.read_untrusted, gt: 0}
)";

struct Bench {
  test::Trail trail;
  std::unique_ptr<policies::PolicyEngine> policy = test::LoadPolicy(kPolicy);
  Catalog catalog;
  Gate gate{*policy, *trail.audit};
  NotesResource* notes = nullptr;
  ResourceReader resources{catalog, gate};
  PromptReader prompts{catalog, gate};
  CallContext context;

  Bench() {
    auto provider = std::make_unique<NotesResource>();
    notes = provider.get();
    catalog.Add(std::move(provider));
    REQUIRE(catalog.Add(std::make_unique<GreetingPrompt>()));
    context.channel = "test";
  }
};

const policies::Principal& Stranger() {
  static const policies::Principal stranger{"stranger", "elsewhere", {}};
  return stranger;
}

TEST_CASE("a resource is read by way of policy, and the look is on the trail") {
  Bench bench;
  const auto read = bench.resources.Read("note://1", bench.context);
  REQUIRE(read);
  CHECK(read->bytes == "one");
  const auto records = bench.trail.Records();
  REQUIRE(records.size() == 1);
  CHECK(records[0]["kind"] == "access");
  CHECK(records[0]["tool"] == "resource_read");
  CHECK(records[0]["args"]["uri"] == "note://1");
  CHECK(records[0]["context"]["kind"] == "note");
}

TEST_CASE("what is read from outside of the workspace is labelled and remembered") {
  for (const char* uri : {"note://3", "note://4"}) {
    INFO(uri);
    Bench bench;
    const auto own = bench.resources.Read("note://1", bench.context);
    REQUIRE(own);
    CHECK_FALSE(own->untrusted);
    CHECK(bench.prompts.Get("greeting", {{"name", "x"}}, bench.context));
    const auto strange = bench.resources.Read(uri, bench.context);
    REQUIRE(strange);
    CHECK(strange->untrusted);
    CHECK(bench.prompts.Get("greeting", {{"name", "x"}}, bench.context).error().code ==
          ErrorCode::kPermissionDenied);
  }
}

TEST_CASE("what policy refuses is not read, and the refusal is on the trail") {
  Bench bench;
  const auto refused = bench.resources.Read("note://2", bench.context);
  REQUIRE_FALSE(refused);
  CHECK(refused.error().code == ErrorCode::kPermissionDenied);
  CHECK_FALSE(bench.resources.Watchable("note://2", bench.context));
  CHECK(bench.notes->watches == 0);
  bench.context.principal = Stranger();
  CHECK_FALSE(bench.resources.Read("note://1", bench.context));
  CHECK(bench.notes->reads == 0);
  for (const json& record : bench.trail.Records()) {
    CHECK(record["kind"] == "refused");
  }
  CHECK(bench.trail.Records().size() == 3);
}

TEST_CASE("what cannot be recorded is not shown") {
  Bench bench;
  REQUIRE(bench.trail.store->Execute("PRAGMA query_only = 1"));
  CHECK(bench.resources.Read("note://1", bench.context).error().code == ErrorCode::kUnavailable);
  CHECK(bench.resources.Watchable("note://1", bench.context).error().code ==
        ErrorCode::kUnavailable);
  CHECK(bench.prompts.Get("greeting", {{"name", "x"}}, bench.context).error().code ==
        ErrorCode::kUnavailable);
  CHECK(bench.prompts.Complete("greeting", "name", "", {}, bench.context).error().code ==
        ErrorCode::kUnavailable);
  CHECK(bench.resources.Complete("note://{n}", "n", "", bench.context).error().code ==
        ErrorCode::kUnavailable);
  CHECK(bench.resources.List(bench.context).error().code == ErrorCode::kUnavailable);
  CHECK(bench.notes->reads == 0);
}

TEST_CASE("a URI that nothing answers to is not found") {
  Bench bench;
  const std::string overlong = "note://" + std::string(kMaxUriBytes, '1');
  for (const std::string& uri : {std::string("file:///etc/passwd"), std::string(), overlong}) {
    const auto read = bench.resources.Read(uri, bench.context);
    REQUIRE_FALSE(read);
    CHECK(read.error().code == ErrorCode::kNotFound);
    CHECK(read.error().field == "uri");
  }
  CHECK(bench.trail.Records().empty());
  CHECK(bench.resources.Read("note://9", bench.context).error().code == ErrorCode::kNotFound);
  CHECK(bench.resources.Read("note://throw", bench.context).error().code == ErrorCode::kInternal);
}

TEST_CASE("what is watched is told so, and may have a reason against it") {
  Bench bench;
  CHECK(bench.resources.Watchable("note://1", bench.context));
  CHECK(bench.notes->watches == 1);
  CHECK(bench.resources.Watchable("note://5", bench.context).error().code ==
        ErrorCode::kInvalidArgument);
}

TEST_CASE("lists hide what policy does not allow") {
  Bench bench;
  const auto listed = bench.resources.List(bench.context);
  REQUIRE(listed);
  REQUIRE(listed->size() == 1);
  CHECK(listed->at(0).uri == "note://1");
  const auto records = bench.trail.Records();
  REQUIRE(records.size() == 1);
  CHECK(records[0]["tool"] == "resource_list");
  CHECK(records[0]["context"] == json{{"kind", "list"}, {"listed", 1}});
  CHECK(bench.resources.Templates(bench.context.principal).size() == 1);
  CHECK(bench.prompts.List(bench.context.principal).size() == 1);
  bench.context.principal = Stranger();
  CHECK(bench.resources.List(bench.context)->empty());
  CHECK(bench.trail.Records().size() == 1);  // nothing was there to be seen
  CHECK(bench.resources.Templates(Stranger()).empty());
  CHECK(bench.prompts.List(Stranger()).empty());
}

TEST_CASE("completion of a template passes once and gives at most 100 values that may be read") {
  Bench bench;
  const auto values = bench.resources.Complete("note://{n}", "n", "1", bench.context);
  REQUIRE(values);
  CHECK(values->size() == kMaxCompletions - 1);
  CHECK(std::ranges::find(*values, "2") == values->end());
  const auto records = bench.trail.Records();
  REQUIRE(records.size() == 1);
  CHECK(records[0]["tool"] == "completion");
  CHECK(records[0]["args"] == json{{"uri_template", "note://{n}"}, {"argument", "n"}});
  CHECK(bench.resources.Complete("note://7", "n", "", bench.context)->empty());  // whole already
  CHECK(bench.resources.Complete("note://{m}", "m", "", bench.context).error().field == "ref.uri");
  CHECK(bench.resources.Complete("note://{n}", "m", "", bench.context).error().field ==
        "argument.name");
  bench.context.principal = Stranger();
  CHECK_FALSE(bench.resources.Complete("note://{n}", "n", "1", bench.context));
}

TEST_CASE("a prompt is got by way of policy; the trail keeps no argument's value") {
  Bench bench;
  const auto got = bench.prompts.Get("greeting", {{"name", "hunter2"}}, bench.context);
  REQUIRE(got);
  CHECK(std::get<TextContent>(got->messages[0].content).text == "Greet hunter2");
  const auto records = bench.trail.Records();
  REQUIRE(records.size() == 1);
  CHECK(records[0]["tool"] == "prompt_get");
  CHECK(records[0]["args"]["name"] == "greeting");
  CHECK(records[0]["args"]["arguments"]["name"]["bytes"] == 7);
  CHECK(records[0].dump().find("hunter2") == std::string::npos);
  CHECK(bench.prompts.Get("greeting", {{"name", "throw"}}, bench.context).error().code ==
        ErrorCode::kInternal);
  bench.context.principal = Stranger();
  CHECK(bench.prompts.Get("greeting", {{"name", "x"}}, bench.context).error().code ==
        ErrorCode::kPermissionDenied);
}

TEST_CASE("wrong names and arguments of prompts are all named") {
  Bench bench;
  const auto unknown = bench.prompts.Get("greting", {}, bench.context);
  CHECK(unknown.error().code == ErrorCode::kNotFound);
  CHECK_THAT(unknown.error().message, Catch::Contains("did you mean `greeting`?"));
  const auto missing = bench.prompts.Get("greeting", {}, bench.context);
  CHECK(missing.error().code == ErrorCode::kInvalidArgument);
  CHECK(missing.error().field == "arguments.name");
  const auto both = bench.prompts.Get("greeting", {{"tune", "x"}}, bench.context);
  CHECK(both.error().field == "arguments");
  CHECK_THAT(both.error().message,
             Catch::Contains("`name`") && Catch::Contains("did you mean `tone`?"));
  const std::string huge(kMaxPromptArgumentBytes + 1, 'x');
  CHECK(bench.prompts.Get("greeting", {{"name", huge}}, bench.context).error().field ==
        "arguments.name");
  CHECK(bench.trail.Records().empty());
}

TEST_CASE("arguments of prompts are completed by way of policy") {
  Bench bench;
  const auto values =
      bench.prompts.Complete("greeting", "tone", "", {{"name", "x"}}, bench.context);
  REQUIRE(values);
  CHECK(*values == std::vector<std::string>{"tone1"});
  CHECK(bench.trail.Records().size() == 1);
  CHECK(bench.prompts.Complete("greting", "tone", "", {}, bench.context).error().field ==
        "ref.name");
  CHECK(bench.prompts.Complete("greeting", "tune", "", {}, bench.context).error().field ==
        "argument.name");
  bench.context.principal = Stranger();
  CHECK_FALSE(bench.prompts.Complete("greeting", "tone", "", {}, bench.context));
}

}  // namespace
}  // namespace casemate::tools
