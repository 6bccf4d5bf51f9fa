"""The few requests that tests make of an engine themselves: HTTP over its unix socket.

Errors: OSError (nobody listens, a time-out), http.client.HTTPException, Refused."""
import http.client
import json
import socket
import time


class Refused(Exception):
    """The engine answered with an error; its words."""


class Connection(http.client.HTTPConnection):
    def __init__(self, path, timeout_s):
        super().__init__("engine", timeout=timeout_s)
        self.path = path

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_CLOEXEC)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self.path)


def ask(path, method, target, body=None, headers=None, timeout_s=10):
    """Status and body of one exchange; `body` may be an open file."""
    connection = Connection(path, timeout_s)
    try:
        connection.request(method, target, body=body, headers=headers or {})
        reply = connection.getresponse()
        return reply.status, reply.read()
    finally:
        connection.close()


def answers(path, timeout_s=2):
    """Whether the engine behind the socket serves requests now."""
    try:
        return ask(path, "GET", "/_ping", timeout_s=timeout_s)[0] == 200
    except (OSError, http.client.HTTPException):
        return False


def load(path, archive, name):
    """Gives the engine an archive as `docker save` writes it and looks whether the image is there.
    Returns the seconds that took."""
    begin = time.monotonic()
    size = archive.stat().st_size
    with archive.open("rb") as tar:
        status, body = ask(path, "POST", "/images/load", tar,
                           {"Content-Type": "application/x-tar", "Content-Length": str(size)}, 120)
    check_loaded(path, [name], status, body)
    return round(time.monotonic() - begin, 2)


def load_pieces(path, pieces, names):
    """The same of an archive of several images that comes in pieces."""
    begin = time.monotonic()
    status, body = ask(path, "POST", "/images/load", pieces, {"Content-Type": "application/x-tar"}, 500)
    check_loaded(path, names, status, body)
    return round(time.monotonic() - begin, 2)


def check_loaded(path, names, status, body):
    words = body.decode("utf-8", "replace")
    if status != 200 or '"errorDetail"' in words:
        raise Refused(f"{path}: loading {names}: {status} {words[-500:]}")
    for name in names:
        status, body = ask(path, "GET", f"/images/{name}/json")
        if status != 200:
            raise Refused(f"{path}: no image {name} after loading it: {status} {body[:300]!r}")
        json.loads(body)
