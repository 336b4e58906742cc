# SPDX-License-Identifier: Apache-2.0
"""What is measured, each in a temporary folder: the site with its daemons, or the floor in its place."""

import os
import pathlib
import shutil
import signal
import socket
import subprocess
import tempfile
import time
import urllib.error
import urllib.request

from measure import LOAD_CORE, SERVER_CORE, family
from seed import Seed

ROOT = pathlib.Path(__file__).resolve().parents[1]
NGINX = shutil.which("nginx", path=os.environ["PATH"] + ":/usr/sbin:/sbin")
START_SECONDS_MAX = 20
STOP_SECONDS_MAX = 20
# The bounds of the daemons that thousands of busy members from one address would meet.
RAISED = {
    name: "1000000"
    for name in (
        "connections-max", "connections-per-address-max", "handshakes-per-second", "sends-per-second",
        "joins-per-second", "events-per-second", "reads-per-second",
    )
}  # fmt: skip


class Failure(Exception):
    """The benchmark is worth nothing; the sentence says why."""


def free_port():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


def environment(flags):
    """The environment without variables that set flags of the programs, and with these flags."""
    clean = {name: value for name, value in os.environ.items() if not name.startswith("HALLS_")}
    return clean | {"HALLS_" + name.upper().replace("-", "_"): str(value) for name, value in flags.items()}


def programs():
    """Where `./chat` finds the programs, if that was said."""
    return {name: value for name, value in os.environ.items() if name == "HALLS_BIN"}


class Place:
    """A temporary folder and the processes that work in it; all of them end with its `with`."""

    def __init__(self):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="halls-bench-"))
        self.processes = {}
        self.push_socket = self.folder / "push.sock"  # where nginx looks for chat-push
        self.push_port = free_port()
        self.port = free_port()
        self.entrance = self.push_port  # where the members come in

    def __enter__(self):
        return self

    def __exit__(self, *error):
        for name in list(self.processes):
            self.stop(name)
        shutil.rmtree(self.folder, ignore_errors=True)

    def launch(self, name, command, core, flags=None):
        """Starts a process that stays on a core, and ends when this one does, whatever ends it."""
        with open(self.folder / f"{name}.log", "ab") as log:
            self.processes[name] = subprocess.Popen(
                ["taskset", "-c", str(core), "setpriv", "--pdeathsig", "KILL", *map(str, command)],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=environment(flags or {}),
            )  # fmt: skip

    def pid(self, name):
        return self.processes[name].pid

    def stop(self, name):
        process = self.processes.pop(name)
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(STOP_SECONDS_MAX)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()

    def wait_until(self, ready, name):
        """Waits until `ready()`, and fails with the last words of the process when that does not come."""
        deadline = time.monotonic() + START_SECONDS_MAX
        while not ready():
            if self.processes[name].poll() is not None or time.monotonic() > deadline:
                log = (self.folder / f"{name}.log").read_text(errors="replace")[-1000:]
                raise Failure(f"{name} does not answer: {log}")
            time.sleep(0.001)


    def run(self, command):
        done = subprocess.run([*map(str, command)], env=environment({}) | programs(), capture_output=True, text=True)
        if done.returncode:
            raise Failure(f"{command[0]}: {done.stderr}")

    def start_nginx(self, core=LOAD_CORE):
        self.run([ROOT / "chat", "render-nginx", self.folder / "nginx", self.folder, f"127.0.0.1:{self.port}"])
        self.launch("nginx", [NGINX, "-p", f"{self.folder}/nginx/", "-c", "nginx.conf", "-e", "stderr",
                              "-g", "daemon off;"], core)  # fmt: skip
        self.wait_until(lambda: self.get("/")[0] == 302, "nginx")

    def put_behind_nginx(self):
        """From now on the members come in through nginx, which is measured with the server and shares its core."""
        self.start_nginx(SERVER_CORE)
        self.entrance = self.port

    def pids(self):
        """All processes, with the workers of nginx."""
        return [pid for process in self.processes.values() for pid in family(process.pid)]

    def get(self, path, **headers):
        """Asks nginx: the status (None where nobody answers), the headers and the body."""
        return _get(f"http://127.0.0.1:{self.port}{path}", headers)


class Site(Place):
    """nginx and the daemons on a database of their own."""

    def __init__(self, programs, flags=None):
        super().__init__()
        self.programs = pathlib.Path(programs)
        self.flags = RAISED | (flags or {})
        self.database = self.folder / "halls.db"

    def seed(self):
        """Makes the database, for whoever fills it before a daemon is started."""
        self.run([self.programs / "chat-admin", "migrate", "--database", self.database])
        return Seed(self.database)

    def start_push(self):
        self.launch("chat-push", [self.programs / "chat-push", *self._common(), "--listen",
                                  f"127.0.0.1:{self.push_port},{self.push_socket}"], SERVER_CORE, self.flags)  # fmt: skip
        self.wait_until(self.push_answers, "chat-push")

    def start_fcgi(self):
        self.launch("chat-fcgi", [self.programs / "chat-fcgi", *self._common(), "--listen", self.folder / "fcgi.sock"],
                    SERVER_CORE, self.flags)  # fmt: skip
        self.wait_until(lambda: self.get("/chat/health")[0] == 200, "chat-fcgi")

    def start_fcgi_floor(self, program, answer):
        """Puts the floor into the place of chat-fcgi; it says what chat-fcgi said."""
        (self.folder / "answer").write_bytes(answer)
        (self.folder / "fcgi.sock").unlink(missing_ok=True)
        self.launch("floor", [program, self.folder / "fcgi.sock", self.folder / "answer"], SERVER_CORE)
        self.wait_until(lambda: self.get("/chat/health")[0] == 200, "floor")

    def stop_fcgi(self, name):
        self.stop(name)
        (self.folder / "fcgi.sock").unlink(missing_ok=True)

    def _common(self):
        return ["--database", self.database, "--wake-socket", self.folder / "wake.sock", "--log-level", "warning"]

    def push_answers(self):
        url = f"http://127.0.0.1:{self.push_port}/socket.io/?EIO=4&transport=polling"
        return _get(url, {})[0] == 200


class Floor(Place):
    """The C program that only does the system calls, in the place of chat-push."""

    def __init__(self, program, mode):
        super().__init__()
        self.program = program
        self.mode = mode

    def start(self):
        self.launch("floor", [self.program, self.push_port, self.mode], SERVER_CORE)
        self.wait_until(lambda: _takes_connections(self.push_port), "floor")

    def start_on_socket(self):
        """For nginx, which comes over the unix socket, as it does to chat-push."""
        self.launch("floor", [self.program, self.push_socket, self.mode], SERVER_CORE)
        self.wait_until(self.push_socket.exists, "floor")


def _takes_connections(port):
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_):
        return None


# Without the proxies of the environment: everything here is on this machine.
_opener = urllib.request.build_opener(_NoRedirect, urllib.request.ProxyHandler({}))


def _get(url, headers):
    try:
        with _opener.open(urllib.request.Request(url, headers=headers), timeout=10) as answer:
            return answer.status, answer.headers, answer.read()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.headers, error.read()
    except OSError:
        return None, {}, b""
