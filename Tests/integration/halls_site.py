# SPDX-License-Identifier: Apache-2.0
"""A whole site of its own for a test: nginx, chat-fcgi and chat-push in a temporary folder, on a free port."""

import os
import pathlib
import shutil
import signal
import socket
import subprocess
import tempfile
import time

import requests
import socketio

ROOT = pathlib.Path(__file__).resolve().parents[2]
BIN = pathlib.Path(os.environ.get("HALLS_BIN") or ROOT / ".build/release").resolve()
PASSWORD = "correct horse battery staple"
NGINX = shutil.which("nginx", path=os.environ["PATH"] + ":/usr/sbin:/sbin")


def free_port():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


def wait_until(condition, seconds=10, what="the condition"):
    """Waits until `condition()` is true and returns what it returned."""
    deadline = time.monotonic() + seconds
    while not (result := condition()):
        assert time.monotonic() < deadline, f"{what} did not come true within {seconds} s"
        time.sleep(0.02)
    return result


def clean_environment():
    """The environment without variables that would set flags of the programs."""
    return {name: value for name, value in os.environ.items() if not name.startswith("HALLS_")}


def render_nginx(folder, sockets, listen, environment=None):
    """Writes the configuration of `./chat run` into a folder, by `./chat` itself."""
    subprocess.run(
        [ROOT / "chat", "render-nginx", folder, sockets, listen],
        check=True, stdout=subprocess.DEVNULL, env=(environment or clean_environment()) | {"HALLS_BIN": str(BIN)},
    )  # fmt: skip


class Site:
    """nginx with both daemons. See conftest.py for how tests get one."""

    def __init__(self, flags=None, environment=None, server="", daemons=("chat-push", "chat-fcgi"), activated=False, secret="s3cret" * 6):
        """
        flags: of the daemons, as {"message-length-max": 100}; each goes to the programs by its environment variable,
            so that one that only the other daemon knows does no harm.
        environment: more variables for the daemons.
        server: nginx directives for the server block, e.g. the site's own login.
        daemons: which to start; a test with stand-ins starts none.
        activated: the test holds chat-fcgi's socket and hands it over as descriptor 0, as a systemd socket unit does.
        secret: by which the daemons know nginx; None for a site of before there was one.
        """
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="halls-"))
        self.port = free_port()
        self.host = f"127.0.0.1:{self.port}"
        self.url = f"http://{self.host}"
        self.database = self.folder / "halls.db"
        self.daemons = tuple(daemons)
        # Those of another version, for a test of an upgrade.
        self.programs = BIN
        self.processes = {}
        self.prefix = (flags or {}).get("prefix", "")
        self.environment = clean_environment() | (environment or {})
        for name, value in (flags or {}).items():
            self.environment["HALLS_" + name.upper().replace("-", "_")] = str(value)
        self.listener = None
        if activated:
            self.listener = socket.socket(socket.AF_UNIX)
            self.listener.bind(str(self.folder / "fcgi.sock"))
            self.listener.listen(1024)
        self.secret = secret
        if secret:
            (self.folder / "secret").write_text(secret + "\n")
            self.environment["HALLS_SECRET_FILE"] = str(self.folder / "secret")
        render_nginx(self.folder / "nginx", self.folder, self.host, self.environment)
        if server:
            config = self.folder / "nginx/nginx.conf"
            here = "include halls/halls.conf;"
            config.write_text(config.read_text().replace(here, server + "\n" + here))

    # --- Starting and ending -----------------------------------------------------------------------------------------

    def command(self, name):
        daemon = [self.programs / name, "--database", self.database, "--wake-socket", self.folder / "wake.sock"]
        return {
            # Two event loops, also where the default is one: what crosses from one to the other is tested, too.
            "chat-push": daemon + ["--listen", self.folder / "push.sock", "--event-loops", "2"],
            "chat-fcgi": daemon + ([] if self.listener else ["--listen", self.folder / "fcgi.sock"]),
            "nginx": [NGINX, "-p", f"{self.folder}/nginx/", "-c", "nginx.conf", "-e", "stderr",
                      "-g", "daemon off;"],
        }[name]  # fmt: skip

    def start(self, *names):
        """Starts nginx and the daemons, or those named, and waits until they answer."""
        names = names or (*self.daemons, "nginx")
        if "chat-push" in names or "chat-fcgi" in names:
            self.admin("migrate")
        for name in names:
            self.launch(name)
        for name in names:
            wait_until(lambda name=name: self.answers(name), what=f"an answer of {name}")
        return self

    def launch(self, name):
        """Starts a process without waiting for it."""
        stdin = self.listener if name == "chat-fcgi" and self.listener else subprocess.DEVNULL
        left_over = {"chat-push": ("push.sock", "wake.sock"), "chat-fcgi": () if self.listener else ("fcgi.sock",)}
        for file in left_over.get(name, ()):
            (self.folder / file).unlink(missing_ok=True)
        with open(self.log_path(name), "ab") as log:
            self.processes[name] = subprocess.Popen(
                # Nothing stays behind when pytest itself is killed.
                ["setpriv", "--pdeathsig", "KILL", *map(str, self.command(name))],
                stdin=stdin, stdout=log, stderr=log, env=self.environment, start_new_session=True,
            )  # fmt: skip

    def answers(self, name):
        status = self.processes[name].poll()
        assert status is None, f"{name} ended with {status}: {self.log(name)}"
        if "nginx" not in self.processes:
            return (self.folder / f"{name.removeprefix('chat-')}.sock").exists()
        path = {"chat-push": f"{self.prefix}/socket.io/", "chat-fcgi": f"{self.prefix}/chat/health", "nginx": "/"}[name]
        try:
            return requests.get(self.url + path, allow_redirects=False, timeout=5).status_code < 500
        except requests.ConnectionError:
            return False

    def stop(self, name, seconds=15):
        """Ends a process by SIGTERM and returns its exit status."""
        return self.end(name, signal.SIGTERM, seconds)

    def kill(self, name):
        """Ends a process by SIGKILL, as a crash or the kernel would."""
        return self.end(name, signal.SIGKILL, 5)

    def end(self, name, number, seconds):
        process = self.processes.pop(name)
        process.send_signal(number)
        try:
            return process.wait(seconds)
        finally:
            # Whoever does not end in time fails the test, but does not stay; nor do workers of a killed nginx.
            try:
                os.killpg(process.pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
            process.wait()

    def restart(self, name):
        """SIGTERM, then a fresh start; returns the exit status of the old process."""
        status = self.stop(name)
        self.start(name)
        return status

    def pid(self, name):
        return self.processes[name].pid

    def close(self):
        """Ends everything and removes the folder."""
        for name in list(self.processes):
            self.kill(name)
        if self.listener:
            self.listener.close()
        shutil.rmtree(self.folder)

    # --- Looking inside ----------------------------------------------------------------------------------------------

    def log_path(self, name):
        return self.folder / f"{name}.log"

    def log(self, name):
        path = self.log_path(name)
        return path.read_text(errors="replace") if path.exists() else ""

    def admin(self, *arguments, check=True, **options):
        """Runs chat-admin on the site's database and returns the finished process, with its output as text."""
        assert (self.programs / "chat-admin").exists(), f"{self.programs} holds no programs; './chat build' makes them"
        here = {"HALLS_DATABASE": str(self.database), "HALLS_WAKE_SOCKET": str(self.folder / "wake.sock")}
        environment = self.environment | here
        done = subprocess.run(
            [self.programs / "chat-admin", *map(str, arguments)], env=environment, text=True, capture_output=True, **options
        )
        assert not check or done.returncode == 0, f"chat-admin {arguments}: {done.returncode} {done.stderr}"
        return done

    # --- Using it ----------------------------------------------------------------------------------------------------

    def get(self, path, **options):
        return requests.get(self.url + path, **({"timeout": 10, "allow_redirects": False} | options))

    def post(self, path, **options):
        return requests.post(self.url + path, **({"timeout": 10} | options))

    def raw(self, request, seconds=5):
        """Sends bytes as they are and returns the whole answer; for what a proper client would not send."""
        with socket.create_connection(("127.0.0.1", self.port), seconds) as connection:
            connection.sendall(request)
            answer = b""
            while part := connection.recv(65536):
                answer += part
            return answer

    def person(self, username, password=PASSWORD):
        """Registers an account and returns its session."""
        session = SiteSession(self)
        answer = session.post("/chat/register", json={"username": username, "password": password})
        assert answer.status_code == 201, answer.text
        session.user = answer.json()["user"]
        return session


def token_of(session):
    """The token of a person's session, whatever its cookie is called."""
    (cookie,) = (cookie for cookie in session.cookies if cookie.name.removeprefix("__Host-").startswith("halls_"))
    return cookie.value


class SiteSession(requests.Session):
    """A browser's session: paths instead of addresses, the site's Origin, its cookies; `user` once registered."""

    def __init__(self, site):
        super().__init__()
        self.site = site
        self.user = None
        self.headers["Origin"] = site.url

    def request(self, method, url, **options):
        if url.startswith("/"):
            url = self.site.url + url
        return super().request(method, url, **({"timeout": 10} | options))

    def socket(self, connect=True, **options):
        """A Socket.IO client of this session; `transports=["polling"]` and the like go to its connect()."""
        client = socketio.Client(http_session=self, reconnection=options.pop("reconnection", False))
        if connect:
            client.connect(self.site.url, **({"wait_timeout": 10} | options))
        return client
