# SPDX-License-Identifier: Apache-2.0
"""nginx's configuration, with stand-ins for the daemons that say what nginx handed them.

Most of these are mistakes that people make with nginx in front of a Socket.IO server.
"""

import base64
import collections
import concurrent.futures
import contextlib
import json
import os
import re
import shutil
import socket
import subprocess
import threading

import pytest
import requests
import websocket

from halls_site import NGINX, ROOT, clean_environment, free_port, render_nginx, wait_until
from standins import FastCGIStandIn, PushStandIn

SITE_FILES = ROOT / "nginx/site"
# What has a fixed address beside the versions, for the pages of a site and by its hand.
FIXED = [path for path in (SITE_FILES / "static/halls").iterdir()]
FILES = [path for path in (SITE_FILES / "static").rglob("*") if path.is_file() and path not in FIXED]
SERVED = [SITE_FILES / "chat.html", *FILES, *FIXED]
SECURITY_HEADERS = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
    "connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'self'",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
    "Referrer-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
}


@pytest.fixture
def front(make_site):
    """nginx alone; front.fcgi and front.push are the stand-ins behind it."""
    with _front(make_site) as site:
        yield site


@contextlib.contextmanager
def _front(make_site, script=None, **options):
    site = make_site.unstarted(daemons=(), **options)
    site.fcgi = FastCGIStandIn(site.folder / "fcgi.sock", script)
    site.push = PushStandIn(site.folder / "push.sock")
    with site.fcgi, site.push:
        yield site.start()


def handed_to_push(front, **headers):
    """The headers of a polling request, as chat-push would see them."""
    return front.get("/socket.io/?EIO=4&transport=polling", headers=headers).json()["headers"]


def handed_to_fcgi(front, path="/chat/halls", **options):
    """The parameters of a request, as chat-fcgi would see them."""
    return front.get(path, **options).json()["params"]


def web_socket(front, **headers):
    return websocket.create_connection(
        f"ws://{front.host}/socket.io/?EIO=4&transport=websocket", header=headers, timeout=5
    )


def directive(name):
    """The value of a directive that a site may change for Socket.IO."""
    return re.search(rf"\b{name} (\w+);", (ROOT / "nginx/own/socket.io.conf").read_text())[1]


# --- The files -----------------------------------------------------------------------------------------------------


def check(folder):
    return subprocess.run(
        [NGINX, "-t", "-p", f"{folder}/", "-c", "nginx.conf", "-e", "stderr"], capture_output=True, text=True
    )


def test_the_rendered_configuration_is_valid_without_a_warning(tmp_path):
    render_nginx(tmp_path, tmp_path, "127.0.0.1:8080")

    done = check(tmp_path)

    assert done.returncode == 0, done.stderr
    # A machine that allows few open files is told so; that is no fault of the configuration.
    assert not [line for line in done.stderr.splitlines() if "[warn]" in line and "exceed" not in line], done.stderr


@pytest.fixture
def make_foreign(tmp_path):
    """The nginx of a site that has pages of its own, with the shipped files in it as they are.

    `make_foreign("directives of its server block")` starts it and returns a function that gets a path.
    """
    processes = []

    def start(server="location /static/ { }"):
        port = free_port()
        (tmp_path / "html/static").mkdir(parents=True)
        (tmp_path / "html/static/theirs.css").write_text("theirs")
        shutil.copytree(ROOT / "nginx", tmp_path / "halls", ignore=shutil.ignore_patterns("site", "*.in"))
        subprocess.run([ROOT / "chat", "page", tmp_path / "page"], check=True)
        served = tmp_path / "halls/halls-file.conf"
        served.write_text(served.read_text().replace("/usr/share/halls/site", str(tmp_path / "page/site")))
        (tmp_path / "nginx.conf").write_text(
            f"""
            pid nginx.pid; error_log error.log; {'user root root;' if os.geteuid() == 0 else ''}
            events {{}}
            http {{
                access_log off;
                client_body_temp_path body; proxy_temp_path proxy; fastcgi_temp_path fastcgi;
                scgi_temp_path scgi; uwsgi_temp_path uwsgi;
                include halls/halls-upstreams.conf;
                server {{
                    listen 127.0.0.1:{port};
                    root html;
                    add_header X-Theirs yes;
                    {server}
                    include halls/halls.conf;
                    location / {{ return 200 "their page"; }}
                }}
            }}
            """
        )
        command = [NGINX, "-p", f"{tmp_path}/", "-c", "nginx.conf", "-e", "error.log", "-g", "daemon off;"]
        processes.append(subprocess.Popen(command))

        def get(path):
            return requests.get(f"http://127.0.0.1:{port}{path}", timeout=5)

        def answers():
            with contextlib.suppress(requests.ConnectionError):
                return get("/")

        wait_until(answers, what="the foreign nginx")
        return get

    yield start
    for process in processes:
        process.terminate()
        process.wait(10)


def test_the_shipped_files_are_valid_in_a_site_of_ones_own(make_foreign, tmp_path):
    make_foreign()

    done = check(tmp_path)

    assert done.returncode == 0, done.stderr
    assert "[warn]" not in done.stderr


def test_a_site_of_ones_own_keeps_its_pages_and_headers(make_foreign):
    foreign = make_foreign()

    page, style = foreign("/"), foreign("/static/theirs.css")

    assert page.text == "their page" and style.text == "theirs"
    assert page.headers["X-Theirs"] == "yes"
    assert "Content-Security-Policy" not in page.headers
    # Below /static/ only the folder is the chat's, whatever its files are called.
    for path in ("/static/js/chat.js", "/static/css/chat.css", "/static/img/favicon.svg"):
        answer = foreign(path)
        assert answer.status_code == 404 and answer.headers.get("Content-Security-Policy") is None, path


@pytest.mark.parametrize(
    "server",
    [
        r"location ~* \.(html|js|css|svg)$ { expires 1d; }",
        "location ^~ /static/ { expires 1d; }",
        "expires 1d; location /static/ { }",
    ],
)
def test_what_a_site_of_ones_own_says_of_its_files_is_not_said_of_the_chats(make_foreign, server):
    foreign = make_foreign(server)

    assert foreign("/static/theirs.css").headers["Cache-Control"] == "max-age=86400"
    html = foreign("/chat.html")
    assert (html.status_code, html.headers["Cache-Control"]) == (200, "no-cache")
    for file in FILES:
        answer = foreign(f"{versioned(html)}/{file.relative_to(SITE_FILES / 'static')}")
        assert answer.status_code == 200 and "immutable" in answer.headers["Cache-Control"], answer.url
    assert foreign("/static/halls/embed.js").headers["Cache-Control"] == "no-cache"


# --- Static files --------------------------------------------------------------------------------------------------


def test_every_file_of_the_site_is_served_and_revalidated(front):
    assert SERVED
    types = {".html": "text/html", ".css": "text/css", ".js": "text/javascript", ".svg": "image/svg+xml"}
    for file in SERVED:
        path = f"/{file.relative_to(SITE_FILES)}"
        answer = front.get(path, headers={"Accept-Encoding": "identity"})

        assert answer.status_code == 200, path
        assert answer.content == file.read_bytes()
        assert answer.headers["Content-Type"] == f"{types[file.suffix]}; charset=utf-8", path
        assert answer.headers["Cache-Control"] == "no-cache"
        again = front.get(path, headers={"If-None-Match": answer.headers["ETag"]})
        assert again.status_code == 304


def test_a_file_more_costs_no_line_of_the_configuration():
    locations = re.findall(r"^location (?!@)(.+) \{", (ROOT / "nginx/halls.conf").read_text(), re.M)

    assert locations == ["= /chat.html", "^~ /static/halls/", "^~ /chat/", "^~ /socket.io/"]


def versioned(html):
    """The address of the files that a chat.html names."""
    return "/" + re.search(r'src="(static/halls/[0-9a-f]{16})/js/chat.js"', html.text)[1]


def lay_out(front, source=ROOT):
    """The page in the place of the developers' one, as an installation has it; returns the address of its files."""
    site = front.folder / "nginx/site"
    if site.is_symlink():
        site.unlink()
    subprocess.run([source / "chat", "page", site.parent], check=True)
    return versioned(front.get("/chat.html"))


def laid_out(file):
    """What becomes of a file of the page: lines that are comments are left at home, but for the license."""
    text = file.read_text()
    if file.suffix in (".js", ".css"):
        text = re.sub(r"^[ \t]*(//.*|/\*(?:[^*]|\*(?!/))*\*/[ \t]*)\n", lambda found: found[0] if "SPDX" in found[0] else "", text, flags=re.M)
    return text


def test_a_page_that_is_laid_out_has_addresses_that_never_change(front):
    folder = lay_out(front)

    html = front.get("/chat.html")
    assert html.headers["Cache-Control"] == "no-cache"
    assert not re.search(r'"/?static/(?!halls/)', html.text)
    for file in FILES:
        path = file.relative_to(SITE_FILES / "static")
        answer = front.get(f"{folder}/{path}")
        assert (answer.status_code, answer.content.decode()) == (200, laid_out(file)), path
        assert answer.headers["Cache-Control"] == "public, max-age=31536000, immutable"
        assert_secure(answer)
    for file in FIXED:
        answer = front.get(f"/{file.relative_to(SITE_FILES)}")
        assert (answer.content, answer.headers["Cache-Control"]) == (file.read_bytes(), "no-cache"), file
        assert_secure(answer)
    for path in (f"{folder}/js/absent.js", folder, f"{folder}/", f"{folder}/js/", "/static/halls/",
                 "/static/halls/0123456789abcdef/js/chat.js", f"{folder}/../../../package.json"):  # fmt: skip
        answer = front.raw(f"GET {path} HTTP/1.1\r\nHost: {front.host}\r\nConnection: close\r\n\r\n".encode())
        assert answer.startswith(b"HTTP/1.1 404 ") and b"immutable" not in answer, path


def test_what_looks_like_a_comment_and_is_none_stays(front, tmp_path):
    shutil.copytree(ROOT / "nginx/site", tmp_path / "nginx/site")
    shutil.copy(ROOT / "chat", tmp_path / "chat")
    kept = 'const a = "https://x"; // y\nconst b = 1 /* z\n */ + 2;\n  * 3;\n'
    (tmp_path / "nginx/site/static/js/chat.js").write_text(
        f"// SPDX-License-Identifier: Apache-2.0\n  // gone\n/** gone\n * gone\n */\n/* gone */\n{kept}/* gone\n gone */\n")
    folder = lay_out(front, tmp_path)
    assert front.get(f"{folder}/js/chat.js").text == "// SPDX-License-Identifier: Apache-2.0\n" + kept


def test_no_file_of_the_page_has_code_that_would_be_taken_for_a_comment():
    for file in [path for path in SERVED if path.suffix in (".js", ".css", ".html") and path not in FIXED]:
        text = file.read_text()
        if file.suffix == ".js":
            # A template over several lines could have anything in it. A comment or a pattern may have one sign of it.
            plain = re.sub(r"^[ \t]*/\*.*?\*/|^[ \t]*//.*?$", "", text, flags=re.M | re.S)
            plain = re.sub(r"/(?:\\.|\[(?:\\.|[^\]\\\n])*\]|[^/\\\n])+/[a-z]*", "", plain).replace("\"`\"", "")
            assert not [line for line in plain.splitlines() if line.count("`") % 2], file
        assert not re.search(r"^[ \t]*/\*(?:[^*]|\*(?!/))*\*/[ \t]*\S", text, re.M), file
        assert not re.search(r"^[ \t]*<!--(?:[^-]|-(?!->))*-->[ \t]*\S", text, re.M), file


def test_a_page_of_the_version_before_still_finds_its_files(front, tmp_path):
    shutil.copytree(ROOT / "nginx/site", tmp_path / "nginx/site")
    shutil.copy(ROOT / "chat", tmp_path / "chat")
    edited = tmp_path / "nginx/site/static/js/chat.js"
    versions = []
    for number in range(4):
        edited.write_text(f"{number}\n")
        versions.append(lay_out(front, tmp_path))

    answers = [front.get(f"{version}/js/chat.js") for version in versions]
    assert [answer.status_code for answer in answers] == [404, 200, 200, 200]
    assert [answer.text for answer in answers[1:]] == ["1\n", "2\n", "3\n"]
    assert lay_out(front, tmp_path) == versions[-1], "the same files are the same version"


def test_text_travels_compressed(front):
    for path in ("/chat.html", "/static/js/chat.js", "/static/css/chat.css"):
        answer = front.get(path, headers={"Accept-Encoding": "gzip"})
        assert answer.headers.get("Content-Encoding") == "gzip", path
        assert answer.headers["Vary"] == "Accept-Encoding"


@pytest.mark.parametrize(
    "path",
    [
        "/nginx.conf", "/halls.conf", "/halls/halls.conf", "/package.json", "/.git/config", "/.gitignore", "/halls.db",
        "/static", "/static/", "/static/js/", "/static/js/absent.js", "/static/js/chat.js.map", "/static/js/chat.js/",
        "/static/../package.json", "/static/js/../../package.json", "/static/js/..%2f..%2fpackage.json",
        "/static/js/%2e%2e/%2e%2e/package.json", "/chat.html/", "/chat.html~", "/log/nginx.log", "/index.html",
    ],
)  # fmt: skip
def test_nothing_else_is_served(front, path):
    answer = front.raw(f"GET {path} HTTP/1.1\r\nHost: {front.host}\r\nConnection: close\r\n\r\n".encode())

    assert answer.startswith(b"HTTP/1.1 404 "), answer


def test_the_root_leads_to_the_chat(front):
    answer = front.get("/")

    assert (answer.status_code, answer.headers["Location"]) == (302, "/chat.html")


# --- Headers of the answers ----------------------------------------------------------------------------------------


def assert_secure(answer):
    headers = answer.raw.headers
    for name, value in SECURITY_HEADERS.items():
        assert headers.getlist(name) == [value], (answer.url, answer.status_code, name)


def test_every_answer_carries_the_security_headers_once(front):
    expected = {
        ("GET", "/"): 302,
        ("GET", "/chat.html"): 200,
        ("POST", "/chat.html"): 405,
        ("GET", "/static/js/chat.js"): 200,
        ("GET", "/absent"): 404,
        ("GET", "/chat/halls"): 200,
        ("GET", "/chat/missing"): 404,
        ("GET", "/socket.io/?EIO=4&transport=polling"): 200,
    }
    for (method, path), status in expected.items():
        answer = requests.request(method, front.url + path, allow_redirects=False, timeout=5)
        assert answer.status_code == status, path
        assert_secure(answer)


def test_errors_of_nginx_carry_the_security_headers_too(front):
    front.fcgi.stop()
    front.push.stop()

    for path, status in {"/chat/halls": 503, "/socket.io/?EIO=4&transport=polling": 502}.items():
        answer = front.get(path)
        assert answer.status_code == status
        assert_secure(answer)
    answer = front.post("/chat/halls", data=b"x" * 300_000)
    assert answer.status_code == 413
    assert_secure(answer)
    answer = front.raw(b"GET / HTTP/1.1\r\nHost: a b\r\n\r\n")
    assert answer.startswith(b"HTTP/1.1 400") and b"\r\nX-Content-Type-Options: nosniff\r\n" in answer


def test_a_header_of_the_sites_own_is_on_every_answer_too(make_site):
    site = make_site.unstarted(daemons=())
    with open(site.folder / "nginx/halls/own/headers.conf", "a") as own:
        own.write('add_header Strict-Transport-Security "max-age=31536000" always;')
    site.start()

    for path in ("/chat.html", "/static/js/chat.js", "/chat/halls", "/socket.io/?EIO=4&transport=polling"):
        answer = site.get(path)
        assert answer.headers["Strict-Transport-Security"] == "max-age=31536000", path
        assert_secure(answer)


def test_the_version_of_nginx_is_not_told(front):
    assert front.get("/absent").headers["Server"] == "nginx"


# --- FastCGI -------------------------------------------------------------------------------------------------------


def test_chat_fcgi_gets_the_request_as_it_came(front):
    params = handed_to_fcgi(front, "/chat/messages/1%2F2?since_rev=3&x=%20", headers={"X-Any": "ä"})

    assert params["REQUEST_METHOD"] == "GET"
    assert params["REQUEST_URI"] == "/chat/messages/1%2F2?since_rev=3&x=%20"
    assert params["QUERY_STRING"] == "since_rev=3&x=%20"
    assert params["HTTP_HOST"] == front.host
    assert params["REMOTE_ADDR"] == "127.0.0.1"
    assert "HTTPS" not in params


def test_chat_fcgi_gets_the_body_also_of_a_request_in_chunks(front):
    whole = front.post("/chat/messages/1", data=b"x" * 100_000, headers={"Content-Type": "application/json"}).json()
    chunked = front.post("/chat/messages/1", data=iter([b"x" * 60_000, b"y" * 40_000])).json()

    assert whole["length"] == chunked["length"] == 100_000
    assert whole["params"]["CONTENT_TYPE"] == "application/json"
    assert whole["params"]["CONTENT_LENGTH"] == chunked["params"]["CONTENT_LENGTH"] == "100000"


@pytest.mark.parametrize("method", ["PUT", "PATCH", "DELETE"])
def test_chat_fcgi_gets_requests_of_every_method_with_a_body_and_without(front, method):
    bare = requests.request(method, front.url + "/chat/messages/1/2", timeout=5).json()
    full = requests.request(method, front.url + "/chat/messages/1/2", json={"content": "x"}, timeout=5).json()

    assert bare["params"]["REQUEST_METHOD"] == full["params"]["REQUEST_METHOD"] == method
    assert (bare["length"], bare["params"]["CONTENT_TYPE"]) == (0, "")
    assert (full["length"], full["params"]["CONTENT_TYPE"]) == (16, "application/json")


def test_a_body_over_the_limit_is_a_problem_in_json(front):
    answer = front.post("/chat/messages/1", data=b"x" * 300_000)

    assert answer.status_code == 413
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert answer.json()["code"] == "too_large"


def test_without_chat_fcgi_the_answer_is_a_problem_in_json_and_the_return_is_seen_at_once(front):
    front.fcgi.stop()
    for _ in range(5):
        answer = front.get("/chat/halls")
        assert answer.status_code == 503
        assert answer.headers["Content-Type"] == "application/problem+json"
        assert answer.headers["Retry-After"] == "1"
        assert answer.json()["code"] == "busy" and answer.json()["status"] == 503

    front.fcgi.start()

    assert front.get("/chat/halls").status_code == 200
    assert front.post("/chat/halls", json={}).status_code == 200


def test_connections_to_chat_fcgi_are_kept(front):
    for _ in range(40):
        assert front.get("/chat/halls").status_code == 200

    # nginx keeps up to 8 in each of its workers.
    assert front.fcgi.connections <= 16


def test_kept_connections_do_no_harm_when_chat_fcgi_restarts(front):
    for _ in range(20):
        front.get("/chat/halls")

    front.fcgi.stop()
    front.fcgi.start()

    assert front.get("/chat/halls").status_code == 200
    assert front.post("/chat/halls", json={}).status_code == 200


def test_a_request_that_writes_takes_a_connection_of_its_own(front):
    front.get("/chat/halls")
    before = front.fcgi.connections

    for _ in range(20):
        assert front.post("/chat/halls", json={}).status_code == 200

    # On a kept one, which may be about to close, it would be lost: nginx repeats no POST.
    assert front.fcgi.connections == before + 20


def test_on_a_dead_kept_connection_a_get_is_tried_again_and_what_writes_is_not(make_site):
    writing = ("POST", "PUT", "PATCH", "DELETE")
    seen = collections.Counter()

    def die_twice(params, body):
        method = params["REQUEST_METHOD"]
        seen[method] += "die" in params["REQUEST_URI"]
        return None if 1 <= seen[method] <= 2 and "die" in params["REQUEST_URI"] else FastCGIStandIn.echo(params, body)

    with _front(make_site, script=die_twice) as front:
        # Several at once, so that several connections are kept.
        for method in ("GET", *writing):
            with concurrent.futures.ThreadPoolExecutor(16) as pool:
                list(pool.map(front.get, ["/chat/halls?slow"] * 64))
            seen["status of " + method] = requests.request(
                method, front.url + "/chat/messages/1?die", timeout=5
            ).status_code

    once = {method: 1 for method in writing} | {f"status of {method}": 503 for method in writing}
    assert seen == {"GET": 3, "status of GET": 200} | once


def test_requests_wait_in_a_socket_that_outlives_the_responder(make_site):
    # As with a systemd socket unit: the socket is there, nobody accepts, then the responder is back.
    site = make_site.unstarted(daemons=()).start()
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(str(site.folder / "fcgi.sock"))
    listener.listen(16)
    answers = []
    waiting = [threading.Thread(target=lambda: answers.append(site.post("/chat/halls", json={}))) for _ in range(5)]
    for thread in waiting:
        thread.start()
    responder = FastCGIStandIn(site.folder / "fcgi.sock")

    waiting[0].join(0.3)
    assert not answers
    responder.start(listener)
    for thread in waiting:
        thread.join(10)
    responder.stop()

    assert [answer.status_code for answer in answers] == [200] * 5


def test_a_long_history_comes_whole(make_site):
    content = b"[" + b"1," * 1_000_000 + b"1]"
    answer = b"Content-Type: application/json\r\n\r\n" + content
    with _front(make_site, script=lambda params, body: answer) as front:
        assert front.get("/chat/messages/1").content == content


# --- Socket.IO -----------------------------------------------------------------------------------------------------


def test_a_polling_request_does_not_ask_for_an_upgrade(front):
    headers = handed_to_push(front)

    assert headers["connection"] == "close"
    assert "upgrade" not in headers


def test_only_a_websocket_is_upgraded(front):
    assert handed_to_push(front, Connection="Upgrade, HTTP2-Settings", Upgrade="h2c")["connection"] == "close"


def test_a_websocket_is_upgraded(front):
    socket = web_socket(front)

    headers = json.loads(socket.recv())["headers"]
    assert headers["connection"] == "upgrade"
    assert headers["upgrade"] == "websocket"
    assert headers["host"] == front.host
    socket.close()


def test_an_answer_to_polling_leaves_as_soon_as_it_is_whole(front):
    with front.get("/socket.io/?EIO=4&transport=polling&linger", stream=True) as answer:
        said = answer.raw.read()
        front.push.answer_seen.set()
        assert said == b"said"


def test_the_read_timeout_is_longer_than_ping_interval_and_timeout():
    assert int(directive("proxy_read_timeout").removesuffix("s")) > 25 + 20 + 10


def test_a_body_of_the_largest_payload_passes(front):
    answer = front.post("/socket.io/?EIO=4&transport=polling&sid=x", data=b"x" * 1_000_000)

    assert answer.json()["length"] == 1_000_000
    assert front.post("/socket.io/?sid=x", data=b"x" * 1_100_000).status_code == 413


def test_chat_push_gets_host_with_port_and_scheme(front):
    headers = handed_to_push(front)

    assert headers["host"] == front.host
    assert headers["x-forwarded-proto"] == "http"
    assert headers["x-real-ip"] == "127.0.0.1"


def test_a_site_behind_a_proxy_that_ends_tls_says_so(make_site):
    with _front(make_site, server="set $halls_scheme https;") as front:
        params = handed_to_fcgi(front, headers={"X-Forwarded-Proto": "http"})
        assert params["HTTPS"] == "on" and params["HTTP_X_FORWARDED_PROTO"] == "https"
        assert handed_to_push(front)["x-forwarded-proto"] == "https"


def test_without_chat_push_polling_fails_at_once_and_the_return_is_seen_at_once(front):
    front.push.stop()
    for _ in range(3):
        assert front.get("/socket.io/?EIO=4&transport=polling").status_code == 502

    front.push.start()

    assert front.get("/socket.io/?EIO=4&transport=polling").status_code == 200


# --- Who it is -----------------------------------------------------------------------------------------------------

FORGED = {
    "X-Remote-User": "admin",
    "X_Remote_User": "admin",
    "Remote-User": "admin",
    "X-Halls-Expires": "9999999999",
    "X_Halls_Expires": "9999999999",
    "X-Real-IP": "10.9.9.9",
    "X-Forwarded-Proto": "https",
    # nginx would call this person $remote_user, whether or not anyone asked for a password.
    "Authorization": "Basic " + base64.b64encode(b"admin:guess").decode(),
}


def test_a_client_cannot_say_who_it_is(front):
    params, polling = handed_to_fcgi(front, headers=FORGED), handed_to_push(front, **FORGED)
    socket = web_socket(front, **FORGED)
    upgraded = json.loads(socket.recv())["headers"]
    socket.close()

    assert params["REMOTE_USER"] == "" and params["REMOTE_ADDR"] == "127.0.0.1"
    assert params["HTTP_X_FORWARDED_PROTO"] == "http" and "HTTPS" not in params
    for headers in (polling, upgraded):
        assert "x-remote-user" not in headers and "x_remote_user" not in headers
        assert "x-halls-expires" not in headers and "x_halls_expires" not in headers
        assert headers["x-real-ip"] == "127.0.0.1"
        assert headers["x-forwarded-proto"] == "http"


def test_a_site_with_basic_authentication_says_who_it_is(make_site, tmp_path):
    passwords = tmp_path / "passwords"
    passwords.write_text("ana:{PLAIN}secret\n")
    passwords.chmod(0o644)
    server = f'auth_basic "The site"; auth_basic_user_file {passwords}; set $halls_user $remote_user;'
    with _front(make_site, server=server) as front:
        ana = {"Authorization": "Basic " + base64.b64encode(b"ana:secret").decode(), "X-Remote-User": "admin"}

        assert handed_to_fcgi(front, headers=ana)["REMOTE_USER"] == "ana"
        assert handed_to_push(front, **ana)["x-remote-user"] == "ana"
        for path in ("/chat.html", "/static/js/chat.js", "/chat/halls", "/socket.io/?EIO=4&transport=polling"):
            assert front.get(path, headers=FORGED).status_code == 401, path


def test_a_site_with_a_login_service_says_who_it_is(make_site):
    server = """
        auth_request /login-check;
        auth_request_set $halls_user $upstream_http_x_user;
        location = /login-check {
            internal;
            auth_request off;
            # Stands in for the site's own service, which knows its cookie.
            proxy_pass http://127.0.0.1:%d;
        }
    """
    port = free_port()
    service = f"""
        server {{ listen 127.0.0.1:{port};
            location / {{
                if ($cookie_session = "ana's") {{ add_header X-User ana; return 204; }}
                return 401;
            }} }}"""
    with _front_with_service(make_site, server % port, service) as front:
        ana = {"Cookie": "session=ana's", "X-Remote-User": "admin"}

        assert handed_to_fcgi(front, headers=ana)["REMOTE_USER"] == "ana"
        assert handed_to_push(front, **ana)["x-remote-user"] == "ana"
        assert front.get("/chat/halls", headers=FORGED).status_code == 401


@contextlib.contextmanager
def _front_with_service(make_site, server, service):
    """As _front, with one more server block in nginx."""
    site = make_site.unstarted(daemons=(), server=server)
    config = site.folder / "nginx/nginx.conf"
    config.write_text(config.read_text().replace("    server {\n", service + "\n    server {\n", 1))
    with FastCGIStandIn(site.folder / "fcgi.sock"), PushStandIn(site.folder / "push.sock"):
        yield site.start()
