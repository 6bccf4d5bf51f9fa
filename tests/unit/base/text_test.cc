#include "base/text.h"

#include <array>

#include <catch2/catch.hpp>

#include "base/hash.h"

namespace casemate {
namespace {

TEST_CASE("NearestName finds typing errors and only those", "[text]") {
  const std::array<std::string_view, 3> names = {"workspace_roots", "policy_file", "version"};
  CHECK(NearestName("worksapce_roots", names) == "workspace_roots");
  CHECK(NearestName("verison", names) == "version");
  CHECK_FALSE(NearestName("zzzzzzz", names).has_value());
  const std::vector<std::string_view> arguments = {"code", "env", "stdin"};
  CHECK(NearestName("en", arguments) == "env");
  CHECK_FALSE(NearestName("cwd", arguments).has_value());
  CHECK_FALSE(NearestName(std::string(100000, 'a'), names).has_value());
}

TEST_CASE("UTF-8 is checked by RFC 3629", "[text]") {
  for (const char* valid : {"", "plain", "é", "日本", "\xF0\x9F\x98\x80"}) {
    CHECK(IsValidUtf8(valid));
  }
  for (const char* invalid :
       {"\x80", "\xC0\xAF", "\xED\xA0\x80", "\xF5\x80\x80\x80", "\xE2\x82", "\xF0\x82\x82\xAC"}) {
    CHECK_FALSE(IsValidUtf8(invalid));
    CHECK(IsValidUtf8(ToValidUtf8(invalid)));
  }
  CHECK(ToValidUtf8("a\xFFz") == "a\xEF\xBF\xBDz");
}

TEST_CASE("EscapeControls disarms terminal escapes", "[text]") {
  CHECK(EscapeControls("\x1b]0;title\x07", true) == "\\x1b]0;title\\x07");
  CHECK(EscapeControls("a\nb\tc", true) == "a\nb\tc");
  CHECK(EscapeControls("a\nb", false) == "a\\x0ab");
  CHECK(EscapeControls("\xC2\x9B"
                       "31m",
                       true) == "\\x9b31m");  // CSI as a C1 control
  CHECK(EscapeControls("é", true) == "é");
}

TEST_CASE("Base64 follows RFC 4648 strictly", "[text]") {
  const std::array<std::pair<const char*, const char*>, 7> vectors = {{{"", ""},
                                                                       {"f", "Zg=="},
                                                                       {"fo", "Zm8="},
                                                                       {"foo", "Zm9v"},
                                                                       {"foob", "Zm9vYg=="},
                                                                       {"fooba", "Zm9vYmE="},
                                                                       {"foobar", "Zm9vYmFy"}}};
  for (const auto& [plain, encoded] : vectors) {
    CHECK(EncodeBase64(plain) == encoded);
    CHECK(DecodeBase64(encoded) == plain);
  }
  for (const char* wrong :
       {"Zg=", "Zg", "Zh==", "Zm9=", "Z===", "Zg==Zg==", "Zm 9", "Zm9\n", "====", "Zm-_"}) {
    INFO(wrong);
    CHECK_FALSE(DecodeBase64(wrong).has_value());
  }
}

TEST_CASE("Sha256Hex meets the published vectors", "[hash]") {
  CHECK(Sha256Hex("abc") == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  CHECK(Sha256Hex("") == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
}

TEST_CASE("RandomHex gives as much as asked, never the same", "[hash]") {
  CHECK(RandomHex(16).size() == 32);
  CHECK(RandomHex(16) != RandomHex(16));
}

}  // namespace
}  // namespace casemate
