# An example: snippets and builds for developers, git after an operator has agreed, keys for nobody.
package casemate

import rego.v1

denies contains "no-keys" if contains(input.context.workspace, "/.ssh")

asks contains "ask-git" if input.args.command[0] == "git"

allows contains "private" if {
	input.tool == "run"
	input.args.network == "none"
	not input.context.workspace
}

allows contains "projects" if {
	input.tool == "run"
	input.args.network == "none"
	"owner" in input.principal.roles
	startswith(input.context.workspace, "/home/dev/projects/")
}

allows contains "look-around" if input.tool in {"profile_list", "resource_list"}

access := "host_write" if "projects" in allows

else := "private"

# For every input there is a decision: what nothing allows is denied.
default decision := {"effect": "deny", "rules": []}

decision := {
	"effect": "deny",
	"rules": sort(denies),
	"reason": "keys are not for agents",
	"remedy": "work in another directory",
} if {
	count(denies) > 0
}

else := {
	"effect": "ask",
	"rules": sort(asks),
	"approval": {"by": "operator", "expires_s": 300, "remember": "never"},
	"workspace": access,
} if {
	count(asks) > 0
	count(allows) > 0
}

else := {
	"effect": "allow",
	"rules": sort(allows),
	"limits": {"memory_mb": 2048, "cpus": 2, "wall_s": 300},
	"workspace": access,
} if {
	count(allows) > 0
}
