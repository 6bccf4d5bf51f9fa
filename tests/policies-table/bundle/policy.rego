# The same policy as ../policy.yaml; ../table.json says what both must decide.
package casemate

import rego.v1

unstated := {"memory_mb": 512, "cpus": 1, "pids": 128, "wall_s": 60, "output_kb": 64, "disk_mb": 256}

is_local if input.principal.id == "local"

has_workspace if _ := input.context.workspace

allows["run-private"] := {
	"limits": {"memory_mb": 1024, "cpus": 2, "pids": 256, "wall_s": 60, "output_kb": 256, "disk_mb": 512},
	"workspace": "private",
} if {
	input.tool == "run"
	is_local
	input.args.network == "none"
	not has_workspace
}

allows["run-small"] := {
	"limits": object.union(unstated, {"memory_mb": 128, "cpus": 0.5, "wall_s": 10, "io_mb_s": 20}),
	"workspace": "private",
} if {
	input.tool == "run"
	input.args.profile == "small"
}

allows["build-in-projects"] := {
	"limits": object.union(unstated, {"memory_mb": 2048}),
	"workspace": "host_write",
} if {
	input.tool == "run"
	some role in input.principal.roles
	role in {"dev", "owner"}
	startswith(input.context.workspace, "/srv/projects/")
}

allows["read-reference"] := {"limits": unstated, "workspace": "host_read"} if {
	input.tool == "run"
	startswith(input.context.workspace, "/srv/")
}

allows["fetch"] := {"limits": unstated, "workspace": "private"} if {
	input.tool == "fetch"
	input.principal.tenant == "acme"
}

asks contains "ask-git" if {
	input.tool == "run"
	not safe_command
}

# As in YAML: what is missing, or of another type, is asked about.
safe_command if {
	is_string(input.args.command[0])
	not input.args.command[0] in {"git", "ssh"}
}

denies contains "no-keys" if {
	has_workspace
	not without_keys
}

without_keys if {
	is_string(input.context.workspace)
	not contains(input.context.workspace, "/.ssh/")
}

denies contains "only-known-networks" if {
	input.tool == "fetch"
	not known_network
}

known_network if input.args.network in {"none", "loopback"}

denies contains "not-too-much" if {
	input.tool == "run"
	states_memory
	not modest
}

states_memory if _ := input.args.limits.memory_mb

# What cannot be looked into counts as if it were there.
states_memory if not is_object(object.get(input.args, "limits", {}))

modest if {
	is_number(input.args.limits.memory_mb)
	input.args.limits.memory_mb <= 4096
}

granting := {id | some id, _ in allows}

matched := sort(((denies | asks) | granting))

# Several that allow narrow each other.
limits[name] := min({each | some rights in allows; each := rights.limits[name]}) if some name, _ in object.union_n([rights.limits | some rights in allows])

workspace := ["private", "host_read", "host_write"][min({rank |
	some rights in allows
	rank := {"private": 0, "host_read": 1, "host_write": 2}[rights.workspace]
})]

default decision := {"effect": "deny", "rules": []}

decision := {"effect": "deny", "rules": matched} if count(denies) > 0

else := {"effect": "ask", "rules": matched} if count(asks) > 0

else := {"effect": "allow", "rules": matched, "limits": limits, "workspace": workspace} if {
	count(allows) > 0
}
