"""The images of the tests, as archives that `docker load` and `podman load` take. Both are made from
nothing but Debian packages and are the same bytes each time; they are kept in build/engine-images
under the hash of what they are made from.

  casemate-test/busybox:1   a static busybox with its applets; enough for most tests
  casemate-test/base:1      Debian 12 with its essential packages, by mmdebstrap: takes 20 s once"""
import contextlib
import fcntl
import hashlib
import io
import json
import os
import pathlib
import platform
import shutil
import subprocess
import tarfile
import tempfile

BUSYBOX = "casemate-test/busybox:1"
BASE = "casemate-test/base:1"
CACHE = pathlib.Path(__file__).resolve().parents[2] / "build" / "engine-images"
EPOCH = 1700000000  # seconds; the time of every file
CREATED = "2023-11-14T22:13:20Z"  # the same, for the image
PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
PASSWD = b"root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65534:nobody:/:/bin/false\n"
GROUP = b"root:x:0:\nnogroup:x:65534:\n"


def archive_of(name):
    """The path of the archive, which is made first if need be."""
    return {BUSYBOX: busybox, BASE: base}[name]()


def busybox():
    program = pathlib.Path(shutil.which("busybox", path=PATH) or "/bin/busybox").read_bytes()
    return cached("busybox", program, lambda layer: busybox_layer(program, layer), BUSYBOX)


def base():
    return cached("base", b"", debian_layer, BASE)


def cached(stem, ingredients, make_layer, name):
    key = hashlib.sha256(pathlib.Path(__file__).read_bytes() + ingredients).hexdigest()[:16]
    target = CACHE / f"{stem}-{key}.tar"
    if target.exists():
        return target
    CACHE.mkdir(parents=True, exist_ok=True)
    with locked(CACHE / f"{stem}.lock"):
        if target.exists():
            return target
        for old in CACHE.glob(f"{stem}-*"):
            old.unlink()
        with tempfile.TemporaryDirectory(dir=CACHE, prefix="making-") as scratch:
            layer = pathlib.Path(scratch, "layer.tar")
            make_layer(layer)
            made = pathlib.Path(scratch, "image.tar")
            write_archive(made, layer, name)
            os.rename(made, target)
    return target


@contextlib.contextmanager
def locked(path):
    with path.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def entry(name, kind, size=0, mode=0o755, link=""):
    """A file of root in a tar, whose every field is given."""
    info = tarfile.TarInfo(name)
    info.type, info.size, info.mode, info.linkname, info.mtime = kind, size, mode, link, EPOCH
    return info


def busybox_layer(program, layer):
    applets = subprocess.run(["busybox", "--list"], check=True, capture_output=True, text=True,
                             env={"PATH": PATH}).stdout.split()
    with tarfile.open(layer, "w", format=tarfile.PAX_FORMAT) as tar:
        for directory in ("bin", "dev", "etc", "home", "proc", "root", "sys", "usr", "usr/bin", "var"):
            tar.addfile(entry(directory, tarfile.DIRTYPE))
        tar.addfile(entry("tmp", tarfile.DIRTYPE, mode=0o1777))
        for name, content, mode in (("bin/busybox", program, 0o755), ("etc/group", GROUP, 0o644),
                                    ("etc/passwd", PASSWD, 0o644)):
            tar.addfile(entry(name, tarfile.REGTYPE, len(content), mode), io.BytesIO(content))
        for applet in sorted(set(applets) - {"busybox"}):
            tar.addfile(entry(f"bin/{applet}", tarfile.SYMTYPE, mode=0o777, link="busybox"))


def debian_layer(layer):
    without = ("/usr/share/man/*", "/usr/share/doc/*", "/usr/share/locale/*", "/usr/share/info/*",
               "/usr/lib/*/gconv/*")
    done = subprocess.run(
        ["mmdebstrap", "--quiet", "--mode=root", "--variant=essential",
         # Merged from the beginning: usrmerge would do it later, and bring all of Perl.
         "--hook-dir=/usr/share/mmdebstrap/hooks/merged-usr", "--include=usr-is-merged",
         *(f"--dpkgopt=path-exclude={path}" for path in without), "bookworm", str(layer)],
        check=False, capture_output=True, text=True,
        env={"PATH": PATH, "SOURCE_DATE_EPOCH": str(EPOCH), "TMPDIR": str(layer.parent), **proxies()})
    if done.returncode != 0:
        raise RuntimeError(f"mmdebstrap: {done.returncode}: {done.stderr[-3000:]}")


def proxies():
    return {name: value for name, value in os.environ.items() if name.lower().endswith("_proxy")}


def write_archive(target, layer, name):
    """One layer, its configuration and the manifest, as `docker save` writes them."""
    with layer.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    machine = {"x86_64": "amd64", "aarch64": "arm64"}.get(platform.machine(), platform.machine())
    config = json.dumps({
        "architecture": machine, "os": "linux", "created": CREATED,
        "config": {"Env": [f"PATH={PATH}"], "Cmd": ["/bin/sh"]},
        "rootfs": {"type": "layers", "diff_ids": [f"sha256:{digest}"]},
        "history": [{"created": CREATED, "created_by": name}],
    }, sort_keys=True).encode()
    config_name = hashlib.sha256(config).hexdigest() + ".json"
    manifest = json.dumps(
        [{"Config": config_name, "RepoTags": ["docker.io/" + name], "Layers": [f"{digest}/layer.tar"]}]).encode()
    with tarfile.open(target, "w", format=tarfile.PAX_FORMAT) as tar:
        for file, content in ((config_name, config), ("manifest.json", manifest)):
            tar.addfile(entry(file, tarfile.REGTYPE, len(content), 0o644), io.BytesIO(content))
        with layer.open("rb") as content:
            tar.addfile(entry(f"{digest}/layer.tar", tarfile.REGTYPE, layer.stat().st_size, 0o644),
                        content)
