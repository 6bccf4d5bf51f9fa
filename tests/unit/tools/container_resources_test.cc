// Resources about containers, against an engine that says what a test wants.
#include "tools/container_resources.h"

#include <condition_variable>
#include <set>

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

#include "base/text.h"
#include "sandbox/container/guard/protocol.h"
#include "sandbox/container/run/image_backend.h"
#include "tests/unit/container/events_engine.h"
#include "tests/unit/temp_dir.h"
#include "tools/container_uri.h"

namespace casemate::tools {
namespace {

using container::test::Answer;
using container::test::EventsEngine;
using container::test::Ok;
using nlohmann::json;

const std::string kOwn(64, 'a');
const std::string kOther(64, 'b');
const std::string kCall(64, 'e');  // a running call of bob's
const std::string kEngineDirectory = "/state/containers";
// Named with the digits of another one, which does not exist.
const std::string kPosing = "cccccccccccc";

std::string Frame(const std::string& text) {
  std::string frame{'\1', 0, 0, 0, 0, 0, 0, static_cast<char>(text.size())};
  return frame + text;
}

std::string NameOfContainer(const std::string& id) {
  return id == kOwn ? "own" : id == kCall ? "call" : "other";
}

json LabelsOf(const std::string& id) {
  return {{container::kLabelPrincipal, id == kCall ? "bob" : "local"},
          {container::kLabelTenant, "local"},
          {container::kLabelPurpose, id == kOwn ? "service" : "run"}};
}

// Of `local`, with a mount that an image cannot bring along; the other one only has the labels.
json Inspected(const std::string& id) {
  json said = {{"Id", id},
               {"Name", "/" + NameOfContainer(id)},
               {"Created", "2026-11-22T04:30:13Z"},
               {"Image", "sha256:" + std::string(64, '1')},
               {"State", {{"Status", "exited"}, {"ExitCode", 3}}},
               {"Config", {{"Image", "debian"}, {"Labels", LabelsOf(id)}}},
               {"HostConfig", {{"LogConfig", {{"Type", "json-file"}}}}},
               {"Mounts", json::array()}};
  if (id != kOther) {
    said["Mounts"].push_back({{"Type", "bind"},
                              {"Source", kEngineDirectory + "/guard"},
                              {"Destination", container::guard::kDirectory},
                              {"RW", false}});
  }
  return said;
}

std::string Says(const std::string& target) {
  const std::string path = target.substr(0, target.find('?')).substr(std::string("/v1.41").size());
  if (path == "/containers/json") {
    json listed = json::array();
    for (const std::string& id : {kOwn, kOther, kCall}) {
      listed.push_back({{"Id", id},
                        {"Names", {"/" + NameOfContainer(id)}},
                        {"Labels", LabelsOf(id)},
                        {"Image", "debian"},
                        {"State", "exited"},
                        {"Status", "Exited (3)"}});
    }
    return Ok(listed.dump());
  }
  for (const std::string& id : {kOwn, kOther, kCall}) {
    for (const std::string& name : {id, id.substr(0, 12)}) {
      if (path == "/containers/" + name + "/json") {
        return Ok(Inspected(id).dump());
      }
      if (path == "/containers/" + name + "/logs") {
        const bool is_short = target.find("tail=1&") != std::string::npos;
        return Ok((is_short ? "" : Frame("one\n")) + Frame("two\n"));
      }
    }
  }
  if (path == "/containers/" + kPosing + "/json") {
    return Ok(Inspected(kOther).dump());
  }
  return Answer("404 Not Found", R"({"message":"no such thing"})");
}

// The URIs that were announced.
class Announced {
 public:
  explicit Announced(Changes& changes)
      : subscription_(changes.Observe([this](const Change& change) {
          const std::lock_guard lock(mutex_);
          uris_.insert(change.subject);
          more_.notify_all();
        })) {}
  bool Await(const std::string& uri) {
    std::unique_lock lock(mutex_);
    return more_.wait_for(lock, std::chrono::seconds(30), [&] { return uris_.contains(uri); });
  }
  std::set<std::string> uris() {
    const std::lock_guard lock(mutex_);
    return uris_;
  }

 private:
  std::mutex mutex_;
  std::condition_variable more_;
  std::set<std::string> uris_;
  Changes::Subscription subscription_;
};

struct Shelf {
  Shelf() {
    auto opened = Store::Open(dir / "casemate.db");
    REQUIRE(opened);
    store = *std::move(opened);
    container::ContainersOptions options;
    options.socket = engine.socket();
    options.engine_directory = kEngineDirectory;
    containers = std::make_unique<container::Containers>(options);
    resources = MakeContainerResources(*containers, *store, changes);
  }
  [[nodiscard]] Result<ResourceContents> Read(const std::string& uri) const {
    return resources->Read(uri, me);
  }
  [[nodiscard]] json Document(const std::string& uri) const {
    const auto read = Read(uri);
    INFO((read ? std::string() : Describe(read.error())));
    REQUIRE(read);
    CHECK(read->uri == uri);
    CHECK(read->mime_type == "application/json");
    return json::parse(read->bytes);
  }
  EventsEngine engine{Says};
  testing::TempDir dir;
  std::unique_ptr<Store> store;
  std::unique_ptr<container::Containers> containers;
  Changes changes;
  std::unique_ptr<ResourceProvider> resources;
  policies::Principal me;
};

TEST_CASE("URIs of containers", "[containers]") {
  const auto part = [](const std::string& uri) {
    const auto parsed = ParseContainerUri(uri);
    return parsed ? std::string(NameOf(parsed->part)) : Describe(parsed.error());
  };
  CHECK(part("casemate://containers") == "list");
  CHECK(part("casemate://containers/events") == "events");
  CHECK(part("casemate://containers/events?since=0&limit=5") == "events");
  CHECK(part("casemate://containers/" + kOwn + "/status") == "status");
  CHECK(part("casemate://containers/aaaaaaaaaaaa/logs") == "logs");
  CHECK(ParseContainerUri("casemate://containers/events?since=7")->since == 7);
  CHECK(ParseContainerUri("casemate://containers/aaaaaaaaaaaa/logs?tail=9")->tail == 9);
  for (const char* rest : {"x",
                           "/",
                           "/events/",
                           "/events?since=-1",
                           "/events?since=",
                           "/events?since=1&since=2",
                           "/events?limit=0",
                           "/events?until=1",
                           "/events?tail=1",
                           "?since=1",
                           "/web/status",
                           "/aaaaaaaaaaa/status",
                           "/AAAAAAAAAAAA/status",
                           "/aaaaaaaaaaaa",
                           "/aaaaaaaaaaaa/",
                           "/aaaaaaaaaaaa/stdout",
                           "/aaaaaaaaaaaa/status/",
                           "/aaaaaaaaaaaa/status?tail=1",
                           "/aaaaaaaaaaaa/logs?tail=0",
                           "/aaaaaaaaaaaa/logs?tail=x",
                           "/../status"}) {
    INFO(rest);
    const auto parsed = ParseContainerUri(std::string(kContainersUri) + rest);
    REQUIRE_FALSE(parsed);
    CHECK(parsed.error().code == ErrorCode::kNotFound);
    CHECK(parsed.error().field == "uri");
    CHECK_FALSE(parsed.error().remedy.empty());
  }
  CHECK_FALSE(ParseContainerUri("casemate://containers/" + std::string(65, 'a') + "/status"));
  CHECK(IsContainerUri("casemate://containers/whatever"));
  CHECK_FALSE(IsContainerUri("casemate://containersx"));
  CHECK_FALSE(IsContainerUri("casemate://runs/x"));
}

TEST_CASE("listing what there is to read does not ask the engine", "[containers]") {
  const Shelf shelf;
  const auto listed = shelf.resources->List(shelf.me);
  REQUIRE(listed.size() == 2);
  for (const ResourceSpec& spec : listed) {
    CHECK(shelf.resources->Owns(spec.uri));
    CHECK(shelf.resources->Facts(spec.uri, shelf.me)["kind"] == "container");
  }
  CHECK(shelf.resources->Templates().size() == 3);
  CHECK(shelf.engine.connections() == 0);
}

TEST_CASE("policy sees which container it is, whose, and that its words are others'",
          "[containers]") {
  const Shelf shelf;
  const auto facts = [&](const std::string& uri) { return shelf.resources->Facts(uri, shelf.me); };
  CHECK(facts("casemate://containers") == json{{"kind", "container"}, {"part", "list"}});
  CHECK(facts("casemate://containers/events?since=3") ==
        json{{"kind", "container"}, {"part", "events"}, {"untrusted", true}});
  const json own = facts(UriOfContainer(kOwn, "logs"));
  CHECK(own["kind"] == "container");
  CHECK(own["part"] == "logs");
  CHECK(own["container"]["id"] == kOwn);
  CHECK(own["container"]["name"] == "own");
  CHECK(own["container"]["own"] == true);
  CHECK_FALSE(own.contains("untrusted"));
  // A label alone makes no owner.
  const json other = facts(UriOfContainer(kOther.substr(0, 12), "status"));
  CHECK(other["container"]["id"] == kOther);
  CHECK(other["container"]["own"] == false);
  CHECK(other["untrusted"] == true);
  policies::Principal stranger{"stranger", "elsewhere", {}};
  CHECK(shelf.resources->Facts(UriOfContainer(kOwn, "logs"), stranger)["container"]["own"] ==
        false);
  CHECK(shelf.resources->Facts(UriOfContainer(kOwn, "logs"), stranger)["untrusted"] == true);
  stranger = {"local", "elsewhere", {"owner"}};
  CHECK(shelf.resources->Facts(UriOfContainer(kOwn, "logs"), stranger)["container"]["own"] ==
        false);
  for (const std::string& uri :
       {UriOfContainer(kPosing, "logs"), UriOfContainer("dddddddddddd", "logs"),
        std::string("casemate://containers/web/logs")}) {
    INFO(uri);
    CHECK_FALSE(facts(uri).contains("container"));
    CHECK(facts(uri)["untrusted"] == true);
  }
}

TEST_CASE("list, status and logs are read", "[containers]") {
  const Shelf shelf;
  const json list = shelf.Document("casemate://containers");
  CHECK(list["total"] == 3);
  REQUIRE(list["containers"].size() == 3);
  const json first = shelf.Document(list["containers"][0]["uri"]);
  CHECK(first["name"] == list["containers"][0]["name"]);
  const json status = shelf.Document(UriOfContainer(kOwn, "status"));
  CHECK(status["id"] == kOwn);
  CHECK(status["state"] == "exited");
  const auto logs = shelf.Read(UriOfContainer(kOwn, "logs"));
  REQUIRE(logs);
  CHECK(logs->mime_type == "text/plain");
  CHECK(logs->bytes == "one\ntwo\n");
  const auto last = shelf.Read(UriOfContainer(kOwn, "logs") + "?tail=1");
  REQUIRE(last);
  CHECK(last->bytes == "two\n");
}

TEST_CASE("a container that is not there is not found; a name is no id", "[containers]") {
  const Shelf shelf;
  for (const std::string& uri :
       {UriOfContainer(kPosing, "status"), UriOfContainer(kPosing, "logs"),
        UriOfContainer("dddddddddddd", "logs"), std::string("casemate://containers/own/status")}) {
    INFO(uri);
    CHECK(shelf.Read(uri).error().code == ErrorCode::kNotFound);
    CHECK(shelf.resources->Watch(uri, shelf.me).error().code == ErrorCode::kNotFound);
  }
}

TEST_CASE("running calls of others are nowhere; labels of an image hide nothing", "[containers]") {
  Shelf shelf;
  for (const std::string& id : {kOwn, kCall, kOther}) {
    const std::int64_t now = WallClockMs() * 1'000'000;
    json event = {{"Type", "container"},
                  {"Action", "start"},
                  {"Actor", {{"ID", id}, {"Attributes", LabelsOf(id)}}},
                  {"timeNano", now}};
    shelf.engine.Say(now, event.dump() + "\n");
  }
  const auto ids_for = [&](const policies::Principal& who, const std::string& uri,
                           const char* member) {
    const auto read = shelf.resources->Read(uri, who);
    REQUIRE(read);
    std::set<std::string> ids;
    const json document = json::parse(read->bytes);
    for (const json& row : document[member]) {
      ids.insert(row["id"].get<std::string>().substr(0, 1));
    }
    return ids;
  };
  const policies::Principal ann{"ann", "local", {"owner"}};
  const policies::Principal bob{"bob", "local", {}};
  const policies::Principal other_bob{"bob", "elsewhere", {}};
  const std::set<std::string> all = {"a", "b", "e"};
  CHECK(ids_for(shelf.me, "casemate://containers", "containers") == all);
  CHECK(ids_for(bob, "casemate://containers", "containers") == all);
  const std::set<std::string> visible = {"a", "b"};
  CHECK(ids_for(ann, "casemate://containers", "containers") == visible);
  CHECK(ids_for(other_bob, "casemate://containers", "containers") == visible);
  CHECK(ids_for(shelf.me, "casemate://containers/events", "events") == all);
  CHECK(ids_for(bob, "casemate://containers/events", "events").contains("e"));
  CHECK_FALSE(ids_for(ann, "casemate://containers/events", "events").contains("e"));
  CHECK(ids_for(ann, "casemate://containers/events?since=0", "events").contains("a"));
  CHECK_FALSE(ids_for(ann, "casemate://containers/events?since=0", "events").contains("e"));
  for (const char* part : {"status", "logs"}) {
    const std::string uri = UriOfContainer(kCall, part);
    CHECK(shelf.resources->Read(uri, bob));
    CHECK(shelf.resources->Watch(uri, bob));
    CHECK(shelf.resources->Read(uri, shelf.me));
    const auto refused = shelf.resources->Read(uri, ann);
    REQUIRE_FALSE(refused);
    CHECK(refused.error().code == ErrorCode::kNotFound);
    CHECK(refused.error().message == "there is no resource " + Quoted(uri));
    CHECK(shelf.resources->Watch(uri, ann).error().code == ErrorCode::kNotFound);
    CHECK_FALSE(shelf.resources->Facts(uri, ann).contains("container"));
  }
  CHECK(shelf.resources->Complete(UriOfContainer("{id}", "logs"), "id", "", ann).size() == 2);
}

TEST_CASE("an engine that is away is told, and what is recorded can still be read",
          "[containers]") {
  Shelf shelf;
  shelf.engine.Happens("start", kOwn);
  CHECK(shelf.Document("casemate://containers/events")["events"].size() == 1);
  shelf.engine.GoAway();
  CHECK(shelf.Read("casemate://containers").error().code == ErrorCode::kUnavailable);
  CHECK(shelf.Read(UriOfContainer(kOwn, "status")).error().code == ErrorCode::kUnavailable);
  CHECK_FALSE(shelf.resources->Facts(UriOfContainer(kOwn, "logs"), shelf.me).contains("container"));
  CHECK(shelf.resources->Complete(UriOfContainer("{id}", "logs"), "id", "", shelf.me).empty());
  CHECK(shelf.Document("casemate://containers/events")["events"].size() == 1);
  CHECK(shelf.resources->Watch(UriOfContainer(kOwn, "status"), shelf.me));  // it may come back
}

TEST_CASE("an engine that hangs is told, though the stream of its events goes on", "[containers]") {
  Shelf shelf;
  shelf.engine.Happens("start", kOwn);
  CHECK_FALSE(shelf.Document("casemate://containers/events").contains("problem"));
  shelf.engine.Hang();
  const std::int64_t begun = MonotonicNs();
  const json events = shelf.Document("casemate://containers/events");
  CHECK(events.contains("problem"));
  CHECK(events["events"].size() == 1);
  CHECK(MonotonicNs() - begun < 10'000'000'000);
}

TEST_CASE("events that cannot be read are a gap, until one has read past them", "[containers]") {
  Shelf shelf;
  shelf.engine.Happens("create", kOwn);
  const json before = shelf.Document("casemate://containers/events");
  CHECK_FALSE(before.contains("gap"));
  Announced announced(shelf.changes);
  shelf.engine.Say(WallClockMs() * 1'000'000, "nonsense\n");
  shelf.engine.Happens("start", kOwn);
  REQUIRE(announced.Await("casemate://containers/events"));
  const std::string since = "casemate://containers/events?since=";
  const json page = shelf.Document(since + before["next"].dump());
  CHECK(page.contains("gap"));
  CHECK(page["events"].size() == 1);
  CHECK_FALSE(shelf.Document(since + page["next"].dump()).contains("gap"));
}

TEST_CASE("events are read from a sequence number on", "[containers]") {
  Shelf shelf;
  shelf.engine.Happens("create", kOwn);
  shelf.engine.Happens("start", kOwn);
  const json first = shelf.Document("casemate://containers/events");
  REQUIRE(first["events"].size() == 2);
  CHECK_FALSE(first.contains("problem"));
  const json& event = first["events"][0];
  CHECK(event["action"] == "create");
  CHECK(event["type"] == "container");
  CHECK(event["id"] == kOwn);
  CHECK(event["name"] == "web");
  CHECK(event["attributes"]["image"] == "debian");
  CHECK(event["time"].get<std::string>().size() == std::string("2026-11-22T04:30:13.123Z").size());
  CHECK(first["more"] == false);

  const std::string since = "casemate://containers/events?since=";
  const json page = shelf.Document(since + "0&limit=1");
  REQUIRE(page["events"].size() == 1);
  CHECK(page["more"] == true);
  CHECK(page["next"] == event["seq"]);
  Announced announced(shelf.changes);
  shelf.engine.Happens("die", kOwn);
  REQUIRE(announced.Await("casemate://containers/events"));
  const json news = shelf.Document(since + first["next"].dump());
  REQUIRE(news["events"].size() == 1);
  CHECK(news["events"][0]["action"] == "die");
  CHECK(shelf.Document(since + news["next"].dump())["events"].empty());
  CHECK(shelf.Document(since + "100000").contains("gap"));
}

TEST_CASE("a reply of events is bounded, and says where to go on", "[containers]") {
  Shelf shelf;
  constexpr int kEvents = 600;
  std::string labels;
  for (int i = 0; i < 8; ++i) {
    labels += ",\"l" + std::to_string(i) + "\":\"" + std::string(250, 'x') + "\"";
  }
  const std::int64_t now = WallClockMs() * 1'000'000;
  for (int i = 0; i < kEvents; ++i) {
    shelf.engine.Say(now + i, R"({"Type":"container","Action":"start","Actor":{"ID":")" + kOwn +
                                  R"(","Attributes":{"name":"web")" + labels + R"(}},"timeNano":)" +
                                  std::to_string(now + i) + "}\n");
  }
  std::int64_t next = 0;
  int seen = 0;
  int readings = 0;
  for (bool has_more = true; has_more && readings < kEvents; ++readings) {
    const std::string uri = "casemate://containers/events?limit=1000&since=" + std::to_string(next);
    const json page = shelf.Document(uri);
    REQUIRE_FALSE(page["events"].empty());
    CHECK(page.dump().size() < std::size_t{300} << 10);
    CHECK(page["events"][0]["seq"] == seen + 1);
    seen += static_cast<int>(page["events"].size());
    next = page["next"];
    has_more = page["more"];
  }
  CHECK(seen == kEvents);
  CHECK(readings > 1);
  // Without a number the last ones are shown, not the first.
  const json last = shelf.Document("casemate://containers/events?limit=1000");
  CHECK(last.dump().size() < std::size_t{300} << 10);
  CHECK(last["events"].back()["seq"] == kEvents);
  CHECK(last["next"] == kEvents);
}

TEST_CASE("who watches is told of each change, by the id as it was written", "[containers]") {
  Shelf shelf;
  Announced announced(shelf.changes);
  const std::string short_id = kOwn.substr(0, 12);
  REQUIRE(shelf.resources->Watch(UriOfContainer(short_id, "status"), shelf.me));
  shelf.engine.Happens("die", kOwn);
  CHECK(announced.Await(UriOfContainer(short_id, "status")));
  CHECK(announced.Await(UriOfContainer(short_id, "logs")));
  CHECK(announced.Await(UriOfContainer(kOwn, "status")));
  CHECK(announced.Await(UriOfContainer(kOwn, "logs")));
  CHECK(announced.Await("casemate://containers"));
  CHECK(announced.Await("casemate://containers/events"));
  CHECK_FALSE(announced.uris().contains(UriOfContainer(kOther, "status")));

  Announced later(shelf.changes);
  shelf.engine.Happens("pull", "debian", 0, "image");
  CHECK(later.Await("casemate://containers/events"));
  CHECK(later.uris().size() == 1);
}

TEST_CASE("what is never announced cannot be watched", "[containers]") {
  const Shelf shelf;
  for (const std::size_t digits : {13U, 40U, 63U}) {
    const auto watched =
        shelf.resources->Watch(UriOfContainer(kOwn.substr(0, digits), "status"), shelf.me);
    REQUIRE_FALSE(watched);
    CHECK(watched.error().code == ErrorCode::kInvalidArgument);
    CHECK(watched.error().field == "uri");
    CHECK(watched.error().message.find("12 or all 64 digits") != std::string::npos);
  }
  CHECK(shelf.resources->Watch(UriOfContainer(kOwn, "status"), shelf.me));
}

TEST_CASE("what can be read with a query cannot be watched with one", "[containers]") {
  const Shelf shelf;
  for (const std::string& uri : {std::string("casemate://containers/events?since=1"),
                                 UriOfContainer(kOwn, "logs") + "?tail=5"}) {
    const auto watched = shelf.resources->Watch(uri, shelf.me);
    REQUIRE_FALSE(watched);
    CHECK(watched.error().code == ErrorCode::kInvalidArgument);
    CHECK(watched.error().field == "uri");
  }
}

TEST_CASE("ids are completed by id and name", "[containers]") {
  const Shelf shelf;
  const auto complete = [&](const char* prefix) {
    return shelf.resources->Complete(UriOfContainer("{id}", "status"), "id", prefix, shelf.me);
  };
  CHECK(complete("").size() == 3);
  CHECK(complete("aaa") == std::vector<std::string>{kOwn.substr(0, 12)});
  CHECK(complete("oth") == std::vector<std::string>{kOther.substr(0, 12)});
  CHECK(complete("x").empty());
  CHECK(
      shelf.resources->Complete("casemate://containers/events?since={since}", "since", "", shelf.me)
          .empty());
}

}  // namespace
}  // namespace casemate::tools
