#include "sandbox/container/services/signature_file.h"

#include <algorithm>
#include <array>
#include <utility>

#include "base/file.h"
#include "base/text.h"
#include "base/yaml.h"

namespace casemate::container {
namespace {

constexpr std::size_t kMaxFileBytes = std::size_t{1} << 20;
constexpr std::size_t kMaxSignatures = 1000;
constexpr std::size_t kMaxItems = 64;
constexpr std::size_t kMaxTextBytes = 200;
constexpr std::int64_t kVersion = 1;
constexpr std::int64_t kMaxPort = 65535;

constexpr std::array<std::string_view, 6> kCategories = {"web",   "application", "database",
                                                         "cache", "queue",       "other"};

Error Problem(const YamlNode& node, const std::string& text) {
  return InvalidArgument("", node.Where() + ": " + text);
}

Result<std::string> ReadText(const YamlNode& node, std::string_view key) {
  Result<std::string> text = node.AsString();
  if (!text) {
    return text;
  }
  if (text->empty() || text->size() > kMaxTextBytes) {
    return Problem(node, "expected `" + std::string(key) + "` of 1 to " +
                             std::to_string(kMaxTextBytes) + " bytes, got " +
                             std::to_string(text->size()));
  }
  return text;
}

// Runs `take` on each item of the list under `key`; a key that is not there is an empty list.
template <typename Take>
Result<void> EachItem(const YamlNode& entry, std::string_view key, const Take& take) {
  const std::optional<YamlNode> list = entry.Get(key);
  if (!list) {
    return {};
  }
  const std::vector<YamlNode> items = list->Items();
  if (list->kind() != YamlNode::Kind::kSequence || items.empty() || items.size() > kMaxItems) {
    return Problem(*list, "expected `" + std::string(key) + "` to be a list of 1 to " +
                              std::to_string(kMaxItems) + " entries");
  }
  for (const YamlNode& item : items) {
    if (Result<void> taken = take(item); !taken) {
      return taken;
    }
  }
  return {};
}

Result<void> ReadGlobs(const YamlNode& entry, std::string_view key,
                       std::vector<std::string>& globs) {
  return EachItem(entry, key, [&](const YamlNode& item) -> Result<void> {
    Result<std::string> text = ReadText(item, key);
    if (!text) {
      return std::move(text).error();
    }
    if (text->find_first_not_of('*') == std::string::npos) {
      return Problem(item, "expected something beside `*`, which matches every process");
    }
    globs.push_back(*std::move(text));
    return {};
  });
}

Result<void> ReadPorts(const YamlNode& entry, std::vector<int>& ports) {
  return EachItem(entry, "ports", [&](const YamlNode& item) -> Result<void> {
    const Result<std::int64_t> port = item.AsInt();
    if (!port) {
      return port.error();
    }
    if (*port < 1 || *port > kMaxPort) {
      return Problem(item, "expected a port from 1 to 65535, got " + std::to_string(*port));
    }
    ports.push_back(static_cast<int>(*port));
    return {};
  });
}

Result<void> ReadNames(const YamlNode& entry, Signature& signature) {
  const std::optional<YamlNode> kind = entry.Get("kind");
  const std::optional<YamlNode> name = entry.Get("name");
  const std::optional<YamlNode> category = entry.Get("category");
  if (!kind || !name) {
    return Problem(entry, "expected `kind` and `name`");
  }
  Result<std::string> kind_text = ReadText(*kind, "kind");
  Result<std::string> name_text = ReadText(*name, "name");
  Result<std::string> category_text =
      category ? category->AsString() : Result<std::string>(std::string("other"));
  for (const Result<std::string>* text : {&kind_text, &name_text, &category_text}) {
    if (!*text) {
      return text->error();
    }
  }
  const bool plain = std::ranges::all_of(*kind_text, [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-';
  });
  if (!plain || *kind_text == "unknown") {
    return Problem(*kind,
                   "expected `kind` of lower-case letters, digits and `-`, and not "
                   "`unknown`, got `" +
                       *kind_text + "`");
  }
  if (std::ranges::find(kCategories, *category_text) == kCategories.end()) {
    const auto nearest = NearestName(*category_text, kCategories);
    return Problem(category.value_or(entry),
                   "expected one of web, application, database, cache, queue and other, got `" +
                       *category_text + "`" +
                       (nearest ? "; did you mean `" + *nearest + "`?" : ""));
  }
  signature.kind = *std::move(kind_text);
  signature.name = *std::move(name_text);
  signature.category = *std::move(category_text);
  return {};
}

Result<void> ReadFlag(const YamlNode& entry, std::string_view key, bool& flag) {
  if (const std::optional<YamlNode> node = entry.Get(key)) {
    const Result<bool> value = node->AsBool();
    if (!value) {
      return value.error();
    }
    flag = *value;
  }
  return {};
}

Result<Signature> ReadSignature(const YamlNode& entry) {
  if (entry.kind() != YamlNode::Kind::kMap) {
    return Problem(entry, "expected a map with `kind`, `name` and what tells the process");
  }
  if (Result<void> known =
          entry.OnlyKeys({"kind", "name", "category", "programs", "scripts", "titles", "arguments",
                          "subcommands", "unless", "ports", "images", "runtime", "no_ports"});
      !known) {
    return std::move(known).error();
  }
  Signature signature;
  if (Result<void> read = ReadNames(entry, signature); !read) {
    return std::move(read).error();
  }
  const std::array<std::pair<std::string_view, std::vector<std::string>*>, 7> lists = {{
      {"programs", &signature.programs},
      {"scripts", &signature.scripts},
      {"titles", &signature.titles},
      {"arguments", &signature.arguments},
      {"subcommands", &signature.subcommands},
      {"unless", &signature.unless},
      {"images", &signature.images},
  }};
  for (const auto& [key, globs] : lists) {
    if (Result<void> read = ReadGlobs(entry, key, *globs); !read) {
      return std::move(read).error();
    }
  }
  if (Result<void> read = ReadPorts(entry, signature.ports); !read) {
    return std::move(read).error();
  }
  for (const auto& [key, flag] :
       {std::pair{"runtime", &signature.runtime}, std::pair{"no_ports", &signature.no_ports}}) {
    if (Result<void> read = ReadFlag(entry, key, *flag); !read) {
      return std::move(read).error();
    }
  }
  if (signature.programs.empty() && signature.scripts.empty() && signature.titles.empty()) {
    return Problem(
        entry,
        "expected at least one of `programs`, `scripts` and `titles`; a port or an image "
        "alone does not tell what a service is");
  }
  return signature;
}

}  // namespace

Result<std::vector<Signature>> ParseSignatures(std::string_view text, const std::string& origin) {
  const Result<YamlNode> root = ParseYaml(text, origin);
  if (!root) {
    return root.error();
  }
  const std::optional<YamlNode> version = root->Get("version");
  const std::optional<YamlNode> services = root->Get("services");
  if (root->kind() != YamlNode::Kind::kMap || !version || !services) {
    return Problem(*root, "expected `version: 1` and `services`");
  }
  if (Result<void> known = root->OnlyKeys({"version", "services"}); !known) {
    return std::move(known).error();
  }
  if (const Result<std::int64_t> number = version->AsInt(); !number || *number != kVersion) {
    return number ? Problem(*version, "expected version 1, got " + std::to_string(*number))
                  : number.error();
  }
  const std::vector<YamlNode> entries = services->Items();
  if (services->kind() != YamlNode::Kind::kSequence || entries.size() > kMaxSignatures) {
    return Problem(*services, "expected `services` to be a list of at most " +
                                  std::to_string(kMaxSignatures) + " entries");
  }
  std::vector<Signature> signatures;
  signatures.reserve(entries.size());
  for (const YamlNode& entry : entries) {
    Result<Signature> signature = ReadSignature(entry);
    if (!signature) {
      return std::move(signature).error();
    }
    signatures.push_back(*std::move(signature));
  }
  return signatures;
}

Result<std::vector<Signature>> LoadSignatures(const std::string& path) {
  const Result<std::string> text = ReadFile(path, kMaxFileBytes);
  if (!text) {
    return text.error();
  }
  return ParseSignatures(*text, path);
}

}  // namespace casemate::container
