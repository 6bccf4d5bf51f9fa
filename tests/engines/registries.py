"""The registries from which generated Dockerfiles install dependencies in tests: files as the real ones
hand them out, for static.mjs to serve. What they hold comes from Debian packages, and for npm from npm, as
the lock files of the applications in apps/ want it.

  npm/     a document of versions and a tarball for each package
  simple/  wheels for pip
  go/      the module proxy protocol
  gems/    the compact index of RubyGems
  maven/   Debian's repository of Maven plug-ins
  crates/  sources for `directory` in Cargo's configuration"""
import base64
import gzip
import hashlib
import io
import json
import os
import pathlib
import re
import shutil
import subprocess
import tarfile
import zipfile

import images
import standin_recipes

APPS = pathlib.Path(__file__).resolve().parent / "apps"
PYTHON = ("python3-flask", "python3-werkzeug", "python3-jinja2", "python3-markupsafe", "python3-itsdangerous",
          "python3-click", "python3-gunicorn")
GO = {"golang-github-go-chi-chi-dev": ("github.com/go-chi/chi", "github.com/go-chi/chi/v5", "v5.0.7")}
RUBY = ("ruby-rack", "ruby-webrick")
RUST = ("librust-tiny-http-dev", "librust-ascii-dev", "librust-chunked-transfer-dev", "librust-httpdate-dev",
        "librust-log-dev", "librust-cfg-if-dev")
# What Debian's packages of them no longer say of themselves.
REQUIRES = {"flask": ("Werkzeug>=2.2.2", "Jinja2>=3.0", "itsdangerous>=2.0", "click>=8.0"),
            "jinja2": ("MarkupSafe>=2.0",), "werkzeug": ("MarkupSafe>=2.1.1",)}
MAVEN = ("libmaven-clean-plugin-java", "libmaven-compiler-plugin-java", "libmaven-dependency-plugin-java",
         "libmaven-deploy-plugin-java", "libmaven-install-plugin-java", "libmaven-jar-plugin-java",
         "libmaven-resources-plugin-java", "libmaven-site-plugin-java", "libsurefire-java")
# Versions that Maven's own life cycle names and Debian does not have: they lead to those that it has.
MAVEN_OTHERS = {"maven-deploy-plugin": "2.7", "maven-site-plugin": "3.3"}
TIMES = (2023, 11, 14, 22, 13, 20)


def locks():
    return sorted(APPS.glob("*/package-lock.json"))


def key():
    parts = [pathlib.Path(__file__), *locks()]
    ingredients = b"".join(part.read_bytes() for part in parts) + standin_recipes.REGISTRY.encode()
    return hashlib.sha256(ingredients).hexdigest()[:16]


def place():
    return images.CACHE / f"registries-{key()}"


def make(target, download, unpack):
    """`download(names, closure)` brings Debian packages, `unpack` gives the tree of one of them."""
    target.mkdir()
    npm(target / "npm")
    trees = {name: unpack(download([name])[0]) for name in (*PYTHON, *GO, *RUBY, *RUST)}
    pypi(target / "simple", [trees[name] for name in PYTHON])
    for name, (source, module, version) in GO.items():
        go_module(target / "go", trees[name] / "usr/share/gocode/src" / source, module, version)
    gems(target / "gems", [trees[name] for name in RUBY])
    for name in RUST:
        for crate in (trees[name] / "usr/share/cargo/registry").iterdir():
            shutil.copytree(crate, target / "crates" / crate.name)
    maven(target / "maven", [unpack(package) for package in download(MAVEN, closure=True)])


def write(path, content):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content if isinstance(content, bytes) else content.encode())


# npm

def suits(package):
    """Whether npm would install it here: others of a package's variants are never asked for."""
    machine = {"x86_64": "x64", "aarch64": "arm64"}[os.uname().machine]
    return ("linux" in package.get("os", ["linux"]) and machine in package.get("cpu", [machine])
            and "glibc" in package.get("libc", ["glibc"]))


def npm(target):
    wanted = set()
    for lock in locks():
        for path, package in json.loads(lock.read_text())["packages"].items():
            if "node_modules/" in path and not package.get("link") and suits(package):
                wanted.add(f"{path.rsplit('node_modules/', 1)[1]}@{package['version']}")
    target.mkdir()
    done = subprocess.run(["npm", "pack", "--silent", "--json", "--pack-destination", str(target), *sorted(wanted)],
                          check=False, capture_output=True, text=True, cwd=target)
    if done.returncode != 0:
        raise RuntimeError(f"npm pack: {(done.stdout + done.stderr)[-2000:]}")
    documents = {}
    for file in sorted(target.glob("*.tgz")):
        with tarfile.open(file) as tar:
            member = next(each for each in tar if re.fullmatch(r"[^/]+/package\.json", each.name))
            package = json.load(tar.extractfile(member))
        digest = base64.b64encode(hashlib.sha512(file.read_bytes()).digest()).decode()
        name, version = package["name"], package["version"]
        tarball = f"{name}/-/{name.rsplit('/', 1)[-1]}-{version}.tgz"
        package["dist"] = {"integrity": f"sha512-{digest}",
                           "tarball": f"{standin_recipes.REGISTRY}/npm/{tarball}"}
        document = documents.setdefault(name, {"name": name, "versions": {}, "dist-tags": {}})
        document["versions"][version] = package
        document["dist-tags"]["latest"] = version
        (target / tarball).parent.mkdir(parents=True, exist_ok=True)
        file.rename(target / tarball)
    for name, document in documents.items():
        write(target / name / "index.html", json.dumps(document))


# pip

def pypi(target, trees):
    for tree in trees:
        packages = tree / "usr/lib/python3/dist-packages"
        info = next(each for each in packages.iterdir() if each.name.endswith(("-info", ".egg-info")))
        name, version = re.match(r"(.+?)-(\d[^-]*?)\.(?:egg|dist)-info", info.name).groups()
        is_native = any(packages.rglob("*.so"))
        tag = f"cp311-cp311-linux_{os.uname().machine}" if is_native else "py3-none-any"
        wheel = f"{name}-{version}-{tag}.whl"
        project = target / re.sub(r"[-_.]+", "-", name).lower()
        project.mkdir(parents=True)
        make_wheel(project / wheel, packages, info, f"{name}-{version}.dist-info", tag)
        write(project / "index.html", f'<!DOCTYPE html><html><body><a href="{wheel}">{wheel}</a></body></html>')


def make_wheel(target, packages, info, dist_info, tag):
    metadata = next(info / name for name in ("METADATA", "PKG-INFO") if (info / name).exists()).read_text()
    requires = REQUIRES.get(target.parent.name, ())
    head, _, body = metadata.strip().partition("\n\n")
    metadata = head + "".join(f"\nRequires-Dist: {each}" for each in requires) + "\n\n" + body
    files = {str(path.relative_to(packages)): path.read_bytes() for path in packages.rglob("*")
             if path.is_file() and info not in path.parents and "__pycache__" not in path.parts}
    files[f"{dist_info}/METADATA"] = metadata.encode()
    files[f"{dist_info}/WHEEL"] = f"Wheel-Version: 1.0\nGenerator: tests\nRoot-Is-Purelib: true\nTag: {tag}\n".encode()
    if (info / "entry_points.txt").exists():
        files[f"{dist_info}/entry_points.txt"] = (info / "entry_points.txt").read_bytes()
    record = "".join(f"{name},sha256={base64.urlsafe_b64encode(hashlib.sha256(content).digest()).decode().rstrip('=')},"
                     f"{len(content)}\n" for name, content in files.items())
    files[f"{dist_info}/RECORD"] = (record + f"{dist_info}/RECORD,,\n").encode()
    write_zip(target, files)


def write_zip(target, files):
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in sorted(files.items()):
            archive.writestr(zipfile.ZipInfo(name, TIMES), content)


# Go

def go_module(target, source, module, version):
    files = {f"{module}@{version}/{path.relative_to(source)}": path.read_bytes()
             for path in source.rglob("*") if path.is_file() and not path.is_symlink()}
    place = target / module / "@v"
    place.mkdir(parents=True)
    write_zip(place / f"{version}.zip", files)
    mod = (source / "go.mod").read_bytes()
    write(place / f"{version}.mod", mod)
    write(place / f"{version}.info", json.dumps({"Version": version, "Time": images.CREATED}))
    write(place / "list", version + "\n")
    # What go.sum of an application says of it.
    write(place / f"{version}.sum", f"{module} {version} {go_hash(files)}\n"
          f"{module} {version}/go.mod {go_hash({'go.mod': mod})}\n")


def go_hash(files):
    lines = "".join(f"{hashlib.sha256(content).hexdigest()}  {name}\n" for name, content in sorted(files.items()))
    return "h1:" + base64.b64encode(hashlib.sha256(lines.encode()).digest()).decode()


# RubyGems

def gems(target, trees):
    versions = f"created_at: {images.CREATED}\n---\n"
    for tree in trees:
        source = next((tree / "usr/share/rubygems-integration/all/gems").iterdir())
        name, version = source.name.rsplit("-", 1)
        files = {str(path.relative_to(source)): path.read_bytes() for path in source.rglob("*") if path.is_file()}
        gem = make_gem(name, version, files, [path.name for path in (source / "bin").glob("*")])
        write(target / "gems" / f"{name}-{version}.gem", gem)
        info = f"---\n{version} |checksum:{hashlib.sha256(gem).hexdigest()}\n"
        write(target / "info" / name, info)
        versions += f"{name} {version} {hashlib.md5(info.encode()).hexdigest()}\n"
    write(target / "versions", versions)
    write(target / "names", "---\n")


def make_gem(name, version, files, programs):
    listed = "".join(f"- {path}\n" for path in sorted(files))
    executables = "".join(f"\n- {program}" for program in programs) or " []"
    metadata = f"""--- !ruby/object:Gem::Specification
name: {name}
version: !ruby/object:Gem::Version
  version: {version}
platform: ruby
authors:
- Debian
bindir: bin
cert_chain: []
date: 2023-11-14 00:00:00.000000000 Z
dependencies: []
description: {name}
summary: {name}
email: []
executables:{executables}
extensions: []
extra_rdoc_files: []
files:
{listed}homepage:
licenses: []
metadata: {{}}
rdoc_options: []
require_paths:
- lib
required_ruby_version: !ruby/object:Gem::Requirement
  requirements:
  - - ">="
    - !ruby/object:Gem::Version
      version: '0'
required_rubygems_version: !ruby/object:Gem::Requirement
  requirements:
  - - ">="
    - !ruby/object:Gem::Version
      version: '0'
requirements: []
rubygems_version: 3.3.15
signing_key:
specification_version: 4
test_files: []
"""
    data = tar_of(files)
    return tar_of({"metadata.gz": gzip.compress(metadata.encode(), mtime=0), "data.tar.gz": gzip.compress(data, mtime=0)})


def tar_of(files):
    made = io.BytesIO()
    with tarfile.open(fileobj=made, mode="w", format=tarfile.USTAR_FORMAT) as tar:
        for name, content in sorted(files.items()):
            mode = 0o755 if name.startswith("bin/") else 0o644
            tar.addfile(images.entry(name, tarfile.REGTYPE, len(content), mode), io.BytesIO(content))
    return made.getvalue()


# Maven

def maven(target, trees):
    """All that the packages bring, links followed, and of each artifact the list of its versions."""
    together = target.parent / "maven-trees"
    for tree in trees:
        for part in ("usr/share/maven-repo", "usr/share/java"):
            if (tree / part).exists():
                shutil.copytree(tree / part, together / part, symlinks=True, dirs_exist_ok=True)
    repository = together / "usr/share/maven-repo"
    for path in sorted(repository.rglob("*")):
        if path.is_file():  # which a link to nowhere is not
            write(target / path.relative_to(repository), path.read_bytes())
    shutil.rmtree(together)
    plugins = target / "org/apache/maven/plugins"
    for name, version in MAVEN_OTHERS.items():
        there = sorted(path.name for path in (plugins / name).iterdir() if path.name[0].isdigit())
        if version not in there:
            write(plugins / name / version / f"{name}-{version}.pom",
                  f"<project><modelVersion>4.0.0</modelVersion><groupId>org.apache.maven.plugins</groupId>"
                  f"<artifactId>{name}</artifactId><version>{version}</version><distributionManagement>"
                  f"<relocation><version>{there[-1]}</version></relocation></distributionManagement></project>")
    for artifact in {path.parents[1] for path in target.rglob("*.pom")}:
        versions = sorted(path.name for path in artifact.iterdir() if path.is_dir())
        numbered = [version for version in versions if version[0].isdigit()] or versions
        listed = "".join(f"<version>{version}</version>" for version in versions)
        group = ".".join(artifact.parent.relative_to(target).parts)
        write(artifact / "maven-metadata.xml",
              f"<metadata><groupId>{group}</groupId><artifactId>{artifact.name}</artifactId><versioning>"
              f"<latest>{numbered[-1]}</latest><release>{numbered[-1]}</release><versions>{listed}</versions>"
              "</versioning></metadata>")
    for file in [path for path in target.rglob("*") if path.is_file()]:
        write(file.with_name(file.name + ".sha1"), hashlib.sha1(file.read_bytes()).hexdigest())
