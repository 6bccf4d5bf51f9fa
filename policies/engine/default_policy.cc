#include "policies/engine/yaml_policy.h"

namespace casemate::policies {

namespace {

constexpr std::string_view kText =
    R"yaml(# The policy that ships with Casemate. What no rule allows is refused.
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

  - id: read-documents
    effect: allow
    tools: [resource_read, resource_watch]
    principals: {ids: [local]}
    when: {path: context.kind, in: [docs, profile]}
    reason: documentation and profiles hold no secrets
    match:
      - {tool: resource_read, context: {kind: docs}}
      - {tool: resource_watch, context: {kind: profile}}
    not_match:
      - {tool: resource_read, context: {kind: audit}}
      - {tool: resource_read}

  - id: read-own-audit
    effect: allow
    tools: [resource_read, resource_watch]
    principals: {ids: [local]}
    when:
      all:
        - {path: context.kind, eq: audit}
        - {path: context.own, eq: true}
    reason: the record of one's own call
    match:
      - {tool: resource_read, context: {kind: audit, own: true}}
    not_match:
      - {tool: resource_read, context: {kind: audit, own: false}}
      - {tool: resource_read, context: {kind: audit}}

  - id: list-resources
    effect: allow
    tools: [resource_list]
    principals: {ids: [local]}
    reason: the list names only what one may read
    match:
      - {tool: resource_list, context: {kind: list}}
    not_match:
      - {tool: resource_list, principal: {id: stranger}}

  - id: audit-of-others
    effect: deny
    tools: [resource_read, resource_watch]
    when:
      all:
        - {path: context.kind, eq: audit}
        - {path: context.own, eq: false}
    reason: only the records of one's own calls can be read; their numbers are the `audit_seq` of results
    match:
      - {tool: resource_read, context: {kind: audit, own: false}}
    not_match:
      - {tool: resource_read, context: {kind: audit, own: true}}

  - id: prompts-and-completion
    effect: allow
    tools: [prompt_get, completion]
    principals: {ids: [local]}
    reason: prompts hold no secrets, and completion offers only what is one's own
    match:
      - {tool: prompt_get, args: {name: run_and_explain}}
      - {tool: completion, args: {prompt: run_and_explain, argument: language}}
    not_match:
      - {tool: completion, principal: {id: stranger}}

  - id: read-own-runs
    effect: allow
    tools: [resource_read, resource_watch]
    principals: {ids: [local]}
    when:
      all:
        - {path: context.kind, eq: run}
        - any:
            - {path: context.own, eq: true}
            - {path: context.own, exists: false}
    reason: the kept output of one's own runs; what does not exist is not found
    match:
      - {tool: resource_read, context: {kind: run, own: true}}
      - {tool: resource_watch, context: {kind: run}}
    not_match:
      - {tool: resource_read, context: {kind: run, own: false}}
      - {tool: resource_read, context: {kind: audit, own: true}}
      - {tool: resource_read, context: {kind: run, own: true}, principal: {id: stranger}}

  - id: follow-jobs
    effect: allow
    tools: [job_status, job_output, job_cancel]
    principals: {ids: [local]}
    reason: background jobs; those of others are not found
    match:
      - {tool: job_status, context: {own: true}}
      - {tool: job_output, context: {own: false}}
      - {tool: job_cancel, context: {own: true}}
    not_match:
      - {tool: run}
      - {tool: job_status, principal: {id: stranger}}
)yaml";

}  // namespace

std::string_view DefaultPolicyText() {
  return kText;
}

}  // namespace casemate::policies
