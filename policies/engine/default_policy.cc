#include "policies/engine/yaml_policy.h"

namespace casemate::policies {

std::string_view DefaultPolicyText() {
  return R"yaml(# The policy that ships with Casemate. What no rule allows is refused.
version: 1
rules:
  - id: run-private
    effect: allow
    tools: [run]
    principals: {ids: [local]}
    when:
      all:
        - {path: args.network, eq: none}
        - {path: context.workspace, exists: false}
    limits: {memory_mb: 4096, cpus: 4, pids: 512, wall_s: 600, output_kb: 1024, disk_mb: 2048}
    workspace: private
    reason: a private workspace without network
    match:
      - {tool: run, args: {network: none}}
    not_match:
      - {tool: run, args: {network: host}}
      - {tool: run, args: {}}
      - {tool: run, args: {network: none}, context: {workspace: /etc}}
      - {tool: run, args: {network: none}, principal: {id: stranger}}

  - id: run-host-write
    effect: allow
    tools: [run]
    principals: {ids: [local]}
    when:
      all:
        - {path: args.network, eq: none}
        - {path: context.workspace_root, exists: true}
        - {path: context.workspace_writable, eq: true}
    limits: {memory_mb: 4096, cpus: 4, pids: 512, wall_s: 600, output_kb: 1024, disk_mb: 2048}
    workspace: host_write
    reason: a host workspace below a configured, writable root, without network
    match:
      - tool: run
        args: {network: none}
        context: {workspace: /src/app, workspace_root: /src, workspace_writable: true}
    not_match:
      - tool: run
        args: {network: none}
        context: {workspace: /src/app, workspace_root: /src, workspace_writable: false}
      - {tool: run, args: {network: none}, context: {workspace: /etc, workspace_writable: true}}

  - id: run-host-read
    effect: allow
    tools: [run]
    principals: {ids: [local]}
    when:
      all:
        - {path: args.network, eq: none}
        - {path: context.workspace_root, exists: true}
        - any:
            - {path: context.workspace_writable, exists: false}
            - {path: context.workspace_writable, eq: false}
    limits: {memory_mb: 4096, cpus: 4, pids: 512, wall_s: 600, output_kb: 1024, disk_mb: 2048}
    workspace: host_read
    reason: a host workspace below a configured, read-only root, without network
    match:
      - tool: run
        args: {network: none}
        context: {workspace: /src/app, workspace_root: /src, workspace_writable: false}
    not_match:
      - tool: run
        args: {network: none}
        context: {workspace: /src/app, workspace_root: /src, workspace_writable: true}
      - {tool: run, args: {network: none}, context: {workspace: /etc}}

  - id: list-profiles
    effect: allow
    tools: [profile_list]
    principals: {ids: [local]}
    reason: the profiles hold no secrets
    match:
      - {tool: profile_list}
    not_match:
      - {tool: run}
)yaml";
}

}  // namespace casemate::policies
