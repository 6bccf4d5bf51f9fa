#!/usr/bin/env python3
"""analysis.py CASEMATE DIR…: how often `casemate analyze` says what is expected.

A case is a directory with a file NAME.json beside it, anywhere below DIR: what is expected of the
project NAME/. Only the fields that it names are compared (docs/dockerfile.md). Prints the accuracy by
language and by field, and each difference. Exits 1 when there is any."""
import collections
import json
import pathlib
import subprocess
import sys

# How each field is compared: by its value, in order, or as a set.
VALUES = ("name", "language", "framework", "version", "package_manager", "package_manager_version",
          "lock_file", "run", "output", "health")
PLAIN = ("kind", "workspace")
LISTS = ("install", "build", "ports")
SETS = ("services", "system_packages", "build_packages", "native_modules", "also")
KNOWN = set(VALUES + PLAIN + LISTS + SETS) | {"path", "environment", "processes", "traits"}


def values(findings):
    return [finding["value"] for finding in findings]


def got_of(app, field):
    if field in PLAIN:
        return app.get(field)
    if field in VALUES:
        return app[field]["value"] if field in app else None
    if field in LISTS:
        return values(app[field])
    if field in SETS:
        return sorted(values(app[field]))
    if field == "environment":
        return {variable["name"]: "required" if variable["required"] else "optional"
                for variable in app["environment"]}
    if field == "traits":
        return app["traits"]
    return {name: command["value"] for name, command in app["processes"].items()}


def compare(expected, analysis):
    """Yields (language, field, expected, got)."""
    # Several programs may begin in one directory: there their names tell them apart.
    apps = {}
    for app in analysis["apps"]:
        apps.setdefault(app["path"], {})[app["name"]["value"]] = app
    wanted = expected["apps"]
    language = next((app["language"] for app in wanted if "language" in app), "none")
    yield (language, "apps", sorted(app.get("path", "") for app in wanted),
           sorted(app["path"] for app in analysis["apps"]))
    for app in wanted:
        there = apps.get(app.get("path", ""), {})
        got = there.get(app.get("name"), next(iter(there.values()), None))
        unknown = set(app) - KNOWN
        if unknown:
            raise SystemExit(f"unknown field {sorted(unknown)}")
        for field in sorted(set(app) - {"path"}):
            want = sorted(app[field]) if field in SETS and app[field] is not None else app[field]
            have = got_of(got, field) if got else None
            if field == "traits" and have is not None:  # there may be more of them
                have = {name: have.get(name) for name in want}
            yield (app.get("language", language), field, want, have)
    for field in ("monorepo", "libraries"):
        if field in expected:
            got = analysis.get(field)
            yield (language, field, expected[field],
                   got["value"] if field == "monorepo" and got else got)


def cases(root):
    """Files that stand beside the directory of their name; what lies in that is the project."""
    for path in sorted(root.iterdir()):
        if path.is_dir():
            expected = path.with_name(path.name + ".json")
            if expected.exists():
                yield expected
            else:
                yield from cases(path)


def main():
    casemate, *roots = sys.argv[1:]
    total, right, wrong = collections.Counter(), collections.Counter(), []
    count = 0
    for root in map(pathlib.Path, roots):
        for path in cases(root):
            count += 1
            done = subprocess.run([casemate, "analyze", "--json", str(path)[: -len(".json")]],
                                  capture_output=True, text=True, timeout=60, check=False)
            try:
                analysis = json.loads(done.stdout)
            except ValueError:
                analysis = {"apps": []}
                wrong.append((path, "analyze", "JSON", done.stderr.strip()))
                total["field analyze"] += 1
            for language, field, want, got in compare(json.loads(path.read_text()), analysis):
                for key in (f"language {language}", f"field {field}", "all"):
                    total[key] += 1
                    right[key] += want == got
                if want != got:
                    wrong.append((path, field, want, got))
    for path, field, want, got in wrong:
        print(f"{path}: {field}: expected {json.dumps(want)}, got {json.dumps(got)}")
    for key in sorted(total):
        print(f"{key:32} {right[key]:5} of {total[key]:5}  {100 * right[key] / total[key]:6.2f} %")
    print(f"{count} projects")
    sys.exit(1 if wrong or count == 0 else 0)


main()
