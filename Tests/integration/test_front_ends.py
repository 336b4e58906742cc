# SPDX-License-Identifier: Apache-2.0
"""Each configuration that `chat-admin site` prints, with the real web server, below a folder of the host and at its root.

nginx is there in any case; `./chat test --front-ends` brings the others.
"""

import base64
import concurrent.futures
import json
import os
import re
import subprocess
import threading
import types
import urllib.parse

import engineio
import pytest
import requests
import websocket
from playwright.sync_api import expect

import flask_site
from browsing import CHROMIUM
from halls_site import NGINX, PASSWORD, ROOT, Site, SiteSession, wait_until
from listener import Listener, contents, unique
from standins import FastCGIStandIn, PushStandIn
from test_nginx import SECURITY_HEADERS
from test_own_login import snippet

SERVERS = {"nginx": NGINX, "apache": "/usr/sbin/apache2", "lighttpd": "/usr/sbin/lighttpd", "caddy": "/usr/bin/caddy"}
# The way of a login of the site's own that each has.
KINDS = [
    (server, prefix, login)
    for server, own in (("nginx", "check"), ("apache", "basic"), ("lighttpd", "basic"), ("caddy", "check"))
    for prefix in ("", "/community")
    for login in ("none", own)
] + [("nginx", "/community", "basic"), ("caddy", "/a/b.c/chat", "basic"), ("apache", "/chat", "remote-user")]
APACHE = """
ServerRoot {folder}
PidFile {folder}/httpd.pid
DefaultRuntimeDir {folder}
Listen {host}
ServerName localhost
{modules}
{user}
TypesConfig /etc/mime.types
ErrorLog {folder}/error.log
<Directory />
  Require all denied
</Directory>
"""
MODULES = "mpm_event authn_core authz_core alias deflate filter headers mime proxy proxy_fcgi proxy_http proxy_wstunnel auth_basic " \
          "authn_file authz_user authz_host expires"  # fmt: skip
REMOTE_USER = """
<Location "/chat/">
  AuthType Basic
  AuthName "Theirs"
  AuthUserFile "{passwords}"
  Require valid-user
</Location>
"""


class FrontSite(Site):
    """A site with another web server in the place of `./chat run`'s nginx, which is called so here all the same."""

    def __init__(self, server, prefix="", login="none", flags=None, **options):
        self.server = server
        auth = "accounts" if login == "none" else "site"
        super().__init__(flags={"prefix": prefix, "auth": auth, "logins-per-address": 100_000} | (flags or {}), **options)
        self.own = self.folder / "server"
        self.own.mkdir()
        subprocess.run([ROOT / "chat", "page", self.folder / "page"], check=True)
        (self.folder / "passwords").write_text(self.passwords())
        how = {"basic": f"basic:{self.folder}/passwords"}.get(login, login)
        self.folder.chmod(0o755)
        self.configure("--login", how)

    def passwords(self):
        if self.server == "caddy":
            return "".join(
                f"{name} " + subprocess.run(["caddy", "hash-password", "--plaintext", "right"], check=True, capture_output=True,
                                            text=True).stdout for name in ("ana", "ben"))  # fmt: skip
        word = subprocess.run(["openssl", "passwd", "-apr1", "right"], check=True, capture_output=True, text=True).stdout
        return f"ana:{word}ben:{word}"

    def configure(self, *words):
        """Prints the configuration into the server's folder, and what else is needed for a server of one's own."""
        done = self.admin(
            "site", self.server, "--host", "127.0.0.1", "--listen", self.host, "--sockets", self.folder,
            "--page", self.folder / "page/site", "--into", self.own, *words,
        )  # fmt: skip
        self.said = done.stdout
        root = os.geteuid() == 0
        names = {"folder": self.own, "host": self.host, "passwords": self.folder / "passwords"}
        if self.server == "nginx":
            (self.own / "server.conf").write_text(
                f"pid nginx.pid; worker_processes 2; {'user root root;' if root else ''} events {{}} http {{ access_log off;"
                + "".join(f"{kind}_temp_path {kind};" for kind in ("client_body", "proxy", "fastcgi", "scgi", "uwsgi"))
                + "include halls/site.conf; }"
            )
        elif self.server == "apache":
            modules = "\n".join(f"LoadModule {name}_module /usr/lib/apache2/modules/mod_{name}.so" for name in MODULES.split())
            text = APACHE.format(modules=modules, user="User www-data\nGroup www-data" if root else "", **names)
            if "remote-user" in words:
                site = self.own / "halls/site.conf"
                site.write_text(site.read_text().replace("</VirtualHost>", REMOTE_USER.format(**names) + "</VirtualHost>"))
            (self.own / "server.conf").write_text(text + "Include halls/site.conf\n")
        elif self.server == "lighttpd":
            (self.own / "server.conf").write_text(
                f'server.bind = "127.0.0.1"\nserver.port = {self.port}\nserver.document-root = "{self.own}"\n'
                f'server.errorlog = "{self.own}/error.log"\nserver.upload-dirs = ("{self.own}")\ninclude "halls/site.conf"\n'
            )
            site = self.own / "halls/site.conf"
            # It listens there already.
            site.write_text(re.sub(r"^\$SERVER.*\n", "", site.read_text(), flags=re.M))
        else:
            (self.own / "server.conf").write_text("{\n admin off\n auto_https off\n}\nimport halls/site.caddy\n")

    def command(self, name):
        if name != "nginx":
            return super().command(name)
        config = self.own / "server.conf"
        return {
            "nginx": [NGINX, "-p", f"{self.own}/", "-c", config, "-e", "stderr", "-g", "daemon off;"],
            "apache": [SERVERS["apache"], "-f", config, "-DFOREGROUND"],
            "lighttpd": [SERVERS["lighttpd"], "-D", "-f", config],
            "caddy": [SERVERS["caddy"], "run", "--adapter", "caddyfile", "--config", config],
        }[self.server]

    def launch(self, name):
        before = self.environment
        if name == "nginx" and self.server == "caddy":
            secret = dict([(self.own / "halls/secret.env").read_text().strip().split("=")])
            home = {"HOME": str(self.own), "XDG_DATA_HOME": str(self.own), "XDG_CONFIG_HOME": str(self.own)}
            self.environment = self.environment | secret | home
        if name != "nginx" and os.geteuid() == 0:
            # The web server is somebody else, as it is on a machine of one's own.
            self.environment = self.environment | {"HALLS_SOCKET_MODE": "0666"}
        super().launch(name)
        self.environment = before

    def log(self, name):
        more = self.own / "error.log"
        return super().log(name) + (more.read_text(errors="replace") if name == "nginx" and more.exists() else "")


class Person(SiteSession):
    """A session whose paths lie below the prefix; a connection for each request, so that none closes just as it is taken again."""

    def __init__(self, site):
        super().__init__(site)
        self.headers["Connection"] = "close"

    def request(self, method, url, **options):
        return super().request(method, self.site.prefix + url if url.startswith("/") else url, **options)

    def listen(self, hall=None, transports=("websocket",)):
        headers = {"Cookie": "; ".join(f"{cookie.name}={cookie.value}" for cookie in self.cookies)}
        if self.auth:
            headers["Authorization"] = "Basic " + base64.b64encode(":".join(self.auth).encode()).decode()
        listener = Listener(self, transports=list(transports), headers=headers, connect=False)
        listener._options["socketio_path"] = f"{self.site.prefix}/socket.io".lstrip("/")
        listener.connect()
        if hall:
            assert listener.join(hall)["ok"]
        return listener


def needs(server):
    if server != "nginx" and not os.environ.get("HALLS_FRONT_ENDS"):
        pytest.skip(f"{server} is tested by './chat test --front-ends'")


@pytest.fixture(scope="module")
def theirs():
    """The site with its login, to which the front ends send their question."""
    app = flask_site.make_app(snippet("python", "/check"))
    with flask_site.served(app) as port:
        yield port


@pytest.fixture(scope="module", params=KINDS, ids=lambda kind: " ".join(filter(None, kind)))
def front(request, theirs):
    server, prefix, login = request.param
    needs(server)
    how = f"check:http://127.0.0.1:{theirs}/check" if login == "check" else login
    flags = {"ping-interval": 1000, "ping-timeout": 3000}
    site = FrontSite(server, prefix, how, flags)
    site.login, site.theirs = login, theirs
    try:
        yield site.start()
    finally:
        for name in ("nginx", "chat-fcgi", "chat-push"):
            print(f"--- {name}\n{site.log(name)[-3000:]}")
        site.close()


def person(front, name):
    """Somebody who is signed in, in the way of this site."""
    one = Person(front)
    if front.login == "none":
        account = {"username": unique(name), "password": PASSWORD}
        assert one.post("/chat/register", json=account).status_code == 201
        assert one.post("/chat/login", json=account).status_code == 200
    elif front.login == "check":
        answer = requests.post(f"http://127.0.0.1:{front.theirs}/login", data={"name": name, "password": "right"},
                               allow_redirects=False, timeout=10)  # fmt: skip
        one.cookies.update(answer.cookies)
    else:
        one.auth = (name, "right")
    one.user = one.get("/chat/session").json()["user"]
    assert one.user["username"].startswith(name)
    return one


@pytest.fixture
def pair(front):
    ana, ben = person(front, "ana"), person(front, "ben")
    answer = ana.post("/chat/halls", json={"name": unique("Hall ")})
    assert answer.status_code == 201, answer.text
    hall = answer.json()["hall"]
    assert ben.post("/chat/halls/join", json={"hall_id": hall["id"]}).status_code == 200
    return ana, ben, hall


def assert_secure(answer):
    for name, value in SECURITY_HEADERS.items():
        assert answer.headers.get(name) == value, (answer.url, name, answer.headers.get(name))


def test_the_page_and_each_of_its_files_is_there(front):
    one = Person(front)
    one.auth = ("ana", "right") if front.login in ("basic", "remote-user") else None
    html = one.get("/chat.html")
    names = set(re.findall(r'(?:src|href)="([^"#]+)"', html.text))
    assert len(names) > 20
    types = {".html": "text/html", ".css": "text/css", ".js": "text/javascript", ".svg": "image/svg+xml"}
    for name in ["chat.html", *sorted(names)]:
        answer = one.get(urllib.parse.urljoin("/chat.html", name))
        assert answer.status_code == 200, name
        kind = types[os.path.splitext(name)[1]]
        assert answer.headers["Content-Type"] in (kind, f"{kind}; charset=utf-8"), name
        assert answer.text.isascii() or "utf-8" in answer.headers["Content-Type"], name
        caching = "no-cache" if name in ("chat.html", "static/halls/theme.css") else "public, max-age=31536000, immutable"
        assert answer.headers["Cache-Control"] == caching, name
        assert_secure(answer)
        # What is as small as the site's own style sheet at first is not worth it to some.
        if kind != "image/svg+xml" and len(answer.content) > 1000:
            assert answer.headers["Content-Encoding"] == "gzip", name
        again = one.get(urllib.parse.urljoin("/chat.html", name), headers={"If-None-Match": answer.headers["ETag"]})
        assert again.status_code == 304, name
        assert_secure(again)
    folder = re.search(r'src="(static/halls/[0-9a-f]{16})/', html.text)[1]
    # What has a fixed address is asked for each time.
    fixed = one.get("/static/halls/embed.js")
    assert (fixed.status_code, fixed.headers["Cache-Control"]) == (200, "no-cache")
    assert_secure(fixed)
    for path in (f"/{folder}/js/absent.js", f"/{folder}/js/", "/static/halls/", "/package.json", "/chat.htmlx", f"/{folder}/js/chat.js/x"):
        answer = one.get(path, allow_redirects=False)
        assert answer.status_code in (403, 404), path
        assert "immutable" not in answer.headers.get("Cache-Control", ""), path
    if front.prefix:
        for path in ("/chat.html", "/static/halls/", "/chat/health", "/socket.io/?EIO=4&transport=polling"):
            assert not front.get(path, auth=one.auth).ok, path
        assert front.get(front.prefix + "/").headers["Location"].endswith(f"{front.prefix}/chat.html")
    assert front.get("/").headers["Location"].endswith(f"{front.prefix}/chat.html")


def test_two_people_talk_by_rest_and_over_sockets(front, pair):
    ana, ben, hall = pair
    for transport in ("polling", "websocket"):
        listeners = [ana.listen(hall, [transport]), ben.listen(hall, [transport])]
        for number in range(3):
            assert listeners[0].say(hall, f"{transport} {number}")["username"] == ana.user["username"]
        wait_until(lambda: contents(listeners[1].messages) == [f"{transport} {number}" for number in range(3)])
        said = ben.post(f"/chat/messages/{hall['id']}", json={"content": f"rest {transport}"})
        assert said.status_code == 201, said.text
        wait_until(lambda: contents(listeners[0].messages)[-1] == f"rest {transport}")
        for listener in listeners:
            assert listener.transport == transport
            listener.close()
    history = ben.get(f"/chat/messages/{hall['id']}")
    assert len(history.json()["messages"]) == 8
    assert history.headers["Content-Encoding"] == "gzip"
    assert_secure(history)
    assert ben.get(f"/chat/messages/{hall['id']}", headers={"If-None-Match": history.headers["ETag"]}).status_code == 304
    assert_secure(ben.get("/chat/absent"))
    assert_secure(ben.get("/socket.io/?EIO=4&transport=polling"))


def test_bodies_come_whole_in_chunks_and_one_that_is_too_large_is_413(front, pair):
    ana, _, hall = pair
    text = "x" * 3000
    said = ana.post(f"/chat/messages/{hall['id']}", data=iter([b'{"content": "', text.encode(), b'"}']),
                    headers={"Content-Type": "application/json"})  # fmt: skip
    assert (said.status_code, said.json()["message"]["content"]) == (201, text)
    for size in (100_000, 300_000):
        answer = ana.post(f"/chat/messages/{hall['id']}", data=b"x" * size, headers={"Content-Type": "application/json"})
        assert answer.status_code == 413, size
        if size == 100_000 or front.server != "lighttpd":
            assert_secure(answer)
            assert answer.headers["Content-Type"] == "application/problem+json"
            assert answer.json()["code"] == "too_large"


def test_an_idle_socket_stays_open_over_many_pings(front, pair):
    ana, ben, hall = pair
    idle = ben.listen(hall)
    pings = []
    answer = idle.client.eio._send_packet
    idle.client.eio._send_packet = lambda packet: (pings.append(packet.packet_type), answer(packet))
    wait_until(lambda: pings.count(engineio.packet.PONG) >= 4, 15)
    assert ana.listen(hall).say(hall, "still there?")["rev"] == 1
    wait_until(lambda: contents(idle.messages) == ["still there?"])
    assert (idle.connected, idle.disconnected) == (1, 0)
    idle.close()


def test_a_restart_under_load_loses_nothing_that_was_acknowledged_and_repeats_nothing(front, pair):
    ana, ben, hall = pair
    said, over = [], threading.Event()

    def talk(number):
        one = Person(front)
        one.cookies.update(ana.cookies)
        one.auth = ana.auth
        count = 0
        while not over.is_set():
            count += 1
            text = f"{number} {count}"
            try:
                answer = one.post(f"/chat/messages/{hall['id']}", json={"content": text})
            except requests.ConnectionError:
                continue
            assert answer.status_code in (201, 429, 502, 503, 504), answer.text
            if answer.status_code == 201:
                said.append(text)

    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        talking = [pool.submit(talk, number) for number in range(4)]
        try:
            for name in ("chat-fcgi", "chat-push", "chat-fcgi"):
                before = len(said)
                wait_until(lambda before=before: len(said) > before + 5, 20)
                front.restart(name)
            before = len(said)
            wait_until(lambda: len(said) > before + 5, 20)
        finally:
            over.set()
        for each in talking:
            each.result(30)
    kept, rev = [], 0
    while page := ben.get(f"/chat/messages/{hall['id']}?since_rev={rev}&limit=200").json()["messages"]:
        kept += contents(page)
        rev = page[-1]["rev"]
    assert len(kept) == len(set(kept)), "a POST was repeated"
    assert set(said) <= set(kept), "an acknowledged message is gone"
    assert ben.listen(hall).is_connected


# --- Who it is -------------------------------------------------------------------------------------------------------

LIES = {
    "X-Remote-User": "admin", "X_Remote_User": "admin", "Remote-User": "admin", "REMOTE_USER": "admin", "X-User": "admin",
    "X-Real-IP": "10.9.9.9", "X_Real_IP": "10.9.9.9", "X-Halls-Secret": "w" * 36, "X_Halls_Secret": "w" * 36,
    "HALLS_SECRET": "w" * 36, "Halls-Secret": "w" * 36, "HALLS_HANDLE": "admin", "Halls-Handle": "admin", "Halls-Name": "admin",
    "X-Remote-Handle": "admin", "X-Remote-Name": "admin", "X-Handle": "admin", "X-Forwarded-Proto": "https",
    "X-Expires": "9999999999", "X-Halls-Expires": "9999999999", "X_Halls_Expires": "9999999999", "HALLS_EXPIRES": "9999999999",
}  # fmt: skip


@pytest.mark.parametrize("login", ["none", "site"])
@pytest.mark.parametrize("server", SERVERS)
def test_a_client_cannot_say_who_it_is(server, login, theirs, request):
    needs(server)
    own = {kind[0]: kind[2] for kind in KINDS[:16]}[server] if login == "site" else "none"
    site = FrontSite(server, "/community", f"check:http://127.0.0.1:{theirs}/check" if own == "check" else own, daemons=())
    request.addfinalizer(site.close)
    site.login, site.theirs = own, theirs
    with FastCGIStandIn(site.folder / "fcgi.sock") as fcgi, PushStandIn(site.folder / "push.sock") as push:
        for stand_in in (fcgi, push):
            os.chmod(stand_in.path, 0o666)
        site.start()
        one = Person(site)
        user = ""
        if own == "check":
            answer = requests.post(f"http://127.0.0.1:{theirs}/login", data={"name": "ana", "password": "right"},
                                   allow_redirects=False, timeout=10)  # fmt: skip
            one.cookies.update(answer.cookies)
            user = "\\d+"
        elif own == "basic":
            one.auth, user = ("ana", "right"), "ana"
        nobody = Person(site)
        for who, expected in [(one, user), *([(nobody, "")] if own != "basic" else [])]:
            if own == "none":
                who.auth = ("admin", "guess")
            asked = who.get("/chat/halls?x=1", headers=LIES)
            params = asked.json()["params"]
            assert re.fullmatch(expected, params.get("REMOTE_USER", "")), params
            assert params["REMOTE_ADDR"] == "127.0.0.1"
            assert params["HALLS_SECRET"] == site.secret
            assert params["REQUEST_URI"] == "/community/chat/halls?x=1"
            assert params["HTTP_HOST"] == site.host
            assert "admin" not in (params.get("HALLS_HANDLE", ""), params.get("HALLS_NAME", ""))
            assert params.get("HTTPS", "") in ("", "off")
            headers = who.get("/socket.io/?EIO=4&transport=polling", headers=LIES).json()["headers"]
            told(headers, site, expected)
            cookies = "; ".join(f"{cookie.name}={cookie.value}" for cookie in who.cookies)
            words = LIES | ({"Cookie": cookies} if cookies else {})
            if who.auth:
                words["Authorization"] = "Basic " + base64.b64encode(":".join(who.auth).encode()).decode()
            opened = websocket.create_connection(
                f"ws://{site.host}/community/socket.io/?EIO=4&transport=websocket", header=words, timeout=5)  # fmt: skip
            told(json.loads(opened.recv())["headers"], site, expected)
            opened.close()
        if own == "basic":
            for path in ("/chat.html", "/chat/halls", "/socket.io/?EIO=4&transport=polling"):
                nobody.auth = ("admin", "guess")
                assert nobody.get(path, headers=LIES).status_code == 401, path
        assert site.secret not in (one.get("/chat.html").text + str(one.get("/chat.html").headers))
        # The file with the secret is root's alone.
        (secret,) = [path for path in site.own.rglob("*secret*") if path.is_file()]
        assert secret.stat().st_mode & 0o777 == 0o600 and site.secret in secret.read_text()
        others = [path for path in site.own.rglob("*") if path.is_file() and path != secret]
        assert len(others) >= 2 and not [path for path in others if site.secret in path.read_text(errors="replace")]


def told(headers, site, user):
    """What chat-push is told is the front end's alone."""
    assert re.fullmatch(user, headers.get("x-remote-user", "")), headers
    assert headers.get("x-halls-expires", "") == "", headers
    assert (headers["x-real-ip"], headers["x-halls-secret"]) == ("127.0.0.1", site.secret)
    assert headers["host"] == site.host
    assert headers["x-forwarded-proto"] == "http"


# --- Two chats of one nginx ------------------------------------------------------------------------------------------


@pytest.fixture
def two_chats():
    """A chat at /garden and one at /support, each with daemons and a database of its own, in one server block."""
    garden = FrontSite("nginx", "/garden")
    support = FrontSite("nginx", "/support")
    try:
        support.own, support.port, support.host, support.url = garden.own, garden.port, garden.host, garden.url
        done = support.admin("site", "nginx", "--instance", "support", "--sockets", support.folder, "--page",
                             support.folder / "page/site", "--into", garden.own)  # fmt: skip
        assert "halls-support/halls.conf" in done.stdout
        site = garden.own / "halls/site.conf"
        text = site.read_text().replace("include halls/halls.conf;", "include halls/halls.conf; include halls-support/halls.conf;")
        site.write_text("include halls-support/halls-upstreams.conf;\n" + text)
        for chat in (support, garden):
            chat.login = "none"
        support.start("chat-push", "chat-fcgi")
        yield garden.start(), support
    finally:
        support.close()
        garden.close()


def test_two_chats_of_one_nginx_have_nothing_to_do_with_each_other(two_chats):
    garden, support = two_chats
    ana, ben = person(garden, "ana"), Person(support)
    # One browser: the cookies are those of the host.
    ben.cookies = ana.cookies
    assert ben.get("/chat/session").json()["user"] is None
    account = {"username": "ben", "password": PASSWORD}
    assert ben.post("/chat/register", json=account).status_code == 201
    assert len({cookie.name for cookie in ana.cookies}) == 2
    assert ana.get("/chat/session").json()["user"]["username"] == ana.user["username"]
    assert ben.get("/chat/session").json()["user"]["username"] == "ben"

    halls = [one.post("/chat/halls", json={"name": "Hall"}).json()["hall"] for one in (ana, ben)]
    assert halls[0]["id"] == halls[1]["id"], "of the same number, so that what crosses is seen"
    listeners = [one.listen(hall) for one, hall in zip((ana, ben), halls, strict=True)]
    assert ana.post(f"/chat/messages/{halls[0]['id']}", json={"content": "of the garden"}).status_code == 201
    assert listeners[1].say(halls[1], "of the support")["rev"] == 1
    for listener, text in zip(listeners, ("of the garden", "of the support"), strict=True):
        wait_until(lambda listener=listener, text=text: contents(listener.messages) == [text])
    for one, text in ((ana, "of the garden"), (ben, "of the support")):
        assert contents(one.get(f"/chat/messages/{halls[0]['id']}").json()["messages"]) == [text]

    assert ana.post("/chat/logout").status_code in (200, 204)
    assert ana.get("/chat/session").json()["user"] is None
    assert ben.get("/chat/session").json()["user"]["username"] == "ben"
    wait_until(lambda: not listeners[0].is_connected)
    assert listeners[1].is_connected
    for listener in listeners:
        listener.close()


@pytest.mark.skipif(CHROMIUM is None, reason="there is no Chromium; './chat setup' installs it")
def test_one_browser_is_somebody_else_in_each_of_two_chats(two_chats, seat):
    garden, support = (types.SimpleNamespace(url=chat.url + chat.prefix) for chat in two_chats)
    one = seat(garden).open()
    one.register("ana")
    one.make_hall("Garden")
    one.write("hello garden")
    one.sees("hello garden")
    one.page.goto(support.url + "/chat.html")
    one.register("ben")
    one.make_hall("Support")
    one.write("hello support")
    one.sees("hello support")
    one.page.goto(garden.url + "/chat.html")
    expect(one["#hall-name"]).to_have_text("Garden")
    one.sees("hello garden")
    keys = one.page.evaluate("Object.keys(localStorage)")
    assert {"halls.user/garden/", "halls.user/support/"} <= set(keys)
