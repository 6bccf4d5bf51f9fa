#include "tools/analysis/source_tree.h"

#include <filesystem>

#include <nlohmann/json.hpp>

#include "tests/unit/analysis/project_files.h"
#include "tools/analysis/documents.h"
#include "tools/analysis/names.h"

namespace casemate::analysis {

using test::ProjectFiles;
using Names = std::vector<std::string>;

TEST_CASE("a tree knows its files, and walks nothing that others made") {
  const ProjectFiles files{{"a/b.py", "1"},
                           {"a/c/d.py", "2"},
                           {"a0", ""},
                           {"node_modules/x/package.json", "{}"},
                           {".git/HEAD", ""}};
  const SourceTree tree = files.Tree();
  CHECK(tree.files() == Names{"a/b.py", "a/c/d.py", "a0"});
  CHECK(tree.directories() == Names{"", "a", "a/c"});
  CHECK(tree.In("") == Names{"a0"});
  CHECK(tree.In("a") == Names{"b.py"});
  CHECK(tree.Below("a", ".py") == Names{"a/b.py", "a/c/d.py"});
  CHECK(tree.HasDirectory("node_modules"));
  CHECK_FALSE(tree.Has("node_modules/x/package.json"));
}

TEST_CASE("what cannot be text is not read, and a note says so") {
  const ProjectFiles files{{"binary", std::string("a\0b", 3)},
                           {"long", std::string(2000, 'x')},
                           {"latin", "\xe4"},
                           {"mark",
                            "\xef\xbb\xbf"
                            "a\r\nb\rc"}};
  std::filesystem::create_symlink("/etc/passwd", files.path() + "/out");
  std::filesystem::create_symlink("mark", files.path() + "/in");
  std::filesystem::create_symlink("loop", files.path() + "/loop");
  const SourceTree tree = files.Tree({.max_file_bytes = 1000});
  for (const char* name : {"binary", "long", "latin", "out", "loop", "absent"}) {
    CAPTURE(name);
    CHECK(tree.Read(name) == nullptr);
  }
  CHECK(tree.notes().size() == 5);
  REQUIRE(tree.Read("in") != nullptr);
  CHECK(*tree.Read("mark") == "a\nb\nc");
}

TEST_CASE("a tree that is too large or too deep is read as far as the limit, and says so") {
  const ProjectFiles files{{"a/a/a/a", ""}, {"b", ""}, {"c", ""}};
  CHECK(files.Tree({.max_entries = 2}).notes().size() == 1);
  const SourceTree shallow = files.Tree({.max_depth = 1});
  CHECK(shallow.notes().size() == 1);
  CHECK(shallow.files() == Names{"b", "c"});
}

TEST_CASE("documents are read by their formats, and damaged ones are as if absent") {
  const ProjectFiles files{
      {"a.json", R"({"a": {"b": 1}, "c": "x"})"},
      {"l.jsonc", "{ // words\n \"a\": [1, 2,], /* , */ \"b\": \"a,]\", }"},
      {"bad.json", "{\"a\": }"},
      {"a.toml", "[tool.poetry]\nname = \"x\"\n[[bin]]\nname = 'y'\n"},
      {"bad.toml", "a = \n"},
      {"a.yaml", "base: &b {v: 3.10}\nuse:\n  <<: *b\n  w: 012\n"},
      {"bomb.yaml",
       "a: &a [x,x,x,x,x,x,x,x,x,x]\nb: &b [*a,*a,*a,*a,*a,*a,*a,*a,*a,*a]\nc: &c "
       "[*b,*b,*b,*b,*b,*b,*b,*b,*b,*b]\nd: &d [*c,*c,*c,*c,*c,*c,*c,*c,*c,*c]\ne: &e "
       "[*d,*d,*d,*d,*d,*d,*d,*d,*d,*d]\nf: [*e,*e,*e,*e,*e,*e,*e,*e,*e,*e]\n"},
      {"self.yaml", "a: &a [*a]\n"},
      {"a.xml",
       "<?xml version=\"1.0\"?><!DOCTYPE p [<!ENTITY x SYSTEM \"file:///etc/passwd\">]>"
       "<m:p xmlns:m='u'><v> 1 </v><v n='k'>&x;</v></m:p>"},
      {"bad.xml", "<a><b></a>"}};
  const SourceTree tree = files.Tree();
  CHECK(TextAt(ReadJsonFile(tree, "a.json"), "a.b") == "1");
  CHECK(TextAt(ReadJsonFile(tree, "a.json"), "c") == "x");
  const auto lenient = ReadJsonFile(tree, "l.jsonc", true);
  CHECK(lenient["a"].size() == 2);
  CHECK(TextAt(lenient, "b") == "a,]");
  CHECK(TextAt(ReadTomlFile(tree, "a.toml"), "tool.poetry.name") == "x");
  const auto yaml = ReadYamlFile(tree, "a.yaml");
  CHECK(TextAt(yaml, "use.v") == "3.10");
  CHECK(TextAt(yaml, "use.w") == "012");
  const auto xml = ReadXmlFile(tree, "a.xml");
  CHECK(TextAt(xml, "tag") == "p");
  CHECK(ChildText(xml, "v") == "1");
  REQUIRE(Children(xml, "v").size() == 2);
  CHECK(TextAt(*Children(xml, "v")[1], "text").find("root:") == std::string::npos);
  CHECK(tree.notes().empty());
  CHECK(ReadJsonFile(tree, "bad.json").is_null());
  CHECK(ReadTomlFile(tree, "bad.toml").is_null());
  CHECK(ReadYamlFile(tree, "bomb.yaml").is_null());
  CHECK(ReadYamlFile(tree, "self.yaml").is_null());
  CHECK(ReadXmlFile(tree, "bad.xml").is_null());
  CHECK(tree.notes().size() == 5);
}

TEST_CASE("names become those that images may have") {
  CHECK(PlainName("@acme/Web App", "") == "web-app");
  CHECK(PlainName("--", "services/Api_v2") == "api_v2");
  CHECK(PlainName("", "") == "app");
}

TEST_CASE("versions of tools are found here and above") {
  const ProjectFiles files{{".tool-versions", "# all\nnodejs 20.1.0\npython system\n"},
                           {"a/mise.toml", "[tools]\npython = ['3.12', '3.11']\n"},
                           {"a/b/x", ""}};
  const SourceTree tree = files.Tree();
  CHECK(ToolVersion(tree, "a/b", {"node", "nodejs"})->value == "20.1.0");
  CHECK(ToolVersion(tree, "a/b", {"python"})->value == "3.12");
  CHECK_FALSE(ToolVersion(tree, "", {"python"}));
}

}  // namespace casemate::analysis
