// XML documents, by pugixml, as JSON.
#include <pugixml.hpp>

#include <nlohmann/json.hpp>

#include "tools/analysis/documents.h"
#include "tools/analysis/names.h"

namespace casemate::analysis {

namespace {

using nlohmann::json;

constexpr int kMaxDepth = 64;

// NOLINTNEXTLINE(misc-no-recursion): bounded by kMaxDepth
json ToJson(const pugi::xml_node& element, int depth) {
  json attributes = json::object();
  for (const pugi::xml_attribute& attribute : element.attributes()) {
    attributes[attribute.name()] = attribute.value();
  }
  json children = json::array();
  std::string text;
  for (const pugi::xml_node& child : element.children()) {
    if (child.type() == pugi::node_element && depth < kMaxDepth) {
      children.push_back(ToJson(child, depth + 1));
    } else if (child.type() == pugi::node_pcdata || child.type() == pugi::node_cdata) {
      text += child.value();
    }
  }
  // Without a namespace's prefix: "project" of "mvn:project".
  const std::string_view name = element.name();
  return {{"tag", std::string(name.substr(name.find(':') + 1))},
          {"attributes", std::move(attributes)},
          {"text", std::string(Trim(text))},
          {"children", std::move(children)}};
}

}  // namespace

json ReadXmlFile(const SourceTree& tree, std::string_view path) {
  const std::string* text = tree.Read(path);
  if (text == nullptr) {
    return nullptr;
  }
  pugi::xml_document document;
  const pugi::xml_parse_result parsed = document.load_buffer(text->data(), text->size());
  if (!parsed || !document.document_element()) {
    tree.Note(std::string(path) + " is damaged: " + parsed.description() + " at byte " +
              std::to_string(parsed.offset));
    return nullptr;
  }
  return ToJson(document.document_element(), 0);
}

}  // namespace casemate::analysis
