#!/usr/bin/env python3
"""The supervisor of the engines of one private directory. Started by with-engines in a mount namespace
of its own (and a network namespace, with --network). Prints one line of JSON when all serve, or
{"error": …}, and nothing after that. Ends, and ends all that it started, when its stdin closes and at
SIGTERM, SIGINT and SIGHUP.

Whatever daemons leave behind (shims, monitors, containers) becomes its child, so it finds all of it by
process id; mounts go with its namespace. If it is itself killed, the daemons die with it and the next
one to start clears up the rest (remains.sweep). One thread, but for loading images."""
import concurrent.futures
import fcntl
import json
import os
import pathlib
import selectors
import signal
import socket
import subprocess
import sys
import tempfile
import time

import api
import daemons
import images
import remains
import standins

PR_SET_CHILD_SUBREAPER = 36
SIGNALS = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGCHLD)


class Supervisor:
    def __init__(self, options):
        self.options = options
        self.daemons = {}
        daemons.libc.prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
        # A /run and shared memory of our own: system daemons, locks and sockets with fixed names are
        # neither found nor left.
        os.makedirs("/var/lib/cni", exist_ok=True)  # Podman's addresses
        for place, mode in (("/run", "755"), ("/dev/shm", "1777"), ("/var/lib/cni", "755")):
            subprocess.run(["mount", "-t", "tmpfs", "-o", f"mode={mode}", "tmpfs", place], check=True)
        if options["network"]:
            subprocess.run(["busybox", "ip", "link", "set", "lo", "up"], check=True)
        self.directory = pathlib.Path(
            tempfile.mkdtemp(prefix=remains.PREFIX, dir=remains.parent_directory()))
        self.directory.chmod(0o711)  # servers that gave up root reach the sockets
        self.lock = (self.directory / "unlocked").open("w")
        fcntl.flock(self.lock, fcntl.LOCK_EX)
        self.lock.write(os.readlink("/proc/self/ns/mnt"))
        self.lock.flush()
        (self.directory / "unlocked").rename(self.directory / "lock")  # which is never seen unlocked
        self.control = socket.socket(socket.AF_UNIX)
        self.control.bind(str(self.directory / "control.sock"))
        self.control.listen()

    def reap(self):
        """Ended children of ours and orphans of the daemons."""
        while True:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return
            if pid == 0:
                return
            for daemon in self.daemons.values():
                if daemon.pid == pid and daemon.exited is None:
                    daemon.exited = status

    def start(self):
        options = self.options
        if options["registry"]:  # first: Podman's configuration names its port
            self.daemons["registry"] = registry = daemons.Registry(self.directory)
            registry.start()
            registry.wait_ready(self.reap)
            daemons.Podman.registry = registry.address
        for kind in (daemons.Docker, daemons.Podman):
            if options[kind.name]:
                engine = self.daemons[kind.name] = kind(
                    self.directory, options["data_mib"], options["network"])
                engine.prepare()
                engine.start()
        for engine in self.engines():
            engine.wait_ready(self.reap)
        with concurrent.futures.ThreadPoolExecutor() as pool:
            list(pool.map(self.load, self.engines()))

    def engines(self):
        return [daemon for daemon in self.daemons.values() if isinstance(daemon, daemons.Engine)]

    def load(self, engine):
        for name, archive in self.options["archives"].items():
            engine.load_s[name] = api.load(str(engine.socket), pathlib.Path(archive), name)
        if self.options["standins"]:
            engine.load_s["stand-ins"] = api.load_pieces(str(engine.socket), standins.archive(), standins.names())

    def state(self):
        return {"directory": str(self.directory), "control": str(self.directory / "control.sock"),
                "pid": os.getpid(), "images": list(self.options["archives"]),
                **{name: daemon.state() for name, daemon in self.daemons.items()}}

    # What tests ask of one daemon; the answer is its state.
    def obey(self, request):
        do = request["do"]
        if do == "state":
            return self.state()
        daemon = self.daemons[request["of"]]
        more = {}
        if do == "kill":
            daemon.signal(signal.SIGKILL)
            daemon.wait_end(self.reap, 10)
        elif do == "pause":
            daemon.signal(signal.SIGSTOP)
        elif do == "resume":
            daemon.signal(signal.SIGCONT)
        elif do == "terminate":
            daemon.signal(signal.SIGTERM)
            if not daemon.wait_end(self.reap, 20):
                raise TimeoutError(f"{daemon.name} does not end")
        elif do == "start":
            if daemon.exited is None:
                raise RuntimeError(f"{daemon.name} runs")
            daemon.start()
            daemon.wait_ready(self.reap)
        elif do == "fill":
            more = {"taken": daemon.fill()}
        elif do == "free":
            daemon.free()
        else:
            raise RuntimeError(f"unknown request: {do}")
        return daemon.state() | more

    def answer(self, connection):
        """One request on one connection: a line of JSON each way."""
        with connection:
            connection.settimeout(5)
            with connection.makefile("rw") as stream:
                try:
                    reply = self.obey(json.loads(stream.readline()))
                except (KeyError, ValueError, RuntimeError, OSError) as error:
                    reply = {"error": f"{type(error).__name__}: {error}"}
                try:
                    stream.write(json.dumps(reply) + "\n")
                    stream.flush()
                except OSError:
                    pass  # who asked is gone

    def serve(self, wakeup):
        with selectors.DefaultSelector() as selector:
            selector.register(self.control, selectors.EVENT_READ, "control")
            selector.register(wakeup, selectors.EVENT_READ, "signal")
            selector.register(sys.stdin.fileno(), selectors.EVENT_READ, "lifeline")
            while True:
                for key, _ in selector.select():
                    if key.data == "control":
                        self.answer(self.control.accept()[0])
                    elif key.data == "signal":
                        signals = set(os.read(wakeup, 64))
                        self.reap()
                        if signals - {signal.SIGCHLD}:
                            return
                    elif os.read(key.fd, 64) == b"":
                        return  # nobody needs us any more

    def stop(self):
        cgroups = remains.kill_all(lambda table: remains.descendants([os.getpid()], table), self.reap)
        remains.remove_cgroups(self.directory, cgroups | remains.cgroups_named(self.directory))
        remains.remove_directory(self.directory)


def main():
    wakeup, written = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
    for number in SIGNALS:
        signal.signal(number, lambda *_: None)
    signal.set_wakeup_fd(written, warn_on_full_buffer=False)
    supervisor = Supervisor(json.loads(sys.argv[1]))
    status = 0
    begin = time.monotonic()
    try:
        try:
            supervisor.start()
            say(supervisor.state() | {"ready_s": round(time.monotonic() - begin, 2)})
        except Exception as error:  # told to who waits, whatever it is
            status = 1
            text = f"{type(error).__name__}: {error}\n{daemons.tails(supervisor.directory)}"
            say({"error": text})
        else:
            supervisor.serve(wakeup)
    finally:
        supervisor.stop()
    sys.exit(status)


def say(reply):
    """The one line, after which nobody need read any more."""
    try:
        os.write(1, (json.dumps(reply) + "\n").encode())
    except OSError:
        pass
    nothing = os.open("/dev/null", os.O_WRONLY)
    os.dup2(nothing, 1)
    os.close(nothing)


if __name__ == "__main__":
    main()
