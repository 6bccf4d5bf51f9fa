#include "mcp/server/methods.h"

#include <algorithm>
#include <array>

#include "mcp/server/server.h"
#include "mcp/server/session.h"

namespace casemate::mcp {
namespace {

using Era = Method::Era;
using Where = Method::Where;

bool HasResources(const Server& server) {
  return server.offer().resources;
}
bool HasPrompts(const Server& server) {
  return server.offer().prompts;
}
bool HasCompletions(const Server& server) {
  return server.offer().completions;
}
bool HasTasks(const Server& server) {
  return server.offer().tasks;
}

constexpr std::array kMethods = {
    Method{"initialize", Era::kLegacy, Where::kReader, nullptr, Initialize},
    Method{"ping", Era::kLegacy, Where::kReader, nullptr, Ping},
    Method{"logging/setLevel", Era::kLegacy, Where::kReader, nullptr, SetLogLevel},
    Method{"server/discover", Era::kModern, Where::kReader, nullptr, Discover},
    Method{"tools/list", Era::kBoth, Where::kReader, nullptr, ListTools},
    Method{"tools/call", Era::kBoth, Where::kCalls, nullptr, CallTool},
    Method{"resources/list", Era::kBoth, Where::kPool, HasResources, ListResources},
    Method{"resources/templates/list", Era::kBoth, Where::kReader, HasResources,
           ListResourceTemplates},
    Method{"resources/read", Era::kBoth, Where::kPool, HasResources, ReadResource},
    Method{"resources/subscribe", Era::kLegacy, Where::kPool, HasResources, SubscribeResource},
    Method{"resources/unsubscribe", Era::kLegacy, Where::kReader, HasResources,
           UnsubscribeResource},
    Method{"prompts/list", Era::kBoth, Where::kReader, HasPrompts, ListPrompts},
    Method{"prompts/get", Era::kBoth, Where::kCalls, HasPrompts, GetPrompt},
    Method{"completion/complete", Era::kBoth, Where::kPool, HasCompletions, CompleteArgument},
    Method{"subscriptions/listen", Era::kModern, Where::kPool, nullptr, Listen},
    Method{"tasks/get", Era::kModern, Where::kPool, HasTasks, GetTask},
    Method{"tasks/update", Era::kModern, Where::kPool, HasTasks, UpdateTask},
    Method{"tasks/cancel", Era::kModern, Where::kPool, HasTasks, CancelTask},
};

}  // namespace

Server& Exchange::server() const {
  return session->server();
}

const Method* FindMethod(std::string_view name, bool modern, const Server& server) {
  const auto* found = std::ranges::find_if(kMethods, [&](const Method& method) {
    return method.name == name &&
           (method.era == Era::kBoth || (method.era == Era::kModern) == modern);
  });
  if (found == kMethods.end()) {
    return nullptr;
  }
  return found->is_offered == nullptr || found->is_offered(server) ? &*found : nullptr;
}

bool IsKnownMethod(std::string_view name) {
  return std::ranges::any_of(kMethods, [&](const Method& method) { return method.name == name; });
}

}  // namespace casemate::mcp
