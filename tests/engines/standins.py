"""Stand-ins for the official images that generated Dockerfiles begin with, made from Debian packages and
npm itself: they behave as those in what a Dockerfile uses (paths, variables, entry points, users), hold
no build tools where those hold none, and bring Debian packages with them, so that `apt-get install` works
without a network. In build/engine-images each layer is kept under the hash of its recipe; layers are
shared, and an archive for `docker load` and `podman load` is put together as it is sent.

  standins.py [make]        makes what is missing and says how long each took; needs root
  standins.py registries    where the registries are (registries.py), which are made with them"""
import concurrent.futures
import contextlib
import dataclasses
import functools
import hashlib
import json
import os
import pathlib
import platform
import re
import shutil
import subprocess
import sys
import tarfile
import tempfile
import time

sys.dont_write_bytecode = True
import images  # noqa: E402
import registries  # noqa: E402
from standin_recipes import IMAGES, LAYERS, OFFLINE, SOURCES  # noqa: E402

KIND = "5"  # changes when the code here makes other bytes of the same recipe
BLOCK = 512
# What a package's installation leaves and no image needs.
LEFTOVERS = ("etc/resolv.conf", "tmp", "usr/sbin/policy-rc.d", "var/cache/apt", "var/lib/apt/lists",
             "usr/share/doc", "usr/share/man", "usr/share/lintian", "mnt", "dev", "proc")
APT = ("-o", "Dir::State::lists=/mnt/lists", "-o", "Dir::Etc::sourcelist=/mnt/sources.list",
       "-o", "Dir::Etc::sourceparts=/dev/null", "-o", "APT::Sandbox::User=root", "-qq", "-y",
       "--no-install-recommends", "-o", "DPkg::Options::=--force-unsafe-io", "-o", "Acquire::Retries=3")


@functools.cache
def key_of(name):
    recipe = LAYERS[name]
    parent = key_of(below(name)) if below(name) else ""
    text = json.dumps([KIND, parent, dataclasses.asdict(recipe), OFFLINE if name == "repository" else ""])
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def below(name):
    """The layer that is needed to make one."""
    return LAYERS[name].parent or LAYERS[name].built_on or None


def layer_file(name):
    return images.CACHE / f"standin-{name}-{key_of(name)}.tar"


def chain_of(name):
    """The layers of an image, the lowest first."""
    recipe = LAYERS[name]
    return (chain_of(recipe.parent) if recipe.parent else []) + [name]


def make():
    """All layers, those that are missing; says how long each took. In a mount namespace of its own."""
    images.CACHE.mkdir(parents=True, exist_ok=True)
    with images.locked(images.CACHE / "standin.lock"):
        missing = [name for name in LAYERS if not layer_file(name).exists()]
        for name in missing:
            for old in images.CACHE.glob(f"standin-{name}-????????????????.*"):
                old.unlink()
        if not missing and registries.place().exists():
            return
        with tempfile.TemporaryDirectory(dir=images.CACHE, prefix="making-") as scratch:
            Maker(pathlib.Path(scratch)).make(missing)


class Maker:
    def __init__(self, scratch):
        self.scratch = scratch
        self.trees = {}

    def make(self, missing):
        (self.scratch / "sources.list").write_text(SOURCES)
        done = set(LAYERS) - set(missing)
        left = list(missing)
        has_registries = registries.place().exists()
        with concurrent.futures.ThreadPoolExecutor(2) as pool:
            running = {}
            while left or running or not has_registries:
                for name in [each for each in left if below(each) in done | {None}]:
                    left.remove(name)
                    running[pool.submit(self.timed, name)] = name
                if "debian" in done and not has_registries:
                    has_registries = True
                    running[pool.submit(self.registries)] = "registries"
                finished, _ = concurrent.futures.wait(
                    running, return_when=concurrent.futures.FIRST_COMPLETED)
                for future in finished:
                    future.result()
                    done.add(running.pop(future))

    def registries(self):
        begin = time.monotonic()
        for old in images.CACHE.glob("registries-*"):
            shutil.rmtree(old)
        with self.overlay("registries", "debian") as (tree, _):
            registries.make(self.scratch / "registries", functools.partial(self.download, tree), self.unpack)
        os.rename(self.scratch / "registries", registries.place())
        print(f"standins: registries: {time.monotonic() - begin:.0f} s", file=sys.stderr, flush=True)

    def download(self, tree, packages, closure=False):
        """Debian packages, by path; with `closure` all that they need too."""
        name = f"packages-{packages[0]}"
        place = self.scratch / f"cache-{name}" / "archives"
        (place / "partial").mkdir(parents=True)
        apt = ["apt-get", *APT, "-o", f"Dir::Cache=/mnt/cache-{name}"]
        if closure:
            self.inside(tree, [*apt, "--download-only", "install", *packages])
        else:
            self.inside(tree, ["sh", "-euc", f'cd /mnt/cache-{name}/archives; exec "$@"', "sh",
                               *apt, "download", *packages])
        return sorted(place.glob("*.deb"))

    def unpack(self, package):
        tree = self.scratch / f"unpacked-{package.name}"
        run(["dpkg-deb", "-x", package, tree])
        return tree

    def timed(self, name):
        begin = time.monotonic()
        self.one(name)
        size = layer_file(name).stat().st_size >> 20
        print(f"standins: {name}: {time.monotonic() - begin:.0f} s, {size} MiB", file=sys.stderr, flush=True)

    def one(self, name):
        recipe = LAYERS[name]
        if below(name) is None:
            upper = self.bootstrap(name)
        else:
            upper = self.extend(name, recipe)
        self.trees[name] = upper
        temporary = self.scratch / f"{name}.tar"
        write_layer(temporary, upper)
        os.rename(temporary, layer_file(name))

    def bootstrap(self, name):
        tree = self.scratch / name
        without = ("/usr/share/man/*", "/usr/share/doc/*", "/usr/share/locale/*", "/usr/share/info/*")
        run(["mmdebstrap", "--quiet", "--mode=root", "--variant=apt", "--format=directory",
             "--hook-dir=/usr/share/mmdebstrap/hooks/merged-usr", "--include=usr-is-merged",
             *(f"--dpkgopt=path-exclude={path}" for path in without), "bookworm", tree],
            env={"PATH": images.PATH, "TMPDIR": str(self.scratch), **images.proxies()})
        self.update(tree)
        clean(tree)
        return tree

    def update(self, tree):
        """The lists of packages, once for all layers."""
        (self.scratch / "lists/partial").mkdir(parents=True, exist_ok=True)
        with mounted(self, tree):
            self.inside(tree, ["apt-get", *APT, "-o", "Dir::Cache=/mnt/cache-update", "update"])

    def tree(self, name):
        """What one layer adds; from its archive if it was made earlier."""
        if name not in self.trees:
            with images.locked(self.scratch / f"{name}.lock"):
                place = self.scratch / f"{name}-kept"
                if not place.exists():
                    place.mkdir()
                    run(["tar", "-C", place, "--numeric-owner", "-xf", layer_file(name)])
                self.trees[name] = place
        return self.trees[name]

    @contextlib.contextmanager
    def overlay(self, name, lowest):
        """A tree above the layers of `lowest`, ready for apt; and what is written there."""
        upper, work, merged = (self.scratch / f"{name}-{part}" for part in ("upper", "work", "merged"))
        for place in (upper, work, merged):
            place.mkdir()
        lower = [str(self.tree(each)) for each in reversed(chain_of(lowest))]
        if not any((self.scratch / "lists").glob("*Packages*")):
            with images.locked(self.scratch / "lists.lock"):
                if not any((self.scratch / "lists").glob("*Packages*")):
                    self.update(self.tree(chain_of(lowest)[0]))
        run(["mount", "-t", "overlay", "overlay", "-o",
             f"lowerdir={':'.join(lower)},upperdir={upper},workdir={work}", merged])
        try:
            with mounted(self, merged):
                yield merged, upper
        finally:
            run(["umount", "-l", merged])

    def extend(self, name, recipe):
        with self.overlay(name, below(name)) as (tree, upper):
            self.fill(name, recipe, tree)
            if recipe.bare is not None:
                return self.picked(name, recipe, tree)
        clean(upper)
        return upper

    def fill(self, name, recipe, tree):
        apt = ["apt-get", *APT, "-o", f"Dir::Cache=/mnt/cache-{name}"]
        (self.scratch / f"cache-{name}/archives/partial").mkdir(parents=True)
        policy = tree / "usr/sbin/policy-rc.d"
        policy.write_text("#!/bin/sh\nexit 101\n")
        policy.chmod(0o755)  # no service is started by its installation
        (tree / "usr/share/man/man1").mkdir(parents=True, exist_ok=True)  # Java's alternatives want it
        if name == "repository":
            self.inside(tree, [*apt, "--download-only", "install", *OFFLINE])
            repository(self.scratch / f"cache-{name}" / "archives", tree)
        if recipe.packages:
            self.inside(tree, [*apt, "install", *recipe.packages])
        for package, place in recipe.npm:
            self.npm(package, tree / place.lstrip("/"))
        for path, (mode, text) in recipe.files.items():
            target = tree / path.lstrip("/")
            target.parent.mkdir(parents=True, exist_ok=True)
            target.unlink(missing_ok=True)
            target.write_text(text)
            target.chmod(mode)
        if recipe.script:
            self.inside(tree, ["sh", "-euc", recipe.script])
        policy.unlink()

    def npm(self, package, place):
        """One package of the npm registry, by npm itself."""
        with tempfile.TemporaryDirectory(dir=self.scratch) as directory:
            run(["npm", "pack", "--silent", "--pack-destination", directory, package], cwd=directory)
            place.mkdir(parents=True)
            run(["tar", "-C", place, "--strip-components=1", "--no-same-owner", "-xzf",
                 *pathlib.Path(directory).glob("*.tgz")])

    def inside(self, tree, command):
        run(["chroot", tree, *command],
            env={"PATH": images.PATH, "DEBIAN_FRONTEND": "noninteractive", "LANG": "C.UTF-8", "HOME": "/root",
                 **images.proxies()})

    def picked(self, name, recipe, whole):
        """An image without Debian beneath it: busybox, and some programs with what they load."""
        tree = self.scratch / f"{name}-picked"
        busybox = self.scratch / f"{name}-busybox.tar"
        images.busybox_layer(pathlib.Path(shutil.which("busybox", path=images.PATH)).read_bytes(), busybox)
        tree.mkdir()
        run(["tar", "-C", tree, "-xf", busybox])
        for path in recipe.bare:
            said = subprocess.run(["chroot", whole, "ldd", path], check=False, capture_output=True, text=True)
            for file in {path, *re.findall(r"(/\S+) \(0x", said.stdout)}:
                copy(whole, file, tree)
        for path in recipe.files:
            copy(whole, path, tree)
        self.inside(tree, ["sh", "-euc", recipe.after or "true"])
        return tree


def copy(source, path, tree):
    target = tree / path.lstrip("/")
    target.parent.mkdir(parents=True, exist_ok=True)
    real = run(["chroot", source, "realpath", path]).stdout.strip()  # links are those of the tree
    target.unlink(missing_ok=True)  # an applet, which would be written through to busybox
    shutil.copy2(source / real.lstrip("/"), target)


class mounted:
    """What installing packages needs in a tree: /proc, /dev, names of hosts, and our scratch at /mnt."""

    def __init__(self, maker, tree):
        self.tree = tree
        self.places = [("/proc", "proc"), ("/dev", "dev"), (str(maker.scratch), "mnt")]
        self.done = []

    def __enter__(self):
        resolv = self.tree / "etc/resolv.conf"
        resolv.unlink(missing_ok=True)
        if os.path.exists("/etc/resolv.conf"):
            shutil.copyfile("/etc/resolv.conf", resolv)
        for source, place in self.places:
            (self.tree / place).mkdir(exist_ok=True)
            run(["mount", "--bind", source, self.tree / place])
            self.done.append(self.tree / place)

    def __exit__(self, *_):
        for place in reversed(self.done):
            run(["umount", "-l", place])


def repository(archives, tree):
    """A repository of packages in the tree, which is then the only one that apt knows there."""
    place = tree / "usr/local/share/debian"
    place.mkdir(parents=True)
    index = []
    for package in sorted(archives.glob("*.deb")):
        fields = run(["dpkg-deb", "-f", package]).stdout.rstrip()
        digest = hashlib.sha256(package.read_bytes()).hexdigest()
        index.append(f"{fields}\nFilename: ./{package.name}\nSize: {package.stat().st_size}\n"
                     f"SHA256: {digest}\n\n")
        shutil.move(package, place / package.name)
        (place / package.name).chmod(0o644)
    (place / "Packages").write_text("".join(index))
    (tree / "etc/apt/sources.list").write_text("deb [trusted=yes] file:/usr/local/share/debian ./\n")


def clean(tree):
    for path in LEFTOVERS:
        place = tree / path
        if place.is_dir() and not place.is_symlink():
            for each in place.iterdir():
                if each.is_dir() and not each.is_symlink():
                    shutil.rmtree(each)
                else:
                    each.unlink()
        else:
            place.unlink(missing_ok=True)
    for log in (tree / "var/log").rglob("*"):
        if log.is_file() and not log.is_symlink():
            log.unlink()
    for place in ("var/cache/apt/archives/partial", "var/lib/apt/lists/partial", "var/log/apt"):
        if (tree / "var/lib/dpkg/info/apt.list").exists():
            (tree / place).mkdir(parents=True, exist_ok=True)


def run(command, **more):
    done = subprocess.run(list(map(str, command)), check=False, capture_output=True, text=True, **more)
    if done.returncode != 0:
        raise RuntimeError(f"{command[:4]}: {done.returncode}: {(done.stdout + done.stderr)[-3000:]}")
    return done


def write_layer(target, upper):
    """The upper directory of an overlay as a layer: what it deletes has another form in an image. Times
    stay as they are, for Python looks whether its compiled files are as old as their sources."""
    with tarfile.open(target, "w", format=tarfile.PAX_FORMAT) as tar:
        def add(info):
            info.uname = info.gname = ""
            return info
        for path in sorted(upper.rglob("*")):
            name = path.relative_to(upper)
            status = path.lstat()
            if path.is_char_device() and status.st_rdev == 0:
                tar.addfile(images.entry(str(name.parent / f".wh.{name.name}"), tarfile.REGTYPE))
                continue
            tar.add(path, str(name), recursive=False, filter=add)
            if path.is_dir() and not path.is_symlink() and opaque(path):
                tar.addfile(images.entry(str(name / ".wh..wh..opq"), tarfile.REGTYPE))


def opaque(path):
    try:
        return os.getxattr(path, "trusted.overlay.opaque") == b"y"
    except OSError:
        return False


@functools.cache
def digest_of(file):
    """Of a layer; it is kept beside it, for reading gigabytes takes time."""
    note = file.with_suffix(".sha256")
    if not note.exists() or note.stat().st_mtime < file.stat().st_mtime:
        with file.open("rb") as content:
            note.write_text(hashlib.file_digest(content, "sha256").hexdigest())
    return note.read_text()


def archive_members():
    """What an archive of all stand-ins holds: (name, bytes or path of a file) each."""
    machine = {"x86_64": "amd64", "aarch64": "arm64"}.get(platform.machine(), platform.machine())
    manifest, layers = [], {}
    for image in IMAGES:
        chain = [layer_file(name) for name in chain_of(image.layer)]
        digests = [digest_of(file) for file in chain]
        layers.update(zip(digests, chain))
        path = image.path + ":" + images.PATH if image.path else images.PATH
        config = json.dumps({
            "architecture": machine, "os": "linux", "created": images.CREATED,
            "config": {"Env": [f"PATH={path}", *image.env], **image.config},
            "rootfs": {"type": "layers", "diff_ids": [f"sha256:{each}" for each in digests]},
            "history": [{"created": images.CREATED, "created_by": name} for name in chain_of(image.layer)],
        }, sort_keys=True).encode()
        name = hashlib.sha256(config).hexdigest() + ".json"
        yield name, config
        manifest.append({"Config": name, "RepoTags": [f"docker.io/library/{tag}" for tag in image.tags],
                         "Layers": [f"{each}/layer.tar" for each in digests]})
    for digest, file in layers.items():
        yield f"{digest}/layer.tar", file
    yield "manifest.json", json.dumps(manifest).encode()


def archive():
    """The bytes of the archive, a piece at a time: it lies nowhere as a whole."""
    for name, content in archive_members():
        is_file = isinstance(content, pathlib.Path)
        size = content.stat().st_size if is_file else len(content)
        yield images.entry(name, tarfile.REGTYPE, size, 0o644).tobuf(tarfile.PAX_FORMAT)
        if is_file:
            with content.open("rb") as file:
                while piece := file.read(1 << 20):
                    yield piece
        else:
            yield content
        yield b"\0" * (-size % BLOCK)
    yield b"\0" * (2 * BLOCK)


def names():
    return [tag for image in IMAGES for tag in image.tags]


def ready():
    """Makes what is missing, in a mount namespace of its own."""
    if all(layer_file(name).exists() for name in LAYERS) and registries.place().exists():
        return
    command = ["unshare", "--mount", "--propagation", "private", sys.executable, "-B", __file__, "make"]
    done = subprocess.run(command, check=False, stdout=sys.stderr)
    if done.returncode != 0:
        raise RuntimeError("the stand-in images could not be made")


if __name__ == "__main__":
    begin = time.monotonic()
    if sys.argv[1:] == ["registries"]:
        print(registries.place())
        sys.exit()
    make() if sys.argv[1:] == ["make"] else ready()
    print(f"standins: all in {time.monotonic() - begin:.0f} s", file=sys.stderr)
