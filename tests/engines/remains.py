"""What engines leave when they end or are killed: processes, control groups, mounts, directories. Only
what belongs to one private directory is touched: descendants of its supervisor; once that is dead,
what runs in the control groups of its containers, processes of its mount namespace whose command
line names the directory, and the descendants of both."""
import contextlib
import fcntl
import os
import pathlib
import re
import shutil
import signal
import subprocess
import tempfile
import time
from functools import partial

PREFIX = "casemate-engines-"


def parent_directory():
    """Where private directories are made. A unix socket's path has room for 107 bytes, and the
    supervisor sees a /run of its own."""
    place = os.path.realpath(tempfile.gettempdir())
    return pathlib.Path("/var/tmp" if len(place) > 40 or place.startswith("/run") else place)


def processes():
    """pid → (parent, start time in ticks) of all that have not ended."""
    found = {}
    for name in filter(str.isdigit, os.listdir("/proc")):
        with contextlib.suppress(OSError):
            fields = pathlib.Path("/proc", name, "stat").read_text().rsplit(")", 1)[1].split()
            if fields[0] not in "ZX":
                found[int(name)] = (int(fields[1]), int(fields[19]))
    return found


def descendants(roots, table):
    found, rest = [], set(table) - set(roots)
    generation = set(roots)
    while generation:
        generation = {pid for pid in rest if table[pid][0] in generation}
        rest -= generation
        found += generation
    return found


def orphans(directory, namespace, table):
    """What a dead supervisor left, with all that came of it."""
    needle = os.fsencode(f"{directory}/")
    roots = set()
    for pid in table:
        with contextlib.suppress(OSError):
            if (os.readlink(f"/proc/{pid}/ns/mnt") == namespace
                    and needle in pathlib.Path(f"/proc/{pid}/cmdline").read_bytes()):
                roots.add(pid)
    for cgroup in cgroups_named(directory):
        with contextlib.suppress(OSError):
            members = set(map(int, pathlib.Path(cgroup, "cgroup.procs").read_text().split()))
            roots |= members & set(table)
    return roots | set(descendants(roots, table))


def kill_exactly(pid, start):
    """SIGKILL, unless the id now belongs to another."""
    with contextlib.suppress(OSError):
        handle = os.pidfd_open(pid)
        try:
            if processes_start(pid) == start:
                signal.pidfd_send_signal(handle, signal.SIGKILL)
        finally:
            os.close(handle)


def processes_start(pid):
    with contextlib.suppress(OSError, IndexError):
        return int(pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[19])
    return None


def cgroup_mounts():
    """The place of each hierarchy, by its controllers ("" is version 2)."""
    mounts = {}
    for line in pathlib.Path("/proc/self/mountinfo").read_text().splitlines():
        before, after = line.split(" - ", 1)
        kind, _, options = after.split(" ", 2)
        if kind == "cgroup2":
            mounts[""] = before.split()[4]
        elif kind == "cgroup":
            for option in options.split(","):
                mounts[option] = before.split()[4]
    return mounts


def cgroups_of(pid, mounts):
    found = set()
    with contextlib.suppress(OSError):
        for line in pathlib.Path(f"/proc/{pid}/cgroup").read_text().splitlines():
            _, controllers, path = line.split(":", 2)
            place = mounts.get(controllers.split(",")[0])
            if place and path != "/":
                found.add(place + path)
    return found


def thaw(cgroup):
    """What is paused cannot die."""
    for file, word in (("freezer.state", "THAWED"), ("cgroup.freeze", "0")):
        with contextlib.suppress(OSError):
            if os.path.exists(f"{cgroup}/{file}"):
                pathlib.Path(cgroup, file).write_text(word)


def kill_all(find, reap=lambda: None, seconds=20):
    """Kills what `find(table)` names until it names nothing; returns the control groups they were in,
    without our own. Raises TimeoutError with those that would not die."""
    mounts = cgroup_mounts()
    own = cgroups_of(os.getpid(), mounts)
    cgroups, deadline = set(), time.monotonic() + seconds
    while True:
        reap()
        table = processes()
        alive = find(table)
        if not alive:
            return cgroups
        if time.monotonic() > deadline:
            raise TimeoutError(f"processes that do not end: {sorted(alive)}")
        for pid in alive:
            theirs = cgroups_of(pid, mounts) - own
            cgroups |= theirs
            for cgroup in theirs:
                thaw(cgroup)
            kill_exactly(pid, table[pid][1])
        time.sleep(0.01)  # until the next look; the deadline decides


def remove_cgroups(directory, cgroups):
    """Removes those that are of this directory's containers and empty. Podman's common parent stays:
    another may just be making a group in it."""
    name = re.escape(pathlib.Path(directory).name)
    ours = re.compile(f"/sys/fs/cgroup/.*/?({name}|libpod(-conmon)?-[0-9a-f]{{64}})(/|$)")
    for cgroup in sorted(cgroups, key=len, reverse=True):
        while ours.match(cgroup):
            try:
                os.rmdir(cgroup)
            except FileNotFoundError:
                pass
            except OSError:
                break
            cgroup = os.path.dirname(cgroup)


def cgroups_named(directory):
    """Groups of engines of this directory that may be empty by now: dockerd has a parent of its own,
    Podman's are named by container."""
    found = set()
    ids = [path.name for path in pathlib.Path(directory).glob("podman/root/*-containers/*")
           if re.fullmatch("[0-9a-f]{64}", path.name)]
    for place in set(cgroup_mounts().values()):
        own = f"{place}/{pathlib.Path(directory).name}"
        for current, _, _ in os.walk(own):
            found.add(current)
        for name in ids:
            found |= {f"{place}/libpod_parent/{kind}-{name}" for kind in ("libpod", "libpod-conmon")}
    return found


def mounts_below(directory):
    lines = pathlib.Path("/proc/self/mountinfo").read_text().splitlines()
    paths = [re.sub(r"\\(\d{3})", lambda code: chr(int(code[1], 8)), line.split()[4]) for line in lines]
    return [path for path in reversed(paths) if path.startswith(f"{directory}/")]


def remove_directory(directory):
    """Unmounts all below it first. A directory in which something stays mounted is left as it is: it
    could be a directory of the host."""
    for path in mounts_below(directory):
        subprocess.run(["umount", "-l", path], check=False, stderr=subprocess.DEVNULL)
    left = mounts_below(directory)
    if left:
        raise OSError(f"{directory} stays: still mounted: {left}")
    shutil.rmtree(directory, ignore_errors=True)
    if os.path.exists(directory):
        shutil.rmtree(directory)


def sweep():
    """Clears up after supervisors that were killed: their lock is free."""
    for directory in parent_directory().glob(PREFIX + "*"):
        with contextlib.suppress(FileNotFoundError, BlockingIOError):
            if directory.stat().st_uid != os.getuid() or directory.is_symlink():
                continue
            with (directory / "lock").open("r+") as lock:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)

                namespace = lock.read().strip()
                cgroups = kill_all(partial(orphans, directory, namespace))
                remove_cgroups(directory, cgroups | cgroups_named(directory))
                remove_directory(directory)
