#include "policies/approvals/approval_desk.h"

#include <set>

#include <catch2/catch.hpp>

#include "tests/unit/policies/approval_fixture.h"

namespace casemate::policies {

using test::AtClient;
using test::Cli;
using test::Desk;
using Json = nlohmann::json;

TEST_CASE("an id is short, can be spoken, and is read however it is typed") {
  std::set<std::string> ids;
  for (int i = 0; i < 200; ++i) {
    const std::string id = NewApprovalId();
    CHECK(id.size() == 11);
    CHECK(id[5] == '-');
    CHECK(ReadApprovalId(id) == id);
    ids.insert(id);
  }
  CHECK(ids.size() == 200);
  CHECK(ReadApprovalId("K3F9X2MM4T") == "k3f9x-2mm4t");
  CHECK(ReadApprovalId("oil00-11111") == "01100-11111");
  for (const char* wrong :
       {"", "k3f9x", "k3f9x-2mm4tt", "k3f9x-2mm4u", "k3f9x 2mm4t", "../../etc"}) {
    CHECK_FALSE(ReadApprovalId(wrong));
  }
}

TEST_CASE("an approval is good for one call") {
  Desk desk;
  const ApprovalCall call = desk.Call();
  CHECK_FALSE(desk.Take(call).open);
  const Approval asked = desk.Request(call);
  CHECK(asked.state == ApprovalState::kPending);
  CHECK(asked.expires_ms == desk.now + 300'000);
  CHECK_FALSE(desk.IsApproved(call));
  desk.Grant(asked.id);
  Decision decision = desk.Ask(call);
  const auto taken = desk.Take(call, decision);
  REQUIRE(taken.proof);
  CHECK(taken.mark.id == asked.id);
  CHECK(taken.mark.by == "operator");
  CHECK(taken.mark.channel == "cli");
  CHECK(PolicyEngine::Approve(decision, *taken.proof, {.id = "ann", .tenant = "acme"}));
  CHECK(decision.grant->principal_id() == "ann");
  CHECK(decision.grant->tenant() == "acme");
  CHECK(decision.effect == Effect::kAllow);
  CHECK_FALSE(desk.IsApproved(call));  // replay
  CHECK_FALSE(desk.Take(call).open);
  CHECK(desk.desk->Show(asked.id)->state == ApprovalState::kUsed);
  CHECK(desk.Kinds() ==
        std::vector<std::string>{"approval_requested", "approval_granted", "approval_used"});
  CHECK(desk.trail.Verify().problems.empty());
}

TEST_CASE("a proof is for the decision that it was taken for") {
  Desk desk;
  const ApprovalCall call = desk.Call();
  desk.Grant(desk.Request(call).id);
  const auto taken = desk.Take(call);
  Decision other = desk.Ask(call);
  REQUIRE(taken.proof);
  CHECK_FALSE(PolicyEngine::Approve(other, *taken.proof, {}));
  CHECK(other.effect == Effect::kAsk);
  CHECK_FALSE(other.grant);
}

TEST_CASE("the hash of a call tells every two calls apart, and keeps secrets") {
  Desk desk;
  const auto hash = [&](const Json& args, const Json& context, const Principal& who,
                        const std::string& tool, std::string_view unshown) {
    auto found = desk.desk->HashOf({tool, who, args, context, NoHistory()}, unshown);
    REQUIRE(found);
    return *found;
  };
  const Json none = Json::object();
  const Principal me;
  std::set<std::string> hashes = {
      hash({{"a", 1}}, none, me, "run", ""),
      hash({{"a", "1"}}, none, me, "run", ""),
      hash({{"a", 1}, {"b", nullptr}}, none, me, "run", ""),
      hash({{"a", 1}}, {{"workspace", "/x"}}, me, "run", ""),
      hash({{"a", 1}}, none, {"ann", "local", {}, {}}, "run", ""),
      hash({{"a", 1}}, none, {"local", "acme", {}, {}}, "run", ""),
      hash({{"a", 1}}, none, me, "job_cancel", ""),
      hash({{"a", 1}}, none, me, "run", "SECRET=1"),
      hash({{"a", 1}}, none, me, "run", "SECRET=2"),
  };
  CHECK(hashes.size() == 9);
  CHECK(hash({{"a", 1}}, none, me, "run", "SECRET=1") ==
        hash({{"a", 1}}, none, me, "run", "SECRET=1"));
  // Under a key of this database: whoever guesses at the secret cannot try elsewhere.
  Desk other;
  auto elsewhere = other.desk->HashOf({"run", me, {{"a", 1}}, none, NoHistory()}, "SECRET=1");
  CHECK(hashes.count(*elsewhere) == 0);
}

TEST_CASE("calls that differ in bytes that are no text never share a hash") {
  Desk desk;
  const auto hash = [&](const Json& args, const Json& context, std::string_view unshown) {
    return desk.desk->HashOf({"run", {}, args, context, NoHistory()}, unshown);
  };
  const Json none = Json::object();
  // Written leniently, all of these would be the one with U+FFFD.
  for (const char* bytes : {"\xff", "\xfe", "\xc0\xaf", "\xed\xa0\x80", "\xe2\x82"}) {
    INFO(bytes);
    CHECK(hash({{"command", {"echo", bytes}}}, none, "").error().code ==
          ErrorCode::kInvalidArgument);
    CHECK_FALSE(hash({{bytes, 1}}, none, ""));
    CHECK_FALSE(hash(none, {{"workspace", bytes}}, ""));
  }
  CHECK(hash({{"command", {"echo", "\ufffd"}}}, none, ""));
  std::set<std::string> hashes;
  for (const char* unshown : {"\xff", "\xfe", "\xc0\xaf", "\ufffd"}) {
    hashes.insert(*hash(none, none, unshown));
  }
  CHECK(hashes.size() == 4);
}

TEST_CASE("another call, principal or tenant cannot use an approval") {
  Desk desk;
  const ApprovalCall call = desk.Call("a");
  desk.Grant(desk.Request(call).id);
  CHECK_FALSE(desk.IsApproved(desk.Call("b")));  // the argument was changed after approval
  CHECK_FALSE(desk.IsApproved(desk.Call("a", {"ann", "local", {}, {}})));
  CHECK_FALSE(desk.IsApproved(desk.Call("a", {"local", "acme", {}, {}})));
  // Even if somebody found two calls with one hash.
  ApprovalCall forged = call;
  forged.principal.id = "ann";
  CHECK_FALSE(desk.IsApproved(forged));
  forged = call;
  forged.principal.tenant = "acme";
  CHECK_FALSE(desk.IsApproved(forged));
  forged = call;
  forged.tool = "job_cancel";
  CHECK_FALSE(desk.IsApproved(forged));
  CHECK(desk.IsApproved(call));
}

TEST_CASE("an approval ends in time, and a clock that was set back does not prolong it") {
  Desk desk;
  const ApprovalCall call = desk.Call();
  const Approval pending = desk.Request(call);
  const std::int64_t begin = desk.now;
  desk.now = begin + 300'000;
  CHECK_FALSE(desk.desk->Grant(pending.id, Cli(), false));
  CHECK(desk.desk->Show(pending.id)->state == ApprovalState::kExpired);
  CHECK(desk.desk->List(false)->empty());
  CHECK(desk.desk->List(true)->size() == 1);
  const Approval again = desk.Request(call);
  CHECK(again.id != pending.id);
  desk.Grant(again.id);
  desk.now = again.expires_ms;
  CHECK_FALSE(desk.IsApproved(call));
  desk.now = again.created_ms - 1;
  CHECK_FALSE(desk.IsApproved(call));
  desk.now = again.expires_ms - 1;
  CHECK(desk.IsApproved(call));
}

TEST_CASE("a changed policy voids what was approved") {
  Desk desk;
  const ApprovalCall call = desk.Call();
  desk.Grant(desk.Request(call).id);
  const auto voided = [&](auto change) {
    Decision decision = desk.Ask(call);
    change(decision);
    const auto taken = desk.Take(call, decision);
    return !taken.proof && !taken.open;
  };
  CHECK(voided([](Decision& decision) { decision.revision = "another"; }));
  CHECK(voided([](Decision& decision) { decision.matched.emplace_back("one-more"); }));
  CHECK(voided([](Decision& decision) { ++decision.asked->limits.memory_mb; }));
  CHECK(voided([](Decision& decision) { decision.approval->by = Approver::kOperator; }));
  CHECK(desk.IsApproved(call));
}

TEST_CASE("the same request that waits already is not made twice") {
  Desk desk;
  const Approval first = desk.Request(desk.Call());
  CHECK(desk.Request(desk.Call()).id == first.id);
  CHECK(desk.Take(desk.Call()).open->id == first.id);
  CHECK(desk.Request(desk.Call("b")).id != first.id);
  CHECK(desk.desk->List(false)->size() == 2);
  CHECK(desk.Kinds().size() == 2);
}

TEST_CASE("who may grant") {
  Desk desk;
  const auto refuses = [&](const Decider& decider) {
    const auto granted = desk.desk->Grant(desk.Request(desk.Call()).id, decider, false);
    return !granted && granted.error().code == ErrorCode::kPermissionDenied;
  };
  CHECK_FALSE(refuses(AtClient()));
  desk.terms.by = Approver::kOperator;
  CHECK(refuses(AtClient()));
  CHECK_FALSE(refuses(Cli("local")));
  desk.terms.by = Approver::kSecondPerson;
  CHECK(refuses(AtClient()));
  CHECK(refuses(AtClient({"ann", "local", {}, {}})));
  CHECK(refuses(Cli("local")));
  CHECK_FALSE(refuses(Cli("local", "acme")));
  CHECK_FALSE(refuses(Cli("ann")));
  // What is remembered needs the second person too.
  desk.terms.remember = Remember::kSameCall;
  CHECK_FALSE(desk.desk->Grant(desk.Request(desk.Call()).id, Cli("local"), true));
}

TEST_CASE("what was denied is not asked about again for a while") {
  Desk desk;
  desk.terms.expires_ms = 3'600'000;
  const ApprovalCall call = desk.Call();
  const Approval asked = desk.Request(call);
  const auto denied = desk.desk->Deny(asked.id, AtClient(), "not on a Friday");
  REQUIRE(denied);
  CHECK(denied->deny_reason == "not on a Friday");
  CHECK_FALSE(desk.desk->Grant(asked.id, Cli(), false));
  CHECK_FALSE(desk.desk->Deny(asked.id, Cli(), ""));
  REQUIRE(desk.Take(call).open);
  CHECK(desk.Take(call).open->state == ApprovalState::kDenied);
  desk.now += ApprovalDesk::kDenialMs;
  CHECK_FALSE(desk.Take(call).open);
  CHECK(desk.Kinds().back() == "approval_denied");
}

TEST_CASE("a grant can be taken back until it is used") {
  Desk desk;
  const Approval asked = desk.Request(desk.Call());
  desk.Grant(asked.id);
  CHECK_FALSE(desk.desk->Grant(asked.id, Cli(), false));
  REQUIRE(desk.desk->Deny(asked.id, Cli(), ""));
  CHECK_FALSE(desk.IsApproved(desk.Call()));
  const Approval used = desk.Request(desk.Call("b"));
  desk.Grant(used.id);
  CHECK(desk.IsApproved(desk.Call("b")));
  const auto late = desk.desk->Deny(used.id, Cli(), "");
  REQUIRE_FALSE(late);
  CHECK(late.error().message.find("which is used") != std::string::npos);
}

TEST_CASE("an id that nobody was given approves nothing") {
  Desk desk;
  for (const char* id : {"", "00000-00000", "'; DROP TABLE approval; --", "\x1b[2J"}) {
    const auto found = desk.desk->Grant(id, Cli(), false);
    REQUIRE_FALSE(found);
    CHECK(found.error().code == ErrorCode::kNotFound);
    CHECK(found.error().message.find('\x1b') == std::string::npos);
  }
}

TEST_CASE("what waits is bounded, for one principal and in all") {
  Desk desk;
  for (int i = 0; i < ApprovalDesk::kMaxPendingEach; ++i) {
    desk.Request(desk.Call(std::to_string(i)));
  }
  const ApprovalCall more = desk.Call("more");
  const auto refused = desk.desk->Request(more, desk.Ask(more), {"", ""});
  REQUIRE_FALSE(refused);
  CHECK(refused.error().code == ErrorCode::kResourceExhausted);
  CHECK(desk.Request(desk.Call("0")).state == ApprovalState::kPending);  // that one waits already
  desk.Request(desk.Call("more", {"ann", "local", {}, {}}));             // others are not held up
  desk.now += desk.terms.expires_ms;
  desk.Request(more);
  REQUIRE(desk.trail.store().Execute(
      "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 1023) INSERT INTO "
      "approval (id, state, call_hash, fit, tenant, principal, tool, channel, rules, revision, "
      "terms, summary, full_text, created_ms, expires_ms, audit_seq) SELECT 'n' || i, 'pending', "
      "'', '', 't' || i, 'p', '', '', '[]', '', '{}', '', '', 1000000300000, 1000000400000, 1 "
      "FROM n"));
  const ApprovalCall last = desk.Call("last", {"bob", "local", {}, {}});
  CHECK_FALSE(desk.desk->Request(last, desk.Ask(last), {"", ""}));
}

TEST_CASE("old rows go, open ones stay") {
  Desk desk;
  desk.terms.expires_ms = 3'600'000;
  const Approval open = desk.Request(desk.Call("open"));
  REQUIRE(desk.trail.store().Execute(
      "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 3000) INSERT INTO "
      "approval (id, state, call_hash, fit, tenant, principal, tool, channel, rules, revision, "
      "terms, summary, full_text, created_ms, expires_ms, audit_seq) SELECT 'n' || i, 'used', "
      "'', '', 't', 'p', '', '', '[]', '', '{}', '', '', 999999000000 + i, 999999900000, 1 FROM "
      "n"));
  desk.Request(desk.Call("next"));
  CHECK(desk.desk->List(true)->size() == ApprovalDesk::kMaxKept + 2);
  CHECK(desk.desk->Show(open.id)->state == ApprovalState::kPending);
  desk.now += ApprovalDesk::kKeptMs + 2 * desk.terms.expires_ms;
  desk.Request(desk.Call("later"));
  CHECK(desk.desk->List(true)->size() == 1);
}

TEST_CASE("nothing is approved that cannot be recorded") {
  Desk desk;
  const Approval waiting = desk.Request(desk.Call("b"));
  const Approval granted = desk.Request(desk.Call("a"));
  desk.Grant(granted.id);
  desk.terms.remember = Remember::kSameCall;
  desk.Grant(desk.Request(desk.Call("c")).id, true);
  CHECK(desk.IsApproved(desk.Call("c")));
  desk.terms.remember = Remember::kNever;
  // No record can be added to the trail; the table of approvals can be written.
  REQUIRE(desk.trail.store().Execute("ALTER TABLE audit_record RENAME TO away"));
  CHECK_FALSE(desk.desk->Grant(waiting.id, Cli(), false));
  CHECK_FALSE(desk.desk->Deny(waiting.id, Cli(), ""));
  CHECK_FALSE(desk.desk->Take(desk.Call("a"), desk.Ask(desk.Call("a"))));
  CHECK_FALSE(desk.desk->Request(desk.Call("d"), desk.Ask(desk.Call("d")), {"", ""}));
  desk.terms.remember = Remember::kSameCall;
  CHECK_FALSE(desk.desk->Take(desk.Call("c"), desk.Ask(desk.Call("c"))));
  desk.terms.remember = Remember::kNever;
  REQUIRE(desk.trail.store().Execute("ALTER TABLE away RENAME TO audit_record"));
  CHECK(desk.desk->Show(waiting.id)->state == ApprovalState::kPending);
  CHECK(desk.IsApproved(desk.Call("a")));  // nothing was lost either
  CHECK_FALSE(desk.Take(desk.Call("d")).open);
}

TEST_CASE("remembered: the same call, in that session of that principal") {
  Desk desk;
  const ApprovalCall call = desk.Call();
  CHECK_FALSE(desk.desk->Grant(desk.Request(call).id, Cli(), true));  // the rule does not allow it
  desk.terms.remember = Remember::kSameCall;
  desk.Grant(desk.Request(call).id, true);
  CHECK(desk.IsApproved(call));
  CHECK(desk.IsApproved(call));
  CHECK_FALSE(desk.IsApproved(desk.Call("b")));
  CHECK_FALSE(desk.IsApproved(desk.Call("a", {}, "s2")));
  CHECK_FALSE(desk.IsApproved(desk.Call("a", {"ann", "local", {}, {}})));
  const Json used = Json::parse(desk.trail.All().back().body);
  CHECK(used["kind"] == "approval_used");
  CHECK(used["detail"]["remembered"] == true);
  // Another policy, or another incarnation, knows nothing of it.
  Decision changed = desk.Ask(call);
  changed.revision = "another";
  CHECK_FALSE(desk.Take(call, changed).proof);
  CHECK_FALSE(desk.Make()->Take(call, desk.Ask(call))->proof);
  desk.now += RememberedApprovals::kMaxAgeMs;
  CHECK_FALSE(desk.IsApproved(call));
}

TEST_CASE("remembered: whatever the same rules ask about") {
  Desk desk;
  desk.terms.remember = Remember::kSameRule;
  desk.Grant(desk.Request(desk.Call()).id, true);
  CHECK(desk.IsApproved(desk.Call()));
  CHECK(desk.IsApproved(desk.Call("b")));
  ApprovalCall other = desk.Call("b");
  other.tool = "job_cancel";
  CHECK_FALSE(desk.Take(other, desk.Ask(desk.Call())).proof);
  Decision more = desk.Ask(desk.Call("b"));
  more.matched.emplace_back("another-rule");
  CHECK_FALSE(desk.Take(desk.Call("b"), more).proof);
  CHECK_FALSE(desk.IsApproved(desk.Call("b", {}, "s2")));
}

TEST_CASE("only a decision that asks can be requested") {
  Desk desk;
  const ApprovalCall call = desk.Call();
  Decision decision = desk.Ask(call);
  decision.effect = Effect::kDeny;
  CHECK_FALSE(desk.desk->Request(call, decision, {"", ""}));
  decision = desk.Ask(call);
  decision.asked.reset();
  CHECK_FALSE(desk.desk->Request(call, decision, {"", ""}));
}

TEST_CASE("terms that cannot be read are the strictest") {
  for (const char* text :
       {"", "[]", "{", R"({"by": "me"})", R"({"by": 1, "remember": "always"})"}) {
    const ApprovalTerms terms = ReadApprovalTerms(text);
    CHECK(terms.by == Approver::kSecondPerson);
    CHECK(terms.remember == Remember::kNever);
  }
}

TEST_CASE("a server that no call asks anything makes no table") {
  Desk desk;
  CHECK_FALSE(desk.trail.store().Prepare("SELECT 1 FROM approval"));
  desk.Request(desk.Call());
  CHECK(desk.trail.store().Prepare("SELECT 1 FROM approval"));
}

}  // namespace casemate::policies
