package casemate_test

import rego.v1

import data.casemate

call(args, context) := {
	"version": 1,
	"tool": "run",
	"principal": {"id": "local", "tenant": "local", "roles": ["owner"]},
	"args": args,
	"context": context,
	"history": {},
}

test_snippets_run if {
	casemate.decision.effect == "allow" with input as call({"network": "none"}, {})
}

test_network_does_not if {
	casemate.decision.effect == "deny" with input as call({"network": "host"}, {})
}

test_projects_are_writable if {
	decision := casemate.decision with input as call({"network": "none"}, {"workspace": "/home/dev/projects/a"})
	decision.workspace == "host_write"
}

test_git_is_asked_about if {
	casemate.decision.effect == "ask" with input as call({"network": "none", "command": ["git", "push"]}, {})
}

test_keys_are_denied if {
	casemate.decision.effect == "deny" with input as call({"network": "none"}, {"workspace": "/home/dev/.ssh"})
}

test_nothing_is_denied if casemate.decision.effect == "deny" with input as {}
