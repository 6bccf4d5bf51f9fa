// The methods of MCP, one function each; methods.cc lists them. Each judges its params, does its
// work and returns what to answer.
#pragma once

#include "mcp/server/exchange.h"

namespace casemate::mcp {

// lifecycle.cc
Outcome Initialize(Exchange& exchange);
Outcome Discover(Exchange& exchange);
Outcome Ping(Exchange& exchange);
Outcome SetLogLevel(Exchange& exchange);
// tool_methods.cc
Outcome ListTools(Exchange& exchange);
Outcome CallTool(Exchange& exchange);
// resource_methods.cc
Outcome ListResources(Exchange& exchange);
Outcome ListResourceTemplates(Exchange& exchange);
Outcome ReadResource(Exchange& exchange);
Outcome SubscribeResource(Exchange& exchange);
Outcome UnsubscribeResource(Exchange& exchange);
// prompt_methods.cc
Outcome ListPrompts(Exchange& exchange);
Outcome GetPrompt(Exchange& exchange);
Outcome CompleteArgument(Exchange& exchange);
// listen_method.cc
Outcome Listen(Exchange& exchange);
// task_methods.cc
Outcome GetTask(Exchange& exchange);
Outcome UpdateTask(Exchange& exchange);
Outcome CancelTask(Exchange& exchange);

}  // namespace casemate::mcp
