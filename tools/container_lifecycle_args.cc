#include "tools/container_lifecycle_args.h"

#include <algorithm>
#include <array>

#include <nlohmann/json.hpp>

#include "base/text.h"
#include "sandbox/container/engine/names.h"
#include "tools/arguments/args.h"
#include "tools/container_call.h"
#include "tools/run_limits.h"

namespace casemate::tools {
namespace {

using nlohmann::json;

constexpr std::array<std::string_view, 9> kActions = {
    "create", "start", "stop", "restart", "kill", "pause", "unpause", "remove", "pull"};
constexpr std::array<std::string_view, 17> kNames = {
    "action",    "container", "image",  "name",    "command",       "env",
    "workspace", "network",   "ports",  "user",    "writable_root", "capabilities",
    "restart",   "limits",    "labels", "grace_s", "force"};
// Of create alone.
constexpr std::array<std::string_view, 12> kCreateNames = {
    "name", "command",       "env",          "workspace", "network", "ports",
    "user", "writable_root", "capabilities", "restart",   "limits",  "labels"};
constexpr std::array<std::string_view, 4> kRestarts = {"no", "always", "on-failure",
                                                       "unless-stopped"};
constexpr std::array<std::string_view, 3> kPortNames = {"port", "host_port", "protocol"};
constexpr std::array<std::string_view, 2> kProtocols = {"tcp", "udp"};
constexpr TextRule kShort = {.min_bytes = 1, .max_bytes = 255, .allow_nul = false};
constexpr TextRule kArgument = {.max_bytes = kMaxArgumentBytes, .allow_nul = false};
constexpr std::size_t kMaxPorts = 64;
constexpr std::size_t kMaxCapabilities = 16;
constexpr std::size_t kMaxLabels = 64;
constexpr std::size_t kMaxLabelBytes = 1024;
constexpr std::string_view kOurLabels = "io.casemate.";
constexpr int kMaxGraceS = 50;

LifecycleAction ActionOf(std::string_view name) {
  const auto* const found = std::ranges::find(kActions, name);
  return static_cast<LifecycleAction>(found - kActions.begin());
}

bool NeedsImage(LifecycleAction action) {
  return action == LifecycleAction::kCreate || action == LifecycleAction::kPull;
}

std::vector<std::string> DecodeTexts(ArgReader& reader, ArgErrors& errors, const char* name,
                                     std::size_t max, const TextRule& rule) {
  std::vector<std::string> texts;
  const json* array = reader.Array(name, max, "an array of strings");
  for (std::size_t i = 0; array != nullptr && i < array->size(); ++i) {
    const std::string path = reader.PathOf(name) + "." + std::to_string(i);
    texts.push_back(ReadText((*array)[i], path, rule, errors).value_or(""));
  }
  return texts;
}

// The members of an object of texts. `is_name` says which names are fit.
template <typename IsName>
std::vector<std::pair<std::string, std::string>> DecodePairs(ArgReader& reader, ArgErrors& errors,
                                                             const char* name, std::size_t max,
                                                             const TextRule& rule,
                                                             const char* expected,
                                                             const IsName& is_name) {
  std::vector<std::pair<std::string, std::string>> pairs;
  const json* object = reader.Object(name);
  if (object == nullptr) {
    return pairs;
  }
  const std::string path = reader.PathOf(name);
  if (object->size() > max) {
    errors.Expected(path, "at most " + std::to_string(max) + " members",
                    std::to_string(object->size()));
    return pairs;
  }
  for (const auto& [key, value] : object->items()) {
    if (!is_name(key)) {
      errors.Expected(path, expected, Quoted(key), "use another name");
      return pairs;
    }
    pairs.emplace_back(key, ReadText(value, path + "." + Quoted(key), rule, errors).value_or(""));
  }
  return pairs;
}

bool IsVariable(std::string_view name) {
  return !name.empty() && name.size() <= kShort.max_bytes &&
         name.find_first_of(std::string_view("=\0", 2)) == std::string_view::npos;
}

bool IsLabel(std::string_view name) {
  return !name.empty() && name.size() <= kShort.max_bytes && !name.starts_with(kOurLabels) &&
         name.find('\0') == std::string_view::npos;
}

// A network of the engine's own: nothing with a colon, which shares the namespace of another.
bool IsNetwork(const std::string& name) {
  return name != "host" && container::CheckContainerName(name).ok();
}

std::vector<container::PublishedPort> DecodePorts(ArgReader& reader, ArgErrors& errors) {
  std::vector<container::PublishedPort> ports;
  const json* array = reader.Array("ports", kMaxPorts, "an array of {port, host_port, protocol}");
  for (std::size_t i = 0; array != nullptr && i < array->size(); ++i) {
    const json& entry = (*array)[i];
    const std::string path = "args.ports." + std::to_string(i);
    if (!entry.is_object()) {
      errors.Expected(path, "an object with `port`", DescribeJson(entry));
      break;
    }
    ArgReader fields(entry, path, kPortNames, errors);
    container::PublishedPort port;
    if (!fields.Has("port")) {
      errors.Expected(path + ".port", "the port in the container, 1 to 65535", "nothing");
    }
    port.port = static_cast<int>(fields.Integer("port", 1, 65'535).value_or(0));
    port.host_port = static_cast<int>(fields.Integer("host_port", 0, 65'535).value_or(0));
    port.protocol = fields.Choice("protocol", kProtocols).value_or("tcp");
    ports.push_back(std::move(port));
  }
  return ports;
}

void DecodeCreateLimits(ArgReader& reader, ArgErrors& errors, CreateArgs& create) {
  create.stated = DecodeLimits(reader, errors);
  for (const auto& [name, value] :
       {std::pair("output_kb", create.stated.output_kb), {"io_mb_s", create.stated.io_mb_s}}) {
    if (value) {
      errors.Expected(std::string("args.limits.") + name, "only memory_mb, cpus, pids and disk_mb",
                      "it", "leave it out: containers are made without this limit");
    }
  }
  create.limits = ApplyLimits(policies::ShippedProfiles().front().limits, create.stated);
}

// What no right opens: nobody is to be asked about it.
void CheckPossible(const CreateArgs& create, ArgErrors& errors) {
  if (!create.user.empty() && !container::IsNumericUser(create.user)) {
    errors.Expected("args.user", "uid:gid in digits", Quoted(create.user));
  }
  if (!create.ports.empty() && create.network == "none") {
    errors.Expected("args.ports", "a network other than `none` for ports", "none",
                    "name one in `network`");
  }
  for (const std::string& name : create.capabilities) {
    if (!container::IsGrantable(name)) {
      errors.Expected("args.capabilities", std::string(container::kGrantableNames), Quoted(name));
    }
  }
}

void DecodeCreate(ArgReader& reader, ArgErrors& errors, CreateArgs& create) {
  create.name = reader.Text("name", kShort).value_or("");
  if (!create.name.empty()) {
    if (auto checked = container::CheckContainerName(create.name); !checked) {
      Error error = std::move(checked).error();
      error.field = "args.name";
      errors.Add(std::move(error));
    }
  }
  create.command = DecodeTexts(reader, errors, "command", kMaxArguments, kArgument);
  create.env = DecodePairs(reader, errors, "env", kMaxEnv, kArgument,
                           "names of at most 255 bytes without `=`", IsVariable);
  create.labels = DecodePairs(reader, errors, "labels", kMaxLabels,
                              {.max_bytes = kMaxLabelBytes, .allow_nul = false},
                              "names that do not begin with `io.casemate.`", IsLabel);
  if (auto path =
          reader.Text("workspace", {.min_bytes = 1, .max_bytes = 4095, .allow_nul = false})) {
    if (!path->starts_with('/')) {
      errors.Expected("args.workspace", "an absolute path of a host directory", Quoted(*path),
                      "start it with `/`");
    }
    create.workspace = *std::move(path);
  }
  create.network = reader.Text("network", kShort).value_or("none");
  if (!IsNetwork(create.network)) {
    errors.Expected("args.network", "`none` or a network of the engine's own, such as `bridge`",
                    Quoted(create.network), "no container shares the network of the host");
  }
  create.ports = DecodePorts(reader, errors);
  create.user = reader.Text("user", kShort).value_or("");
  create.writable_root = reader.Boolean("writable_root").value_or(false);
  create.capabilities = DecodeTexts(reader, errors, "capabilities", kMaxCapabilities, kShort);
  create.restart = reader.Choice("restart", kRestarts).value_or("no");
  DecodeCreateLimits(reader, errors, create);
  CheckPossible(create, errors);
}

// What is given and belongs to another action.
void CheckFits(const ArgReader& reader, LifecycleAction action, ArgErrors& errors) {
  const auto refuse = [&](std::string_view name, const char* whose) {
    if (reader.Has(name)) {
      errors.Expected(
          reader.PathOf(name),
          "nothing with action `" + std::string(ToString(action)) + "`: it belongs to " + whose,
          "it", "leave it out");
    }
  };
  if (action != LifecycleAction::kCreate) {
    for (const std::string_view name : kCreateNames) {
      refuse(name, "create");
    }
  }
  if (action != LifecycleAction::kStop && action != LifecycleAction::kRestart) {
    refuse("grace_s", "stop and restart");
  }
  if (action != LifecycleAction::kRemove) {
    refuse("force", "remove");
  }
  if (NeedsImage(action)) {
    refuse("container", "actions on one that exists");
  } else {
    refuse("image", "create and pull");
  }
}

}  // namespace

std::string_view ToString(LifecycleAction action) {
  return kActions.at(static_cast<std::size_t>(action));
}

Result<LifecycleArgs> DecodeLifecycleArgs(const json& args) {
  ArgErrors errors;
  ArgReader reader(args, "args", kNames, errors);
  LifecycleArgs lifecycle;
  const auto action = reader.Choice("action", kActions);
  if (!action) {
    errors.Expected("args.action",
                    "one of create, start, stop, restart, kill, pause, unpause, "
                    "remove, pull",
                    "nothing");
    return errors.first().value_or(Error{});
  }
  lifecycle.action = ActionOf(*action);
  CheckFits(reader, lifecycle.action, errors);
  lifecycle.container = ReadContainer(reader).value_or("");
  lifecycle.image =
      reader.Text("image", {.min_bytes = 1, .max_bytes = 512, .allow_nul = false}).value_or("");
  if (NeedsImage(lifecycle.action) && lifecycle.image.empty()) {
    errors.Expected("args.image", "the reference of an allowed image", "nothing");
  } else if (!NeedsImage(lifecycle.action) && lifecycle.container.empty()) {
    errors.Expected("args.container", "the name or id of a container", "nothing",
                    "list them: container_status without arguments");
  }
  if (lifecycle.action == LifecycleAction::kCreate) {
    DecodeCreate(reader, errors, lifecycle.create);
  }
  lifecycle.grace_s = static_cast<int>(reader.Integer("grace_s", 0, kMaxGraceS).value_or(10));
  lifecycle.force = reader.Boolean("force").value_or(false);
  if (const auto& error = errors.first()) {
    return *error;
  }
  return lifecycle;
}

json NormaliseCreate(const CreateArgs& args, const std::string& image,
                     const std::string& workspace) {
  json normal = {{"action", "create"},
                 {"image", image},
                 {"network", args.network},
                 {"writable_root", args.writable_root},
                 {"capabilities", args.capabilities},
                 {"restart", args.restart},
                 {"limits",
                  {{"memory_mb", args.limits.memory_mb},
                   {"cpus", static_cast<double>(args.limits.cpu_millis) / 1000},
                   {"pids", args.limits.pids},
                   {"disk_mb", args.limits.disk_mb}}}};
  json ports = json::array();
  for (const container::PublishedPort& port : args.ports) {
    ports.push_back(
        {{"port", port.port}, {"host_port", port.host_port}, {"protocol", port.protocol}});
  }
  normal["ports"] = std::move(ports);
  for (const auto& [name, value] :
       {std::pair("name", args.name), {"user", args.user}, {"workspace", workspace}}) {
    if (!value.empty()) {
      normal[name] = value;
    }
  }
  if (!args.command.empty()) {
    normal["command"] = args.command;
  }
  for (const auto& [name, value] : args.env) {
    normal["env"].push_back(name);
  }
  for (const auto& [name, value] : args.labels) {
    normal["labels"][name] = value;
  }
  return normal;
}

json LifecycleInputSchema() {
  const auto text = [](const char* description) {
    return json{{"type", "string"}, {"minLength", 1}, {"description", description}};
  };
  const auto texts = [](const char* description) {
    return json{{"type", "array"}, {"items", {{"type", "string"}}}, {"description", description}};
  };
  const auto pairs = [](const char* description) {
    return json{{"type", "object"},
                {"additionalProperties", {{"type", "string"}}},
                {"description", description}};
  };
  const auto number = [](const char* type, const auto& range) {
    return json{{"type", type}, {"minimum", range.min}, {"maximum", range.max}};
  };
  const auto object = [](json properties) {
    return json{
        {"type", "object"}, {"properties", std::move(properties)}, {"additionalProperties", false}};
  };
  const Range<std::int64_t> any_port{0, 65'535};
  json port = object({{"port", number("integer", Range<std::int64_t>{1, 65'535})},
                      {"host_port", number("integer", any_port)},
                      {"protocol", {{"type", "string"}, {"enum", kProtocols}}}});
  port["required"] = {"port"};
  json properties = {
      {"action", {{"type", "string"}, {"enum", kActions}}},
      {"container", text("Name or id; for all actions but create and pull.")},
      {"image", text("Reference of an allowed image, for create and pull; the others below, but "
                     "grace_s and force, are for create.")},
      {"name", text("Of the new container.")},
      {"command", texts("Replaces the image's CMD; its ENTRYPOINT stays.")},
      {"env", pairs("Variables to add.")},
      {"workspace", text("Absolute host directory below an allowed root, as /workspace.")},
      {"network", text("`none` (default), or a network of the engine, such as `bridge`.")},
      {"ports",
       {{"type", "array"},
        {"items", std::move(port)},
        {"description", "Published on 127.0.0.1; host_port 0: any that is free."}}},
      {"user", text("`uid:gid` in digits.")},
      {"writable_root", {{"type", "boolean"}, {"default", false}}},
      {"capabilities", texts("Such as NET_BIND_SERVICE; default none.")},
      {"restart", {{"type", "string"}, {"enum", kRestarts}, {"default", "no"}}},
      {"limits", object({{"memory_mb", number("integer", kMemoryMb)},
                         {"cpus", number("number", kCpus)},
                         {"pids", number("integer", kPids)},
                         {"disk_mb", number("integer", kDiskMb)}})},
      {"labels", pairs("Names that do not begin with `io.casemate.`.")},
      {"grace_s",
       {{"type", "integer"},
        {"minimum", 0},
        {"maximum", kMaxGraceS},
        {"default", 10},
        {"description", "Seconds from SIGTERM to SIGKILL, for stop and restart."}}},
      {"force",
       {{"type", "boolean"},
        {"default", false},
        {"description", "For remove: kill it first if it runs."}}}};
  json schema = object(std::move(properties));
  schema["required"] = {"action"};
  return schema;
}

}  // namespace casemate::tools
