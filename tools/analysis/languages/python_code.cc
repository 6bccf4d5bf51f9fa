#include "tools/analysis/languages/python_code.h"

#include <re2/re2.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <string>
#include <utility>
#include <vector>

namespace casemate::analysis {

namespace {

const CodePatterns& Patterns() {
  static const CodePatterns kPatterns = {
      {".py"},
      {{R"re((?:^|[^.\w])(?:os\.)?(?:environ\.get|getenv)\(\s*['"](\w+)['"]\s*,\s*(?:default\s*=\s*)?(?:\w+\()?['"]?([^'",)\n]*))re"},
       {R"re((?:^|[^.\w])(?:os\.)?(?:environ\.get|getenv)\(\s*['"](\w+)['"]\s*\)\s*or\s+['"]?([^'",)\n]*))re"},
       {R"re((?:^|[^.\w])(?:os\.)?(?:environ\.get|getenv)\(\s*['"](\w+)['"])re"},
       {R"re((?:^|[^.\w])(?:os\.)?environ\[\s*['"](\w+)['"]\s*\])re", true},
       {R"re(\b(?:config|env(?:\.\w+)?)\(\s*['"]([A-Z][A-Z0-9_]*)['"]\s*,(?:[^()\n]*,)?\s*default\s*=\s*['"]?([^'",)\n]*))re"},
       {R"re(\b(?:config|env|env\.(?:str|int|bool|url|list|db|db_url|cache|cache_url|float|json|dict|path))\(\s*['"]([A-Z][A-Z0-9_]*)['"]\s*,\s*['"]([^'"\n]*)['"])re"},
       {R"re(\b(?:config|env|env\.(?:str|int|bool|url|list|db|db_url|cache|cache_url|float|json|dict|path))\(\s*['"]([A-Z][A-Z0-9_]*)['"])re",
        true}},
      {R"re(\.run\([^)]*?\bport\s*=\s*(?:int\(\s*)?['"]?(\d{2,5})\b)re",
       R"re((?:environ\.get|getenv)\(\s*['"](?:(?:APP|SERVER|WEB|HTTP|LISTEN|BIND|API|SERVICE|BACKEND|FLASK|FASTAPI|UVICORN|GUNICORN|DJANGO|STREAMLIT|GRADIO)_)*PORT['"]\s*,\s*(?:default\s*=\s*)?['"]?(\d{2,5})\b)re",
       R"re((?:environ\.get|getenv)\(\s*['"](?:[A-Z]+_)?PORT['"]\s*\)\s*or\s*['"]?(\d{2,5})\b)re",
       R"re((?:\.run|run_app|\bserve|\.launch)\([^()]*(?:\([^()]*\)[^()]*)*\bport\s*=\s*(?:int\(\s*)?(?:os\.)?(?:environ\.get|getenv)\(\s*['"]\w+['"]\s*,\s*['"]?(\d{2,5})\b)re",
       R"re(\bself\.port\s*=\s*(?:int\(\s*)?(?:os\.)?(?:environ\.get|getenv)\(\s*['"]\w+['"]\s*,\s*['"]?(\d{2,5})\b)re",
       R"re(add_insecure_port\(\s*f?['"][^'"\n]*:(\d{2,5})['"])re",
       R"re(run_app\([^)]*?\bport\s*=\s*(\d{2,5})\b)re", R"re(\.listen\(\s*(\d{2,5})\b)re",
       R"re((?:HTTPServer|TCPServer|make_server)\(\s*\(?\s*['"][^'"]*['"]\s*,\s*(\d{2,5})\b)re",
       R"re(server_port\s*=\s*(\d{2,5})\b)re",
       R"re((?m)^\s*serve\([^)]*?\bport\s*=\s*(\d{2,5})\b)re"},
      {"#"},
      {},
      {R"re((?:\.run|run_app|\bserve)\([^)]*?\bport\s*=\s*(?:int\(\s*)?([A-Za-z_]\w*)\s*[,)])re",
       R"re((?:HTTPServer|TCPServer|make_server)\(\s*\(?\s*['"][^'"]*['"]\s*,\s*([A-Za-z_]\w*)\b)re",
       R"re(\.listen\(\s*([A-Za-z_]\w*)\s*[,)])re"}};
  return kPatterns;
}

// What a web server tells a program of WSGI by a table that is called like the environment.
bool IsOfWsgi(std::string_view name) {
  constexpr std::array<std::string_view, 9> kNames = {
      "REQUEST_METHOD", "PATH_INFO",   "QUERY_STRING", "SCRIPT_NAME",    "CONTENT_TYPE",
      "CONTENT_LENGTH", "REMOTE_ADDR", "SERVER_NAME",  "SERVER_PROTOCOL"};
  return name.starts_with("HTTP_") || std::find(kNames.begin(), kNames.end(), name) != kNames.end();
}

// "Field(default=8080, alias='PORT')", or the default itself.
EnvironmentVariable SettingOf(std::string name, const std::string& type, const std::string& standby,
                              Source source) {
  std::transform(name.begin(), name.end(), name.begin(),
                 [](unsigned char c) { return static_cast<char>(std::toupper(c)); });
  bool is_required = standby.empty() && type.find("None") == std::string::npos &&
                     type.find("Optional") == std::string::npos;
  std::string value;
  std::string field;
  if (RE2::PartialMatch(standby, R"(=\s*(?:pydantic\.)?Field\((.*))", &field)) {
    std::string alias;
    if (RE2::PartialMatch(field, R"re(\b(?:env|alias|validation_alias)\s*=\s*['"](\w+)['"])re",
                          &alias)) {
      name = std::move(alias);
    }
    const bool has_default =
        RE2::PartialMatch(field, R"re(^\s*['"]([^'"]*)['"])re", &value) ||
        RE2::PartialMatch(field, R"re(^\s*([\w.-]+)\s*[,)])re", &value) ||
        RE2::PartialMatch(field, R"re(\bdefault\s*=\s*['"]?([^'",)]*))re", &value) ||
        field.find("default_factory") != std::string::npos;
    is_required = !has_default || value == "...";
    value = value == "..." ? "" : value;
  } else {
    RE2::FullMatch(standby, R"re(=\s*['"]?([^'"(\[{]*?)['"]?\s*(?:#.*)?)re", &value);
  }
  value = value == "None" ? "" : value;
  return {std::move(name), is_required, std::move(value), std::move(source)};
}

// Fields of pydantic's settings are variables of the environment. A class may be built on another
// one of the same file.
void AddSettings(const PythonProject& project, CodeFacts& facts) {
  static const RE2 kClass(
      R"((?m)^class\s+(\w+)\(([^)\n]*)\):[^\n]*\n((?:[ \t]+[^\n]*\n?|[ \t]*\n)+))");
  static const RE2 kField(R"((?m)^(?:    |\t)(\w+)\s*:\s*([^=\n#]+?)\s*(=\s*[^\n]*)?$)");
  for (const std::string& module : project.modules()) {
    const std::string* text = project.tree().Read(project.PathOf(module));
    if (text == nullptr || text->find("BaseSettings") == std::string::npos) {
      continue;
    }
    std::vector<std::string> bases{"BaseSettings"};
    re2::StringPiece rest(*text);
    std::string own;
    std::string parents;
    std::string body;
    while (RE2::FindAndConsume(&rest, kClass, &own, &parents, &body)) {
      const bool is_settings =
          std::any_of(bases.begin(), bases.end(), [&](const std::string& base) {
            return RE2::PartialMatch(parents, "\\b" + base + "\\b");
          });
      if (!is_settings) {
        continue;
      }
      bases.push_back(own);
      std::string prefix;
      RE2::PartialMatch(body, R"(env_prefix\s*=\s*['"](\w*)['"])", &prefix);
      re2::StringPiece fields(body);
      std::string name;
      std::string type;
      std::string standby;
      while (RE2::FindAndConsume(&fields, kField, &name, &type, &standby)) {
        if (name != "model_config" && !name.starts_with("_") && !type.starts_with("ClassVar")) {
          facts.environment.push_back(
              SettingOf(prefix + name, type, standby, {project.PathOf(module), name}));
        }
      }
    }
  }
}

}  // namespace

CodeFacts ScanPython(const PythonProject& project) {
  CodeFacts facts = ScanCode(project.tree(), project.directory(), Patterns());
  std::erase_if(facts.environment,
                [](const EnvironmentVariable& variable) { return IsOfWsgi(variable.name); });
  AddSettings(project, facts);
  for (EnvironmentVariable& variable : facts.environment) {
    const bool is_computed = variable.default_value.find('(') != std::string::npos;
    if (is_computed || variable.default_value == "None") {
      variable.default_value.clear();
    }
  }
  std::erase_if(facts.ports,
                [](const Finding& port) { return IsPortOfAnotherService(port.value); });
  return facts;
}

}  // namespace casemate::analysis
