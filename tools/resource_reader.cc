#include "tools/resource_reader.h"

#include <algorithm>
#include <exception>
#include <utility>

#include <nlohmann/json.hpp>

#include "tools/arguments/args.h"
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

// A name alone may tell something: what could not be read is not named either.
bool ResourceReader::MayRead(const ResourceProvider& provider, const std::string& uri,
                             const CallContext& context) const {
  const json args = {{"uri", uri}};
  const json facts = provider.Facts(uri, context.principal);
  return gate_.Decide({kRead, context.principal, {}, context.session, args, facts}).effect ==
         policies::Effect::kAllow;
}

Result<std::vector<ResourceSpec>> ResourceReader::List(const CallContext& context) const {
  std::vector<ResourceSpec> listed;
  if (!gate_.MayEverAllow(kRead, context.principal)) {
    return listed;
  }
  try {
    for (const auto& provider : catalog_.providers()) {
      for (ResourceSpec& spec : provider->List(context.principal)) {
        if (MayRead(*provider, spec.uri, context)) {
          listed.push_back(std::move(spec));
        }
      }
    }
  } catch (const std::exception& caught) {
    return ProviderFailed(caught.what());
  }
  const json args = json::object();
  const json facts = {{"kind", "list"}, {"listed", listed.size()}};
  if (auto passed = gate_.Pass(
          {"resource_list", context.principal, context.channel, context.session, args, facts});
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

Result<ResourceReader::Admitted> ResourceReader::Admit(std::string_view uri,
                                                       const std::string& action,
                                                       const CallContext& context) const {
  const ResourceProvider* provider =
      uri.size() <= kMaxUriBytes ? catalog_.ProviderOf(uri) : nullptr;
  if (provider == nullptr) {
    return NoSuchResource(uri);
  }
  const json args = {{"uri", uri}};
  const json facts = provider->Facts(uri, context.principal);
  const auto passed =
      gate_.Pass({action, context.principal, context.channel, context.session, args, facts});
  if (!passed) {
    return passed.error();
  }
  return Admitted{provider, *passed};
}

Result<ResourceContents> ResourceReader::Read(std::string_view uri,
                                              const CallContext& context) const {
  try {
    const auto admitted = Admit(uri, kRead, context);
    if (!admitted) {
      return admitted.error();
    }
    auto contents = admitted->provider->Read(uri, context.principal);
    if (contents) {
      contents->untrusted = contents->untrusted || admitted->passage.untrusted;
    }
    return contents;
  } catch (const std::exception& caught) {
    return ProviderFailed(caught.what());
  }
}

Result<void> ResourceReader::Watchable(std::string_view uri, const CallContext& context) const {
  try {
    const auto admitted = Admit(uri, "resource_watch", context);
    return admitted ? admitted->provider->Watch(uri, context.principal)
                    : Result<void>(admitted.error());
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
  if (auto passed = gate_.Pass(
          {"completion", context.principal, context.channel, context.session, args, facts});
      !passed) {
    return std::move(passed).error();
  }
  if (is_whole) {
    return std::vector<std::string>();
  }
  try {
    auto values = provider->Complete(uri_template, variable, prefix, context.principal);
    values.resize(std::min(values.size(), kMaxCompletions));
    const std::string brackets = "{" + std::string(variable) + "}";
    const std::size_t at = uri_template.find(brackets);
    std::erase_if(values, [&](const std::string& value) {
      std::string uri(uri_template);
      return !MayRead(*provider, uri.replace(at, brackets.size(), value), context);
    });
    return values;
  } catch (const std::exception& caught) {
    return ProviderFailed(caught.what());
  }
}

}  // namespace casemate::tools
