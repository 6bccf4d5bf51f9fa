#include "tools/resource_reader.h"

#include <algorithm>
#include <exception>
#include <utility>

#include <nlohmann/json.hpp>

#include "tools/args.h"
#include "tools/tool.h"

namespace casemate::tools {

namespace {

using nlohmann::json;

constexpr const char* kRead = "resource_read";

Error NoSuchResource(std::string_view uri) {
  return {ErrorCode::kNotFound, "expected the URI of a resource, got " + Quoted(uri), "uri",
          "use a URI of resources/list, or one that follows a template", 0};
}

Error ProviderFailed(const char* what) {
  return {ErrorCode::kInternal, std::string("the resource failed unexpectedly: ") + what, "uri",
          "report this as a defect of Casemate", 0};
}

// Provider and template of which clients may complete variables.
const ResourceProvider* ProviderOfTemplate(const Catalog& catalog, std::string_view uri_template) {
  for (const auto& provider : catalog.providers()) {
    const auto templates = provider->Templates();
    if (std::ranges::find(templates, uri_template, &ResourceTemplateSpec::uri_template) !=
        templates.end()) {
      return provider.get();
    }
  }
  return nullptr;
}

}  // namespace

Result<std::vector<ResourceSpec>> ResourceReader::List(const CallContext& context) const {
  std::vector<ResourceSpec> listed;
  if (!gate_.MayEverAllow(kRead, context.principal)) {
    return listed;
  }
  try {
    for (const auto& provider : catalog_.providers()) {
      for (ResourceSpec& spec : provider->List(context.principal)) {
        const json args = {{"uri", spec.uri}};
        const json facts = provider->Facts(spec.uri, context.principal);
        // A name alone may tell something: what could not be read is not named either.
        if (gate_.Decide({kRead, context.principal, {}, args, facts}).effect !=
            policies::Effect::kDeny) {
          listed.push_back(std::move(spec));
        }
      }
    }
  } catch (const std::exception& caught) {
    return ProviderFailed(caught.what());
  }
  const json args = json::object();
  const json facts = {{"kind", "list"}, {"listed", listed.size()}};
  if (auto passed = gate_.Pass({"resource_list", context.principal, context.channel, args, facts});
      !passed) {
    return std::move(passed).error();
  }
  return listed;
}

std::vector<ResourceTemplateSpec> ResourceReader::Templates(
    const policies::Principal& principal) const {
  std::vector<ResourceTemplateSpec> templates;
  if (!gate_.MayEverAllow(kRead, principal)) {
    return templates;
  }
  for (const auto& provider : catalog_.providers()) {
    for (ResourceTemplateSpec& spec : provider->Templates()) {
      templates.push_back(std::move(spec));
    }
  }
  return templates;
}

Result<const ResourceProvider*> ResourceReader::Admit(std::string_view uri,
                                                      const std::string& action,
                                                      const CallContext& context) const {
  const ResourceProvider* provider =
      uri.size() <= kMaxUriBytes ? catalog_.ProviderOf(uri) : nullptr;
  if (provider == nullptr) {
    return NoSuchResource(uri);
  }
  const json args = {{"uri", uri}};
  const json facts = provider->Facts(uri, context.principal);
  if (auto passed = gate_.Pass({action, context.principal, context.channel, args, facts});
      !passed) {
    return std::move(passed).error();
  }
  return provider;
}

Result<ResourceContents> ResourceReader::Read(std::string_view uri,
                                              const CallContext& context) const {
  try {
    const auto provider = Admit(uri, kRead, context);
    if (!provider) {
      return provider.error();
    }
    return (*provider)->Read(uri, context.principal);
  } catch (const std::exception& caught) {
    return ProviderFailed(caught.what());
  }
}

Result<void> ResourceReader::Watchable(std::string_view uri, const CallContext& context) const {
  try {
    const auto provider = Admit(uri, "resource_watch", context);
    return provider ? Result<void>() : Result<void>(provider.error());
  } catch (const std::exception& caught) {
    return ProviderFailed(caught.what());
  }
}

Result<std::vector<std::string>> ResourceReader::Complete(std::string_view uri_template,
                                                          std::string_view variable,
                                                          std::string_view prefix,
                                                          const CallContext& context) const {
  const ResourceProvider* provider = ProviderOfTemplate(catalog_, uri_template);
  // A whole URI: nothing is left to complete.
  const bool is_whole = uri_template.find('{') == std::string_view::npos &&
                        catalog_.ProviderOf(uri_template) != nullptr;
  if (provider == nullptr && !is_whole) {
    return InvalidArgument(
        "ref.uri", "expected a template of resources/templates/list, got " + Quoted(uri_template));
  }
  if (!is_whole && uri_template.find("{" + std::string(variable) + "}") == std::string_view::npos) {
    return InvalidArgument("argument.name", "expected a variable of " + Quoted(uri_template) +
                                                ", got " + Quoted(variable));
  }
  const json args = {{"uri_template", uri_template}, {"argument", variable}};
  const json facts = {{"ref", "template"}};
  if (auto passed = gate_.Pass({"completion", context.principal, context.channel, args, facts});
      !passed) {
    return std::move(passed).error();
  }
  if (is_whole) {
    return std::vector<std::string>();
  }
  try {
    auto values = provider->Complete(uri_template, variable, prefix, context.principal);
    values.resize(std::min(values.size(), kMaxCompletions));
    return values;
  } catch (const std::exception& caught) {
    return ProviderFailed(caught.what());
  }
}

}  // namespace casemate::tools
