#!/usr/bin/env python3
"""Packs a built casemate into an MCP bundle (.mcpb, manifest 0.3), and fills in its registry entry.

The same binary gives the same bytes: entries are sorted, and all have one time and owner.
"""

import argparse
import hashlib
import json
import pathlib
import platform
import subprocess
import sys
import tempfile
import zipfile

HERE = pathlib.Path(__file__).parent
ROOT = HERE.parent.parent
RELEASES = "https://github.com/casemate/casemate/releases/download"
ENGINE_CLIENT = "libexec/casemate/libcasemate_engine.so"
OLDEST_TIME = (1980, 1, 1, 0, 0, 0)  # that a zip file can tell


def version_of(binary):
    line = subprocess.run([binary, "--version"], capture_output=True, text=True, check=True).stdout
    return line.split()[-1]


def tools_of(binary):
    """Name and first sentence of each tool, as the server itself lists them."""
    meta = {
        "io.modelcontextprotocol/protocolVersion": "2026-07-28",
        "io.modelcontextprotocol/clientInfo": {"name": "pack", "version": "1"},
        "io.modelcontextprotocol/clientCapabilities": {},
    }
    request = {"jsonrpc": "2.0", "id": 1, "method": "tools/list", "params": {"_meta": meta}}
    with tempfile.TemporaryDirectory() as state:
        answer = subprocess.run([binary, "--state-dir", state, "serve"],
                                input=json.dumps(request) + "\n",
                                capture_output=True, text=True, check=True).stdout
    tools = json.loads(answer)["result"]["tools"]
    return [{"name": tool["name"], "description": tool["description"].split(". ")[0].rstrip(".") + "."}
            for tool in tools]


def engine_client_of(binary):
    """What casemate loads for containers, where it looks for it: of a build, or of an installation."""
    beside = pathlib.Path(binary).resolve().parent
    places = [beside / ENGINE_CLIENT, beside.parent / ENGINE_CLIENT]
    found = next((place for place in places if place.is_file()), None)
    if found is None:
        sys.exit(f"expected the client of container engines in {places[0]}, got no such file")
    return found


def add(bundle, name, content, mode):
    entry = zipfile.ZipInfo(name, OLDEST_TIME)
    entry.external_attr = (0o100000 | mode) << 16
    entry.compress_type = zipfile.ZIP_DEFLATED
    entry.create_system = 3  # Unix: the mode counts
    bundle.writestr(entry, content, compresslevel=9)


def as_text(document):
    return json.dumps(document, indent=2, ensure_ascii=False) + "\n"


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--binary", required=True, help="the casemate to pack")
    parser.add_argument("--out", required=True, type=pathlib.Path, help="directory to write to")
    parser.add_argument("--url", help="where the bundle will be published; default: a GitHub release")
    parser.add_argument("--name", help="name of the registry entry, e.g. io.github.USER/casemate")
    args = parser.parse_args()

    version = version_of(args.binary)
    manifest = json.loads((HERE / "manifest.json").read_text())
    manifest["version"] = version
    manifest["tools"] = tools_of(args.binary)

    args.out.mkdir(parents=True, exist_ok=True)
    machine = {"x86_64": "x64", "aarch64": "arm64"}.get(platform.machine(), platform.machine())
    path = args.out / f"casemate-{version}-linux-{machine}.mcpb"
    with zipfile.ZipFile(path, "w") as bundle:
        add(bundle, "LICENSE", (ROOT / "LICENSE").read_bytes(), 0o644)
        add(bundle, "manifest.json", as_text(manifest), 0o644)
        add(bundle, "server/casemate", pathlib.Path(args.binary).read_bytes(), 0o755)
        add(bundle, f"server/{ENGINE_CLIENT}", engine_client_of(args.binary).read_bytes(), 0o755)

    entry = json.loads((HERE / "server.json").read_text())
    entry["name"] = args.name or entry["name"]
    entry["version"] = version
    package = entry["packages"][0]
    package["identifier"] = args.url or f"{RELEASES}/v{version}/{path.name}"
    package["version"] = version
    package["fileSha256"] = hashlib.sha256(path.read_bytes()).hexdigest()
    (args.out / "server.json").write_text(as_text(entry))
    print(path)
    print(args.out / "server.json")


if __name__ == "__main__":
    sys.exit(main())
