#include "tools/artifacts/artifact_store.h"

#include <sys/mount.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <set>

#include "base/file.h"
#include "base/text.h"
#include "tests/unit/artifacts/image_fixture.h"
#include "tools/artifacts/image_blobs.h"

namespace casemate::artifacts {
namespace {

using Catch::Contains;
using test::Fixture;
using test::Image;
using test::PutImage;

const ArtifactOwner kAnn = {"ann", "acme"};
const ArtifactOwner kBob = {"bob", "acme"};

std::vector<std::string> Ids(const Result<ArtifactPage>& page) {
  REQUIRE(page);
  std::vector<std::string> ids;
  for (const Artifact& artifact : page->artifacts) {
    ids.push_back(artifact.id);
  }
  return ids;
}

TEST_CASE_METHOD(Fixture, "What is recorded is found, and whole", "[artifacts]") {
  const Image image = PutImage(artifacts->blobs(), {"layer one", "layer two"});
  const Artifact made = Record(Facts(image.digest));
  CHECK_THAT(made.id, Catch::Matchers::Matches("shop:[0-9a-f]{12}"));
  CHECK(made.created == "2023-11-14T22:13:20.000Z");
  CHECK(made.Reference() == "shop:1.0");
  CHECK(made.image_digest == image.digest);
  CHECK(made.bytes > 18);
  for (const std::string& id : {made.id, made.id.substr(0, 8), std::string("shop"),
                                made.id.substr(5), made.id.substr(5, 3)}) {
    INFO(id);
    auto found = artifacts->Get(std::nullopt, id);
    REQUIRE(found);
    CHECK(found->id == made.id);
  }
  CHECK(artifacts->Get(std::nullopt, "shop:0").error().code == ErrorCode::kNotFound);
  CHECK(artifacts->Get(std::nullopt, "%").error().code == ErrorCode::kNotFound);
  CHECK(artifacts->Get(std::nullopt, "").error().code == ErrorCode::kInvalidArgument);
  CHECK_THAT(*artifacts->ReadSbom(made), Contains(image.digest));
  CHECK(OpenEnvelope(*artifacts->ReadProvenance(made), kInTotoType, key.verifying_key()));
  CHECK(Wrong(made.id).empty());
  auto verification = artifacts->Verify(std::nullopt, made.id, key.verifying_key());
  std::vector<std::string> names;
  for (const ArtifactCheck& check : verification->checks) {
    names.push_back(check.what);
  }
  CHECK(names == std::vector<std::string>{"manifest", "config", "layer 1 of 2", "layer 2 of 2",
                                          "sbom", "provenance", "signature", "statement"});
  auto stats = artifacts->Stats(std::nullopt);
  REQUIRE(stats);
  CHECK(stats->artifacts == 1);
  CHECK(stats->blobs == 6);
  CHECK(stats->bytes == made.bytes);
}

TEST_CASE_METHOD(Fixture, "The same image again replaces what was recorded of it", "[artifacts]") {
  const Image image = PutImage(artifacts->blobs(), {"layer"});
  const Artifact first = Record(Facts(image.digest));
  REQUIRE(artifacts->MarkPushed(std::nullopt, first.id, "registry.example/shop:1.0"));
  REQUIRE(artifacts->MarkPushed(std::nullopt, first.id, "registry.example/shop:1.0"));
  now += 1000;
  const std::string sbom = "{\"another\":true}";
  auto second =
      artifacts->Record(Facts(image.digest), sbom, test::Provenance(image.digest, sbom, key));
  REQUIRE(second);
  CHECK(second->id == first.id);
  CHECK(second->created != first.created);
  CHECK(second->pushed_to == std::vector<std::string>{"registry.example/shop:1.0"});
  CHECK(Wrong(first.id).empty());
  // Nobody has the old ones any more.
  CHECK(artifacts->blobs().SizeOf(first.sbom_digest) < 0);
  CHECK(artifacts->blobs().SizeOf(first.provenance_digest) < 0);
  CHECK(artifacts->blobs().All().size() == 5);
}

TEST_CASE_METHOD(Fixture, "Verify says which blob is damaged or missing", "[artifacts]") {
  const Image image = PutImage(artifacts->blobs(), {"layer one", "layer two"});
  const Artifact made = Record(Facts(image.digest));
  struct Case {
    std::string digest;
    std::string what;
  };
  const Case cases[] = {{image.digest, "manifest"},        {image.config, "config"},
                        {image.layers[0], "layer 1 of 2"}, {image.layers[1], "layer 2 of 2"},
                        {made.sbom_digest, "sbom"},        {made.provenance_digest, "provenance"}};
  const auto& [digest, what] = cases[GENERATE(0, 1, 2, 3, 4, 5)];
  INFO(what);
  SECTION("missing") {
    REQUIRE(std::filesystem::remove(PathOf(digest)));
    CHECK(Wrong(made.id) == std::vector<std::string>{what + ": missing"});
  }
  SECTION("another byte") {
    std::fstream file(PathOf(digest), std::ios::in | std::ios::out | std::ios::binary);
    file.seekp(1);
    file.put('!');
    file.close();
    CHECK(Wrong(made.id) == std::vector<std::string>{what + ": damaged"});
    // It is set aside by then, and never served.
    CHECK(Wrong(made.id) == std::vector<std::string>{what + ": missing"});
  }
  SECTION("cut") {
    std::filesystem::resize_file(PathOf(digest), 3);
    const auto wrong = Wrong(made.id);
    REQUIRE(wrong.size() == 1);
    CHECK_THAT(wrong.front(), Catch::StartsWith(what + ": damaged"));
  }
}

TEST_CASE_METHOD(Fixture, "A forged or foreign signature is found", "[artifacts]") {
  const Image image = PutImage(artifacts->blobs(), {"layer"});
  const Artifact made = Record(Facts(image.digest));
  const auto signature_is_wrong = [](const std::vector<std::string>& wrong) {
    REQUIRE(wrong.size() == 1);
    CHECK_THAT(wrong.front(), Catch::StartsWith("signature: "));
  };
  SECTION("the key of another installation") {
    const casemate::testing::TempDir other;
    signature_is_wrong(Wrong(made.id, SigningKey::LoadOrMake(other.path())->verifying_key()));
  }
  SECTION("who may write to the state directory, but has no key") {
    // Everything agrees, digests in the database too: only the signature does not.
    auto envelope = nlohmann::json::parse(*artifacts->ReadProvenance(made));
    auto said = ParseStatement(*PayloadOf(envelope.dump(), kInTotoType));
    said->builder_version = "9";
    envelope["payload"] = EncodeBase64(*ProvenanceStatement(*said));
    auto put = artifacts->blobs().Put(kEnvelopeType, envelope.dump());
    REQUIRE(put);
    REQUIRE(store->Execute("UPDATE artifacts SET provenance_digest = '" + put->digest + "'"));
    signature_is_wrong(Wrong(made.id));
  }
  SECTION("a signed statement about another image") {
    const Image other = PutImage(artifacts->blobs(), {"another layer"});
    const Artifact second = Record(Facts(other.digest, "other"));
    REQUIRE(store->Execute("UPDATE artifacts SET provenance_digest = '" + second.provenance_digest +
                           "' WHERE id = '" + made.id + "'"));
    const auto wrong = Wrong(made.id);
    REQUIRE(wrong.size() == 1);
    CHECK_THAT(wrong.front(), Contains("not about this image"));
  }
  SECTION("another image, bill of materials or source in the row") {
    const Image other = PutImage(artifacts->blobs(), {"another layer"});
    const char* column = GENERATE("image_digest", "sbom_digest", "source_hash", "manifest_hash");
    REQUIRE(store->Execute(std::string("UPDATE artifacts SET ") + column + " = '" + other.digest +
                           "'"));
    const auto wrong = Wrong(made.id);
    REQUIRE(wrong.size() == 1);
    CHECK_THAT(wrong.front(), Catch::StartsWith("statement: "));
  }
}

TEST_CASE_METHOD(Fixture, "What is not all there, or contradicts itself, is not recorded",
                 "[artifacts]") {
  const Image image = PutImage(artifacts->blobs(), {"layer"});
  const std::string sbom = "{}";
  const std::string good = test::Provenance(image.digest, sbom, key);
  const auto refused = [&](const Artifact& facts, const std::string& bill,
                           const std::string& envelope) {
    const auto before = artifacts->blobs().All();
    auto recorded = artifacts->Record(facts, bill, envelope);
    REQUIRE_FALSE(recorded);
    CHECK(artifacts->Stats(std::nullopt)->artifacts == 0);
    CHECK(artifacts->blobs().All() == before);
    return recorded.error();
  };
  const Artifact facts = Facts(image.digest);
  CHECK_THAT(refused(facts, "{ }", good).message, Contains("another bill of materials"));
  CHECK_THAT(refused(facts, sbom, "{}").message, Contains("DSSE"));
  CHECK_THAT(refused(facts, sbom, test::Provenance(oci::DigestOf("other"), sbom, key)).message,
             Contains("not about this image"));
  Artifact other = facts;
  other.source_hash = oci::DigestOf("other");
  CHECK_THAT(refused(other, sbom, good).message, Contains("other sources"));
  for (const char* name : {"", "Shop", "-shop", "shop:1", "a b", "../x", "shop\n"}) {
    other = facts;
    other.name = name;
    CHECK(refused(other, sbom, good).field == "name");
  }
  for (const char* tag : {"a b", ".1", "a/b", "1:2"}) {
    other = facts;
    other.tag = tag;
    CHECK(refused(other, sbom, good).field == "tag");
  }
  other = facts;
  other.image_digest = "latest";
  CHECK(refused(other, sbom, good).field == "image_digest");
  REQUIRE(std::filesystem::remove(PathOf(image.layers[0])));
  CHECK(refused(facts, sbom, good).code == ErrorCode::kNotFound);
  REQUIRE(std::filesystem::remove(PathOf(image.digest)));
  CHECK(refused(facts, sbom, good).code == ErrorCode::kNotFound);
}

TEST_CASE_METHOD(Fixture, "Manifests that are none are refused", "[artifacts]") {
  const std::string layer = R"({"digest":")" + oci::DigestOf("x") + R"(","size":1})";
  std::string many = layer;
  for (int i = 0; i < 1100; ++i) {
    many += "," + layer;
  }
  for (const std::string& text :
       {std::string("{"), std::string("[]"), std::string("{}"), std::string(5 << 20, ' '),
        R"({"config":)" + layer + "}", std::string(R"({"config":7,"layers":[]})"),
        R"({"config":)" + layer + R"(,"layers":[{"digest":"../../etc/passwd","size":1}]})",
        R"({"config":)" + layer + R"(,"layers":[{"digest":")" + oci::DigestOf("x") +
            R"(","size":-1}]})",
        R"({"config":)" + layer + R"(,"layers":[)" + many + "]}",
        std::string(R"({"manifests":[]})"), std::string(R"({"manifests":7})")}) {
    INFO(text.substr(0, 200));
    auto put = artifacts->blobs().Put(oci::kManifestType, text);
    REQUIRE(put);
    CHECK_FALSE(FollowImage(artifacts->blobs(), put->digest));
    const std::string sbom = "{}";
    CHECK_FALSE(
        artifacts->Record(Facts(put->digest), sbom, test::Provenance(put->digest, sbom, key)));
  }
}

TEST_CASE_METHOD(Fixture, "An index is followed to the images of its platforms", "[artifacts]") {
  const Image one = PutImage(artifacts->blobs(), {"shared", "amd64"});
  const Image two = PutImage(artifacts->blobs(), {"shared", "arm64"}, "{}");
  nlohmann::json list = nlohmann::json::array();
  for (const Image* image : {&one, &two}) {
    list.push_back({{"mediaType", oci::kManifestType},
                    {"digest", image->digest},
                    {"size", artifacts->blobs().SizeOf(image->digest)}});
  }
  auto index = artifacts->blobs().Put(
      oci::kIndexType, DumpJson({{"schemaVersion", 2}, {"manifests", std::move(list)}}));
  REQUIRE(index);
  const Artifact made = Record(Facts(index->digest));
  CHECK(artifacts->Stats(std::nullopt)->blobs == 10);
  CHECK(Wrong(made.id).empty());
  std::filesystem::remove(PathOf(two.layers[1]));
  CHECK(Wrong(made.id) == std::vector<std::string>{"layer 2 of 2: missing"});
}

TEST_CASE_METHOD(Fixture, "Nobody sees the artifacts of others", "[artifacts]") {
  const Image image = PutImage(artifacts->blobs(), {"layer"});
  Artifact facts = Facts(image.digest);
  facts.owner = kAnn;
  const Artifact of_ann = Record(facts);
  facts.owner = kBob;
  const Artifact of_bob = Record(facts);
  CHECK(of_ann.id != of_bob.id);
  CHECK(Ids(artifacts->List(kAnn)) == std::vector{of_ann.id});
  CHECK(Ids(artifacts->List(ArtifactOwner{"ann", "other"})).empty());
  CHECK(Ids(artifacts->List(std::nullopt)).size() == 2);
  CHECK(artifacts->Get(kAnn, "shop")->id == of_ann.id);
  CHECK(artifacts->Get(std::nullopt, "shop").error().code == ErrorCode::kInvalidArgument);
  const Error no = artifacts->Get(kAnn, of_bob.id).error();
  CHECK(no.code == ErrorCode::kNotFound);
  CHECK(artifacts->Remove(kAnn, of_bob.id).error().message == no.message);
  CHECK(artifacts->MarkPushed(kAnn, of_bob.id, "r/x").error().message == no.message);
  CHECK(artifacts->Verify(kAnn, of_bob.id, key.verifying_key()).error().message == no.message);
  CHECK(artifacts->Stats(kAnn)->artifacts == 1);
  CHECK(artifacts->Stats(std::nullopt)->artifacts == 2);
}

TEST_CASE_METHOD(Fixture, "Pages list each artifact once, the newest first", "[artifacts]") {
  std::vector<std::string> made;
  for (int i = 0; i < 7; ++i) {
    now += i % 2;  // some at the same time
    const Image image = PutImage(artifacts->blobs(), {"layer " + std::to_string(i)});
    made.push_back(Record(Facts(image.digest, i < 5 ? "shop" : "other")).id);
  }
  std::vector<std::string> seen;
  std::string cursor;
  do {
    auto page = artifacts->List(std::nullopt, {}, 2, cursor);
    const auto ids = Ids(page);
    CHECK(ids.size() <= 2);
    seen.insert(seen.end(), ids.begin(), ids.end());
    cursor = page->next;
  } while (!cursor.empty());
  CHECK(seen == Ids(artifacts->List(std::nullopt)));
  CHECK(std::set(seen.begin(), seen.end()) == std::set(made.begin(), made.end()));
  CHECK(Ids(artifacts->List(std::nullopt, "other")).size() == 2);
  CHECK(Ids(artifacts->List(std::nullopt, "oth")).empty());
  for (const char* wrong : {"x", "12", "-", "99999999999999999999 a"}) {
    CHECK(artifacts->List(std::nullopt, {}, 2, wrong).error().field == "cursor");
  }
}

TEST_CASE_METHOD(Fixture, "A blob goes with the last artifact that has it", "[artifacts]") {
  const Image one = PutImage(artifacts->blobs(), {"shared", "one"}, "{\"c\":1}");
  const Image two = PutImage(artifacts->blobs(), {"shared", "two"}, "{\"c\":2}");
  const Artifact first = Record(Facts(one.digest, "one"));
  const Artifact second = Record(Facts(two.digest, "two"));
  CHECK(artifacts->Remove(std::nullopt, first.id)->id == first.id);
  CHECK(artifacts->blobs().SizeOf(one.layers[1]) < 0);
  CHECK(artifacts->blobs().SizeOf(one.layers[0]) > 0);
  CHECK(Wrong(second.id).empty());
  CHECK(artifacts->Remove(std::nullopt, first.id).error().code == ErrorCode::kNotFound);
  REQUIRE(artifacts->Remove(std::nullopt, second.id));
  CHECK(artifacts->blobs().All().empty());
}

TEST_CASE_METHOD(Fixture, "Prune removes the oldest, by age and by size", "[artifacts]") {
  std::vector<Artifact> made;
  for (int i = 0; i < 4; ++i) {
    const Image image =
        PutImage(artifacts->blobs(), {"shared", std::string(100'000, static_cast<char>('a' + i))},
                 "{\"c\":" + std::to_string(i) + "}");
    made.push_back(Record(Facts(image.digest, "shop" + std::to_string(i))));
    now += 1000;
  }
  const Image fresh = PutImage(artifacts->blobs(), {"of one that is being made"}, "{\"new\":1}");
  SECTION("nothing is asked, nothing goes") {
    auto pruned = artifacts->Prune({});
    REQUIRE(pruned);
    CHECK(pruned->artifacts.empty());
    CHECK(pruned->blobs == 0);
  }
  SECTION("age") {
    auto pruned = artifacts->Prune({.max_age_ms = 2500});
    REQUIRE(pruned);
    CHECK(pruned->artifacts == std::vector{made[0].id, made[1].id});
    CHECK(pruned->bytes > 200'000);
    CHECK(Wrong(made[2].id).empty());
  }
  SECTION("size") {
    auto pruned = artifacts->Prune({.max_bytes = 210'000});
    REQUIRE(pruned);
    CHECK(pruned->artifacts == std::vector{made[0].id, made[1].id});
    CHECK(artifacts->Stats(std::nullopt)->bytes <= 210'000);
    CHECK(Wrong(made[2].id).empty());
    CHECK(Wrong(made[3].id).empty());
  }
  SECTION("all, and what nobody has by its own age") {
    const std::string left = PathOf(fresh.digest);
    const std::string torn = dir / "artifacts/blobs/sha256/.new-1234";
    std::ofstream(torn) << "torn";
    REQUIRE(artifacts->Prune({.max_bytes = 0}));
    CHECK(artifacts->blobs().All().size() == 3);  // young
    CHECK(std::filesystem::exists(torn));
    const auto old = std::filesystem::file_time_type::clock::now() - std::chrono::hours(25);
    std::filesystem::last_write_time(left, old);
    std::filesystem::last_write_time(torn, old);
    auto pruned = artifacts->Prune({});
    REQUIRE(pruned);
    CHECK(pruned->blobs == 1);
    CHECK_FALSE(std::filesystem::exists(left));
    CHECK_FALSE(std::filesystem::exists(torn));
    REQUIRE(artifacts->Prune({.unused_ms = 0}));
    CHECK(artifacts->blobs().All().empty());
  }
}

TEST_CASE_METHOD(Fixture, "Processes that record and remove at once lose nothing", "[artifacts]") {
  constexpr int kRounds = 12;
  store.reset();
  artifacts.reset();
  for (int child = 0; child < 3; ++child) {
    const pid_t pid = fork();
    REQUIRE(pid >= 0);
    if (pid != 0) {
      continue;
    }
    auto own = Store::Open(dir / "casemate.db");
    auto mine = own ? ArtifactStore::Open(**own, dir.path())
                    : Result<std::unique_ptr<ArtifactStore>>(own.error());
    int failures = mine ? 0 : 100;
    for (int i = 0; i < kRounds && mine; ++i) {
      // All have the same layer, which the third keeps dropping.
      const Image image =
          PutImage((*mine)->blobs(), {"shared"}, "{\"c\":" + std::to_string(child * 100 + i) + "}");
      const std::string sbom = "{}";
      auto made = (*mine)->Record(Facts(image.digest, "shop"), sbom,
                                  test::Provenance(image.digest, sbom, key));
      // Somebody may have dropped the layer before it was recorded, which is said.
      failures += made || made.error().code == ErrorCode::kNotFound ? 0 : 1;
      if (child == 2 && made) {
        failures += (*mine)->Remove(std::nullopt, made->id) ? 0 : 1;
      }
    }
    _exit(failures);
  }
  for (int status = 0; wait(&status) > 0;) {
    CHECK(WIFEXITED(status));
    CHECK(WEXITSTATUS(status) == 0);
  }
  store = *Store::Open(dir / "casemate.db");
  artifacts = *ArtifactStore::Open(*store, dir.path());
  const auto ids = Ids(artifacts->List(std::nullopt));
  CHECK(ids.size() > 2);
  for (const std::string& id : ids) {
    CHECK(Wrong(id).empty());
  }
}

TEST_CASE("A full disk records nothing, and says what to do", "[artifacts]") {
  const casemate::testing::TempDir outer;
  const std::string small = outer / "small";
  std::filesystem::create_directory(small);
  if (mount("none", small.c_str(), "tmpfs", 0, "size=1m") != 0) {
    WARN("cannot mount a small file system: a full disk is not tested");
    return;
  }
  {
    SigningKey key = *SigningKey::LoadOrMake(outer.path());
    auto store = *Store::Open(outer / "casemate.db");
    auto artifacts = *ArtifactStore::Open(*store, small);
    const Image image = PutImage(artifacts->blobs(), {std::string(600'000, 'x')});
    const std::string sbom(600'000, ' ');
    auto recorded = artifacts->Record(Fixture::Facts(image.digest), sbom,
                                      test::Provenance(image.digest, sbom, key));
    REQUIRE_FALSE(recorded);
    CHECK(recorded.error().code == ErrorCode::kResourceExhausted);
    CHECK_THAT(recorded.error().remedy, Contains("make room"));
    CHECK(artifacts->Stats(std::nullopt)->artifacts == 0);
    CHECK(artifacts->blobs().All().size() == 3);
    CHECK(ListNames(small + "/artifacts/blobs/sha256").size() == 3);
    const std::string less = "{}";
    CHECK(artifacts->Record(Fixture::Facts(image.digest), less,
                            test::Provenance(image.digest, less, key)));
  }
  CHECK(umount2(small.c_str(), MNT_DETACH) == 0);
}

}  // namespace
}  // namespace casemate::artifacts
