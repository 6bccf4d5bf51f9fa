#include "tools/documents.h"

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

#include "fixtures.h"
#include "tools/docs_pages.h"
#include "tools/profile_json.h"
#include "tools/resource_reader.h"

namespace casemate::tools {
namespace {

using nlohmann::json;

struct Bench {
  test::Trail trail;
  std::unique_ptr<policies::PolicyEngine> policy = test::ShippedPolicy();
  Catalog catalog;
  Gate gate{*policy, *trail.audit};
  ResourceReader reader{catalog, gate};
  CallContext context;

  Bench() {
    catalog.Add(MakeDocsResource());
    catalog.Add(MakeProfileResource());
    catalog.Add(MakeAuditResource(*trail.audit));
    context.channel = "test";
  }
  [[nodiscard]] ErrorCode ReadError(const std::string& uri) const {
    const auto read = reader.Read(uri, context);
    INFO(uri);
    REQUIRE_FALSE(read);
    return read.error().code;
  }
};

// Records an intent of `principal`, with an outcome; returns the intent's number.
std::int64_t Recorded(Bench& bench, const policies::Principal& principal) {
  const json args = {{"network", "none"}};
  const json facts = json::object();
  const Operation operation{"run", principal, "test", "", args, facts};
  const auto seq = bench.gate.Begin(operation, bench.gate.Decide(operation));
  REQUIRE(seq);
  return *seq;
}

TEST_CASE("the pages of the documentation are embedded, titled and described") {
  Bench bench;
  REQUIRE(DocPages().size() == 7);
  const auto list = bench.reader.List(bench.context);
  REQUIRE(list);
  const std::vector<ResourceSpec>& listed = *list;
  for (const DocPage& page : DocPages()) {
    INFO(page.name);
    CHECK(page.text.starts_with("# "));
    const auto read = bench.reader.Read("casemate://docs/" + std::string(page.name), bench.context);
    REQUIRE(read);
    CHECK(read->bytes == page.text);
    CHECK(read->mime_type == "text/markdown");
    const auto spec =
        std::ranges::find(listed, "casemate://docs/" + std::string(page.name), &ResourceSpec::uri);
    REQUIRE(spec != listed.end());
    CHECK(page.text.substr(2).starts_with(spec->title));
    CHECK_FALSE(spec->description.empty());
    CHECK(spec->size == static_cast<std::int64_t>(page.text.size()));
  }
}

TEST_CASE("a page or profile that is not there is not found, with the nearest name") {
  Bench bench;
  const auto page = bench.reader.Read("casemate://docs/tool", bench.context);
  REQUIRE_FALSE(page);
  CHECK(page.error().code == ErrorCode::kNotFound);
  CHECK_THAT(page.error().message, Catch::Contains("did you mean `tools`?"));
  CHECK(bench.ReadError("casemate://docs/") == ErrorCode::kNotFound);
  CHECK(bench.ReadError("casemate://docs/../README") == ErrorCode::kNotFound);
  CHECK(bench.ReadError("casemate://docs/tools/") == ErrorCode::kNotFound);
  CHECK(bench.ReadError("casemate://profiles/smal") == ErrorCode::kNotFound);
  CHECK(bench.ReadError("casemate://nothing") == ErrorCode::kNotFound);
}

TEST_CASE("profiles are read as profile_list shows them") {
  Bench bench;
  const auto read = bench.reader.Read("casemate://profiles/small", bench.context);
  REQUIRE(read);
  CHECK(read->mime_type == "application/json");
  CHECK(json::parse(read->bytes) == ProfileJson(*policies::FindProfile("small")));
}

TEST_CASE("names are completed") {
  Bench bench;
  CHECK(*bench.reader.Complete("casemate://docs/{page}", "page", "po", bench.context) ==
        std::vector<std::string>{"policy"});
  CHECK(*bench.reader.Complete("casemate://profiles/{name}", "name", "s", bench.context) ==
        std::vector<std::string>{"small", "scratch"});
  CHECK(bench.reader.Complete("casemate://profiles/{name}", "name", "x", bench.context)->empty());
}

TEST_CASE("an audit record is shown to whom it is about, and to nobody else") {
  Bench bench;
  const policies::Principal other{"other", "local", {"owner"}};
  const policies::Principal namesake{"local", "elsewhere", {}};
  const std::int64_t own = Recorded(bench, bench.context.principal);
  const std::int64_t others = Recorded(bench, other);
  const std::int64_t namesakes = Recorded(bench, namesake);
  REQUIRE(bench.gate.End(own, {{"status", "exited"}}));
  const std::int64_t outcome = namesakes + 1;
  REQUIRE(bench.trail.audit->Note("server_start", json::object()));
  const std::int64_t note = outcome + 1;

  const auto uri = [](std::int64_t seq) { return "casemate://audit/" + std::to_string(seq); };
  const auto read = bench.reader.Read(uri(own), bench.context);
  REQUIRE(read);
  CHECK(read->mime_type == "application/json");
  CHECK(json::parse(read->bytes)["seq"] == own);
  const auto ended = bench.reader.Read(uri(outcome), bench.context);
  REQUIRE(ended);
  CHECK(json::parse(ended->bytes)["kind"] == "outcome");
  // One answer for what is another's, what belongs to no call and what is not there.
  for (const std::int64_t seq : {others, namesakes, note, std::int64_t{999}}) {
    CHECK(bench.ReadError(uri(seq)) == ErrorCode::kPermissionDenied);
  }
  for (const char* odd : {"", "0", "01", "+1", "-1", "1x", " 1", "1/", "99999999999999999999"}) {
    CHECK(bench.ReadError(std::string("casemate://audit/") + odd) == ErrorCode::kPermissionDenied);
  }
  const auto provider = MakeAuditResource(*bench.trail.audit);
  CHECK_FALSE(provider->Read(uri(others), bench.context.principal));
  CHECK(provider->Read(uri(others), other));
}

TEST_CASE("audit records are never listed, and only one's own are offered by completion") {
  Bench bench;
  const std::int64_t own = Recorded(bench, bench.context.principal);
  Recorded(bench, {"other", "local", {}});
  const auto listed = bench.reader.List(bench.context);
  REQUIRE(listed);
  for (const ResourceSpec& spec : *listed) {
    CHECK_FALSE(spec.uri.starts_with("casemate://audit/"));
  }
  const auto values = bench.reader.Complete("casemate://audit/{seq}", "seq", "", bench.context);
  REQUIRE(values);
  // The list and the completion itself are on the trail too, as records 3 and 4.
  CHECK(*values == std::vector<std::string>{"4", "3", std::to_string(own)});
}

TEST_CASE("a single record is read from the trail") {
  Bench bench;
  const std::int64_t own = Recorded(bench, bench.context.principal);
  const auto record = bench.trail.audit->Read(own);
  REQUIRE(record);
  CHECK(record->seq == own);
  CHECK(json::parse(record->body)["tool"] == "run");
  CHECK(record->hash.size() == 64);
  CHECK(bench.trail.audit->Read(own + 1).error().code == ErrorCode::kNotFound);
  CHECK(bench.trail.audit->Read(-1).error().code == ErrorCode::kNotFound);
}

}  // namespace
}  // namespace casemate::tools
