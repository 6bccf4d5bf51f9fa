// YAML documents, by yaml-cpp, as JSON.
#include <yaml-cpp/exceptions.h>
#include <yaml-cpp/node/impl.h>
#include <yaml-cpp/node/iterator.h>
#include <yaml-cpp/node/node.h>
#include <yaml-cpp/node/parse.h>

#include <algorithm>

#include <nlohmann/json.hpp>

#include "tools/analysis/documents.h"

namespace casemate::analysis {

namespace {

using nlohmann::json;

constexpr int kMaxDepth = 64;
constexpr std::size_t kMaxNodes = 100'000;  // once aliases are expanded

// Thrown where aliases make a document endless or huge, and caught in ReadYamlFile.
class TooMuch : public std::exception {};

class Conversion {
 public:
  // NOLINTNEXTLINE(misc-no-recursion): bounded by kMaxDepth
  json Convert(const YAML::Node& node, int depth) {
    if (depth > kMaxDepth || ++nodes_ > kMaxNodes) {
      throw TooMuch();
    }
    switch (node.Type()) {
      case YAML::NodeType::Scalar:
        return node.Scalar();
      case YAML::NodeType::Sequence:
        return List(node, depth);
      case YAML::NodeType::Map:
        return Object(node, depth);
      default:
        return nullptr;
    }
  }

 private:
  // NOLINTNEXTLINE(misc-no-recursion)
  json List(const YAML::Node& node, int depth) {
    json list = json::array();
    for (const auto& item : node) {
      list.push_back(Convert(item, depth + 1));
    }
    return list;
  }
  // NOLINTNEXTLINE(misc-no-recursion)
  json Object(const YAML::Node& node, int depth) {
    json object = json::object();
    json merged = json::array();
    for (const auto& member : node) {
      if (!member.first.IsScalar()) {
        continue;
      }
      json value = Convert(member.second, depth + 1);
      if (member.first.Scalar() == "<<") {
        (value.is_array() ? merged = std::move(value) : merged.emplace_back(std::move(value)));
      } else {
        object[member.first.Scalar()] = std::move(value);
      }
    }
    for (const json& from : merged) {
      for (auto it = from.begin(); from.is_object() && it != from.end(); ++it) {
        object.emplace(it.key(), it.value());
      }
    }
    return object;
  }

  std::size_t nodes_ = 0;
};

}  // namespace

json ReadYamlFile(const SourceTree& tree, std::string_view path) {
  const std::string* text = tree.Read(path);
  if (text == nullptr) {
    return nullptr;
  }
  try {
    const std::vector<YAML::Node> documents = YAML::LoadAll(*text);
    return documents.empty() ? json() : Conversion().Convert(documents.front(), 0);
  } catch (const TooMuch&) {
    tree.Note(std::string(path) + " grows beyond " + std::to_string(kMaxNodes) +
              " values or 64 levels by its aliases, and was not used");
  } catch (const YAML::Exception& wrong) {
    tree.Note(std::string(path) + " is damaged: " + wrong.msg + " at line " +
              std::to_string(wrong.mark.line + 1));
  }
  return nullptr;
}

}  // namespace casemate::analysis
