#!/usr/bin/env python3
"""House rules that a compiler does not check: layers, file sizes, heavy headers, stray names."""
import pathlib
import re
import subprocess
import sys

# Lower number = lower layer. An include may only point to the same or a lower layer.
LAYERS = [
    ("clients/", 6), ("mcp/", 5), ("tools/", 4), ("policies/", 3), ("sandbox/", 2), ("base/", 1),
]
# The few upward includes that the architecture names, and no more: this list only shrinks.
ALLOWED_UPWARD = {
    ("sandbox/", "policies/grant.h"),       # a sandbox is built from a Grant
    ("sandbox/", "policies/workspace_root.h"),  # and mounts host directories below these only
    ("mcp/main.cc", "clients/cli/command_line.h"),  # the composition root sees everything
    ("mcp/main.cc", "clients/cli/commands.h"),
}
JSON_HEADERS = {"tools/tool.h", "tools/ask.h", "mcp/jsonrpc/message.h"}
MAX_LINES = 600
TOP_LEVEL = {
    "CMakeLists.txt", "CMakePresets.json", "mcp", "tools", "sandbox", "policies", "tests",
    "clients", "docs", "base", "cmake", ".ci", "dev", "README.md", "LICENSE", "SECURITY.md",
}
FORBIDDEN = re.compile(r"\b\w*(Manager|Helper|Util|Impl2)\b")
ONLY_IN = {
    "httplib.h": ("mcp/transport/", "mcp/api/", "sandbox/container/", "sandbox/machine/"),
    "sqlite3.h": ("base/store/", "tests/"),
}

problems = []


def complain(path, line, text):
    problems.append(f"{path}:{line}: {text}")


def layer_of(path):
    return next((rank for prefix, rank in LAYERS if path.startswith(prefix)), None)


def check_include(path, number, target):
    mine, theirs = layer_of(path), layer_of(target)
    if mine is None or theirs is None or theirs <= mine:
        return
    if any(path.startswith(src) and target == dst for src, dst in ALLOWED_UPWARD):
        return
    complain(path, number, f"upward include of {target}")


def check_source(path, lines):
    if len(lines) > MAX_LINES:
        complain(path, len(lines), f"{len(lines)} lines; split it (limit {MAX_LINES})")
    for number, line in enumerate(lines, 1):
        include = re.match(r'#include ["<]([^">]+)[">]', line)
        if include:
            target = include.group(1)
            check_include(path, number, target)
            is_our_header = path.endswith(".h") and not path.startswith("tests/")
            if target == "nlohmann/json.hpp" and is_our_header and path not in JSON_HEADERS:
                complain(path, number, "json.hpp in a header; use json_fwd.hpp")
            for name, folders in ONLY_IN.items():
                if target.endswith(name) and not path.startswith(folders):
                    complain(path, number, f"{name} does not belong here")
        name = re.match(r"\s*(class|struct) (\w+)", line)
        if name and FORBIDDEN.fullmatch(name.group(2)):
            complain(path, number, f"vague name {name.group(2)}")
    if path.endswith(".h"):
        if not lines or not lines[0].startswith("//"):
            complain(path, 1, "a header opens with its purpose, ownership and threading")
        if "#pragma once" not in "\n".join(lines):
            complain(path, 1, "no #pragma once")


def main():
    listing = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard"],
        check=True, capture_output=True, text=True).stdout.split("\n")
    for path in filter(None, listing):
        top = path.split("/")[0]
        if top not in TOP_LEVEL and not top.startswith("."):
            complain(path, 1, f"`{top}` does not belong at the top level")
        file = pathlib.Path(path)
        if file.suffix in {".cc", ".h"} and file.exists():
            check_source(path, file.read_text(encoding="utf-8").splitlines())
    for problem in problems:
        print(problem)
    print(f"structure: {len(problems)} problem(s)")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
