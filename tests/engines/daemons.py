"""The daemons of one private directory: how each is started so that it shares nothing with others on
this machine. Used by the supervisor only, in its mount namespace, from its main thread."""
import contextlib
import ctypes
import grp
import json
import os
import pathlib
import re
import signal
import subprocess
import time

import api

PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
PR_SET_PDEATHSIG = 1
FILLER = "casemate-filler"
libc = ctypes.CDLL(None, use_errno=True)


def die_with_parent():
    libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    signal.pthread_sigmask(signal.SIG_SETMASK, set())


def write(path, text):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


def can_overlay(directory):
    """Whether an overlay can lie on this file system."""
    for name in ("lower", "upper", "work", "merged"):
        (directory / "probe" / name).mkdir(parents=True, exist_ok=True)
    probe = directory / "probe"
    options = f"lowerdir={probe}/lower,upperdir={probe}/upper,workdir={probe}/work"
    done = subprocess.run(["mount", "-t", "overlay", "overlay", "-o", options, probe / "merged"],
                          check=False, stderr=subprocess.DEVNULL).returncode == 0
    if done:
        subprocess.run(["umount", probe / "merged"], check=True)
    return done


class Daemon:
    """One process; `reap` of the supervisor sets `exited` when it ends."""

    def __init__(self, directory):
        self.directory = directory
        self.home = directory / self.name
        self.log = directory / f"{self.name}.log"
        self.pid = None
        self.exited = None  # a wait status
        self.start_s = None  # from start to the first answer
        self.load_s = {}  # by image

    def prepare(self):
        """Before the first start."""

    def environment(self):
        (self.home / "tmp").mkdir(parents=True, exist_ok=True)
        return {"PATH": PATH, "HOME": str(self.home), "TMPDIR": str(self.home / "tmp"),
                "LANG": "C.UTF-8"}

    def start(self):
        self.began, self.exited, self.start_s = time.monotonic(), None, None
        with self.log.open("ab") as log:
            process = subprocess.Popen(
                self.command(), stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd=self.home,
                env=self.environment(), start_new_session=True, preexec_fn=die_with_parent)
        self.pid = process.pid
        process.returncode = 0  # it is the supervisor who reaps it

    def is_ready(self):
        raise NotImplementedError

    def wait_ready(self, reap, seconds=30):
        deadline = self.began + seconds
        while not self.is_ready():
            reap()
            if self.exited is not None:
                raise RuntimeError(f"{self.name} ended with {os.waitstatus_to_exitcode(self.exited)}")
            if time.monotonic() > deadline:
                raise TimeoutError(f"{self.name} does not answer after {seconds} s")
            time.sleep(0.02)  # until the next question; the answer decides
        self.start_s = round(time.monotonic() - self.began, 2)

    def signal(self, number):
        if self.pid is None or self.exited is not None:
            raise RuntimeError(f"{self.name} does not run")
        os.kill(self.pid, number)

    def wait_end(self, reap, seconds):
        deadline = time.monotonic() + seconds
        while self.exited is None and time.monotonic() < deadline:
            reap()
            time.sleep(0.01)  # until the next look
        return self.exited is not None

    def state(self):
        return {"pid": self.pid if self.exited is None else None, "start_s": self.start_s,
                "load_s": self.load_s, "log": str(self.log)}


class Engine(Daemon):
    def __init__(self, directory, data_mib, has_network):
        super().__init__(directory)
        self.has_network = has_network  # a network namespace in which it may make bridges
        self.socket = directory / f"{self.name}.sock"
        self.data = self.home / "root"
        self.data_mib = data_mib  # 0: as much as the file system has

    def prepare(self):
        self.data.mkdir(parents=True)
        if self.data_mib:
            subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={self.data_mib}m", "tmpfs", self.data],
                           check=True)
        self.driver = ("overlay2", "overlay")[self.name == "podman"] if can_overlay(self.data) else "vfs"
        subprocess.run(["rm", "-r", self.data / "probe"], check=True)

    def is_ready(self):
        return api.answers(str(self.socket))

    def fill(self):
        """Takes the room that is left for data; how many bytes that were."""
        if not self.data_mib:
            raise RuntimeError("only data that has a size of its own is filled")
        taken = 0
        with (self.data / FILLER).open("ab", buffering=0) as file:
            for size in (1 << 20, 4096):
                try:
                    while True:
                        taken += file.write(b"\0" * size)
                except OSError:
                    continue
        return taken

    def free(self):
        (self.data / FILLER).unlink(missing_ok=True)

    def state(self):
        return super().state() | {"socket": str(self.socket), "driver": self.driver,
                                  "data": str(self.data)}


class Docker(Engine):
    name = "docker"

    def command(self):
        config = self.home / "daemon.json"
        write(config, "{}")
        network = ["--bridge=none", "--iptables=false", "--ip-forward=false", "--ip-masq=false"]
        return ["dockerd", "--config-file", config, "-H", f"unix://{self.socket}",
                "--data-root", self.data, "--exec-root", self.home / "exec",
                "--pidfile", self.home / "pid", "--storage-driver", self.driver,
                "--exec-opt", "native.cgroupdriver=cgroupfs",
                "--cgroup-parent", f"/{self.directory.name}",
                "--ip6tables=false", "--shutdown-timeout=3", *([] if self.has_network else network)]


class Podman(Engine):
    name = "podman"
    registry = None  # its address, which speaks plain HTTP

    # crun 1.8.1 refuses hybrid control groups. Without CAP_SYS_RESOURCE the default limits fail; the
    # compatible API of 4.3 takes soft for hard limits, so both are the same. In the machine's own
    # network it finds no plug-in with which it could make a bridge there.
    def command(self):
        plugins = pathlib.Path("/usr/lib/cni")
        if not self.has_network:
            plugins = self.home / "no-plugins"
            plugins.mkdir(exist_ok=True)
        write(self.home / "containers.conf",
              f'[containers]\nnetns = "{"bridge" if self.has_network else "none"}"\n'
              'default_ulimits = ["nofile=4096:4096", "nproc=4096:4096"]\n'
              '[engine]\nruntime = "runc"\ncgroup_manager = "cgroupfs"\nevents_logger = "file"\n'
              f'[network]\nnetwork_backend = "cni"\ncni_plugin_dirs = ["{plugins}"]\n')
        write(self.home / "storage.conf", f'[storage]\ndriver = "{self.driver}"\n'
              f'graphroot = "{self.data}"\nrunroot = "{self.home}/run"\n')
        text = 'unqualified-search-registries = []\n'
        if self.registry:
            text += f'[[registry]]\nlocation = "{self.registry}"\ninsecure = true\n'
        write(self.home / "registries.conf", text)
        return ["podman", "--root", self.data, "--runroot", self.home / "run",
                "--tmpdir", self.home / "libpod", "--storage-driver", self.driver,
                "--runtime", "runc", "--cgroup-manager", "cgroupfs",
                "--network-config-dir", self.home / "networks",
                "system", "service", "-t", "0", f"unix://{self.socket}"]

    def environment(self):
        return super().environment() | {
            "CONTAINERS_CONF": str(self.home / "containers.conf"),
            "CONTAINERS_STORAGE_CONF": str(self.home / "storage.conf"),
            "CONTAINERS_REGISTRIES_CONF": str(self.home / "registries.conf")}

    def wait_ready(self, reap, seconds=30):
        super().wait_ready(reap, seconds)
        # As podman.socket of systemd has it, of a group to whom its administrator gave it: a server
        # that has given up root reaches it as it reaches Docker's.
        with contextlib.suppress(KeyError):
            os.chown(self.socket, -1, grp.getgrnam("docker").gr_gid)
        self.socket.chmod(0o660)


class Registry(Daemon):
    name = "registry"
    address = None

    def command(self):
        config = self.home / "config.yml"
        write(config, json.dumps({
            "version": "0.1", "log": {"level": "info", "accesslog": {"disabled": True}},
            "storage": {"filesystem": {"rootdirectory": str(self.home / "root")},
                        "delete": {"enabled": True}},
            "http": {"addr": self.address or "127.0.0.1:0"}}))
        return ["docker-registry", "serve", config]

    def is_ready(self):
        """The system chose the port; the log tells it."""
        said = re.findall(r"listening on (127\.0\.0\.1:\d+)", self.log.read_text(errors="replace"))
        if said:
            self.address = said[-1]
        return bool(said)

    def state(self):
        return super().state() | {"address": self.address}


def tails(directory, lines=30):
    """The ends of all logs, for who looks why something failed."""
    text = ""
    for log in sorted(pathlib.Path(directory).glob("*.log")):
        rows = [row for row in log.read_text(errors="replace").splitlines()
                if "[core]" not in row and "loading plugin" not in row]
        text += f"---- the end of {log.name}\n" + "\n".join(rows[-lines:]) + "\n"
    return text
