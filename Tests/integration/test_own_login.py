# SPDX-License-Identifier: Apache-2.0
"""A site with a login of its own, set up with the very words of docs/operating.md."""

import re
import subprocess

import pytest
import requests
from playwright.sync_api import expect

import flask_site
from browsing import CHROMIUM
from halls_site import NGINX, ROOT, SiteSession, free_port, wait_until
from swarm import UPGRADE, open_socket
from listener import Listener, connect_answer, enter, found

SECTION = re.search(r"^### The site's own login$(.*?)^## ", (ROOT / "docs/operating.md").read_text(), re.M | re.S)[1]
POLLING = "/socket.io/?EIO=4&transport=polling"
FORGED = {
    name: "ana"
    for name in ("X-User", "X-Remote-User", "Remote-User", "X_Remote_User", "X-Handle", "X-Name", "X-Picture", "Halls-Name",
                 "X-Expires", "X-Halls-Expires", "X_Halls_Expires", "Halls-Expires")
}  # fmt: skip


def snippet(language, word):
    """The one block of the section that has the word in it."""
    (found,) = [block for block in re.findall(rf"^```{language}\n(.*?)^```", SECTION, re.M | re.S) if word in block]
    return found


def server_directives(block):
    """What a documented server block has but halls.conf itself, which the test's site includes already."""
    inner = re.search(r"^server \{\n(.*?)^\}", block, re.M | re.S)[1]
    assert inner.count("include halls/halls.conf;") == 1
    return inner.replace("include halls/halls.conf;", "")


def edit(path, *replacements):
    """Replaces each text, which is there once."""
    text = path.read_text()
    for before, after in replacements:
        assert text.count(before) == 1, before
        text = text.replace(before, after)
    path.write_text(text)


@pytest.fixture
def flask_beside(make_site, request):
    """nginx, the daemons, and the site with a form for its login; `request.param` are flags."""
    app = flask_site.make_app(snippet("python", "/check"))
    with flask_site.served(app) as port:
        directives = server_directives(snippet("nginx", "127.0.0.1:9000/check")).replace(":9000", f":{port}")
        flags = {"auth": "site", "login-url": "/login?next=/chat.html"} | getattr(request, "param", {})
        site = make_site.unstarted(flags=flags, server=directives)
        # The site has the pages that the rendered configuration has otherwise.
        config = site.folder / "nginx/nginx.conf"
        config.write_text(re.sub(r"location (= )?/ \{\s*return [^}]*\}\s*", "", config.read_text()))
        (site.folder / "nginx/halls/own/login.conf").write_text(snippet("nginx", "auth_request_set"))
        site.start()
        site.people, site.app = app.people, app
        yield site


def signed_in(site, name):
    """Somebody who filled in the site's form; the cookie jar is the session."""
    session = SiteSession(site)
    answer = session.post("/login", data={"name": name, "password": "right"}, allow_redirects=False)
    assert answer.status_code == 302
    return session


def cookie_header(session):
    return {"Cookie": "; ".join(f"{cookie.name}={cookie.value}" for cookie in session.cookies)}


def test_who_is_not_signed_in_reaches_the_sites_login_and_is_told_by_the_chat(flask_beside):
    site = flask_beside

    assert "Let me in" in site.get("/login").text
    assert site.get("/", allow_redirects=False).headers["Location"].endswith("/login")
    assert site.get("/chat/health").json() == {"status": "ok"}
    assert site.get("/chat.html").status_code == 200
    who = site.get("/chat/session")
    assert (who.status_code, who.headers["Content-Type"]) == (200, "application/json")
    expected = {"user": None, "login": "site", "registration": False, "login_url": "/login?next=/chat.html"}
    assert expected.items() <= who.json().items()
    me = site.get("/chat/me")
    assert me.status_code == 401 and me.json()["login_url"] == "/login?next=/chat.html"
    assert site.get("/chat/halls").json()["code"] == "unauthenticated"
    for transport in ("polling", "websocket"):
        assert '"unauthenticated"' in connect_answer(SiteSession(site), transport)


def test_whom_the_site_knows_talks_and_a_header_of_ones_own_counts_for_nothing(flask_beside):
    site = flask_beside
    ana, ben = signed_in(site, "ana"), signed_in(site, "ben")
    hall = found(ana, "Garden", private=True)

    assert ana.get("/chat/session").json()["user"]["username"] == "ana"
    for transports in (["polling"], ["websocket"]):
        listener = Listener(ana, transports=transports, headers=cookie_header(ana))
        assert listener.say(hall, "hello")["username"] == "ana"
        listener.close()
    # Neither alone nor beside a login that is somebody else's.
    assert site.get("/chat/session", headers=FORGED).json()["user"] is None
    assert ben.get("/chat/session", headers=FORGED).json()["user"]["username"] == "ben"
    assert ben.get(f"/chat/messages/{hall['id']}", headers=FORGED).status_code == 404
    for transport in ("polling", "websocket"):
        assert '"unauthenticated"' in connect_answer(SiteSession(site), transport, FORGED)
    liar = Listener(ben, transports=["websocket"], headers=cookie_header(ben) | FORGED)
    assert liar.join(hall)["error"]["code"] == "not_found"
    liar.close()

    assert ana.post("/logout", allow_redirects=False).status_code == 302
    assert ana.get("/chat/session").json()["user"] is None


def test_a_person_of_the_site_is_the_sites_id_whatever_the_names(flask_beside):
    site = flask_beside
    ana, ben = signed_in(site, "ana"), signed_in(site, "ben")
    hall = found(ben, "Garden")
    before = ana.get("/chat/session").json()["user"]
    assert (before["username"], before["name"]) == ("ana", "Ana García")
    enter(hall, ana)
    listener = Listener(ben, headers=cookie_header(ben))
    told = []
    listener.client.on("user_changed", told.append)
    assert listener.join(hall)["ok"]

    (known,) = [user for user in site.people.values() if user.nick == "ana"]
    known.nick, known.name, known.avatar = "ana.m", "Ana Mora", "/media/ana.png"
    after = ana.get("/chat/session").json()["user"]
    assert (after["id"], after["username"], after["name"]) == (before["id"], "ana.m", "Ana Mora")
    assert after["picture"] == "/media/ana.png"
    wait_until(lambda: [each["user"]["name"] for each in told] == ["Ana Mora"])
    listener.close()

    # Another id with a handle that is taken, and with one that was hers.
    for nick, username in (("ben", "ben2"), ("ana", "ana")):
        site.people["999" + nick] = flask_site.User("999" + nick, nick + "?")
        other = signed_in(site, nick + "?").get("/chat/session").json()["user"]
        assert other["username"] == username and other["id"] not in (before["id"], ben.get("/chat/session").json()["user"]["id"])
    assert ana.get("/chat/halls").json()["halls"][0]["id"] == hall["id"]


def test_another_front_end_says_nothing_of_who_a_client_is(flask_beside):
    site = flask_beside
    site.chat_push = site.folder / "push.sock"
    for word in ("", "X-Halls-Secret: " + "x" * 36 + "\r\n"):
        for forged in ("X-Remote-User: ana", "X-Halls-Expires: 9999999999"):
            client = open_socket(site.chat_push)
            client.sendall((UPGRADE + word + forged + "\r\n\r\n").encode())
            assert client.recv(100).startswith(b"HTTP/1.1 403 ")
            client.close()
    assert "secret" in site.log("chat-push")

    # The same nginx, but for the secret: nobody gets in, and nobody is taken for somebody else.
    edit(site.folder / "nginx/nginx.conf", ("include halls/halls.conf;", 'set $halls_secret "";\ninclude halls/halls.conf;'))
    edit(site.folder / "nginx/halls/own/secret.conf", (site.secret, "y" * 36))
    site.restart("nginx")
    answer = site.get("/chat/session")
    assert (answer.status_code, answer.json()["code"]) == (403, "front_end_refused")
    assert site.get(POLLING).status_code == 403
    assert "secret" in site.log("chat-fcgi")


def test_a_site_of_before_there_was_a_secret_is_warned_and_goes_on(make_site):
    port = free_port()
    site = make_site(secret=None, flags={"metrics": f"127.0.0.1:{port}"})
    ana = site.person("ana")
    hall = found(ana)
    listener = Listener(ana)
    assert listener.join(hall)["ok"]
    listener.close()
    for name in ("chat-push", "chat-fcgi"):
        assert "There is no front end's secret" in site.log(name)
    health = requests.get(f"http://127.0.0.1:{port}/health", timeout=5)
    assert health.status_code == 200 and "There is no front end's secret" in health.text
    check = site.admin("check", "--secret-file", site.folder / "secret")
    assert "There is no front end's secret" in check.stdout
    (site.folder / "secret").write_text("x" * 40)
    assert "secret" not in site.admin("check", "--secret-file", site.folder / "secret").stdout


@pytest.mark.parametrize("name", ["chat-push", "chat-fcgi"])
def test_a_file_without_a_secret_is_refused_with_a_sentence(make_site, name):
    site = make_site.unstarted(secret="too short")
    site.admin("migrate")
    site.launch(name)
    wait_until(lambda: site.processes[name].poll() is not None)
    assert "does not hold a secret" in site.log(name)


@pytest.mark.skipif(CHROMIUM is None, reason="there is no Chromium; './chat setup' installs it")
def test_a_person_goes_through_the_sites_login_to_the_chat_and_out_again(flask_beside, seat):
    ana = seat(flask_beside).open()
    expect(ana["#welcome-lead"]).to_contain_text("has its own sign-in page")
    expect(ana["#login"]).to_be_hidden()
    expect(ana["#register"]).to_be_hidden()

    ana["#site-login"].click()
    ana["[name=name]"].fill("ana")
    ana["[name=password]"].fill("right")
    ana["button"].click()
    ana.is_at("chat")
    expect(ana["#site-login"]).to_be_hidden()
    ana.make_hall("Garden")
    ana.write("hello")
    ana.sees("hello")

    # In another tab of the same browser.
    other = ana.context.new_page()
    other.goto(flask_beside.url + "/")
    other.get_by_text("Let me out").click()
    expect(other.get_by_text("Let me in")).to_be_visible()
    other.close()
    # Chromium takes each page of a test for one in view, so that none comes into it.
    ana.page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")

    ana.is_at("ended")
    expect(ana["#welcome-title"]).to_have_text("You’re signed out")
    expect(ana["#login"]).to_be_hidden()
    expect(ana["#site-login"]).to_have_attribute("href", "/login?next=/chat.html")
    expect(ana["#site-login"]).to_be_visible()
    wait_until(lambda: "hello" not in ana["body"].inner_text(), what="the end of what was said")


@pytest.mark.skipif(CHROMIUM is None, reason="there is no Chromium; './chat setup' installs it")
@pytest.mark.parametrize("answer", [401, 403, "302 /sign-in"])
def test_a_login_that_answers_in_nginxs_words_is_still_the_sites(make_site, seat, answer):
    guard = f"location = /sign-in {{ default_type text/html; return 200 '<p>Sign in</p>'; }} " \
            f"location = /chat/session {{ default_type text/html; return {answer}; }}"  # fmt: skip
    site = make_site(flags={"auth": "site"}, server=guard)

    ana = seat(site).open()

    expect(ana["#welcome-lead"]).to_contain_text("has its own sign-in page")
    expect(ana["#login"]).to_be_hidden()
    expect(ana["#site-login"]).to_be_hidden()
    expect(ana["#try-again"]).to_be_visible()


# --- Every documented configuration ----------------------------------------------------------------------------------


def test_the_documented_basic_authentication_knows_who_it_is(make_site, tmp_path):
    passwords = tmp_path / "passwords"
    passwords.write_text("ana:{PLAIN}right\n")
    passwords.chmod(0o644)
    directives = server_directives(snippet("nginx", "auth_basic")).replace("/etc/nginx/passwords", str(passwords))
    site = make_site(flags={"auth": "site"}, server=directives)
    # `make_site` takes the 401 without a password for an answer.
    wait_until(lambda: site.get("/chat/health", auth=("ana", "right")).ok)

    assert site.get("/chat/session", auth=("ana", "right")).json()["user"]["username"] == "ana"
    for wrong in (None, ("ana", "wrong"), ("eve", "right")):
        assert site.get("/chat/session", auth=wrong, headers=FORGED).status_code == 401
        assert site.get(POLLING, auth=wrong, headers=FORGED).status_code == 401


def openssl(*words):
    subprocess.run(["openssl", *map(str, words)], check=True, capture_output=True)


@pytest.mark.filterwarnings("ignore::urllib3.exceptions.InsecureRequestWarning")
def test_the_documented_client_certificates_know_who_it_is(make_site, tmp_path):
    curve = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
    for name, subject in (("people", "/CN=People"), ("strangers", "/CN=Strangers")):
        openssl("req", "-x509", *curve, "-days", 2, "-subj", subject, "-keyout", tmp_path / f"{name}.key",
                "-out", tmp_path / f"{name}.pem")  # fmt: skip
    for name, authority, subject in (
        ("ana", "people", "/O=Example/CN=Ana Garcia/emailAddress=ana@example.com"),
        ("nameless", "people", "/O=Example/CN=Nameless"),
        ("eve", "strangers", "/O=Example/CN=Eve/emailAddress=ana@example.com"),
    ):
        openssl("req", *curve, "-subj", subject, "-keyout", tmp_path / f"{name}.key", "-out", tmp_path / f"{name}.csr")
        openssl("x509", "-req", "-in", tmp_path / f"{name}.csr", "-CA", tmp_path / f"{authority}.pem", "-CAkey",
                tmp_path / f"{authority}.key", "-CAcreateserial", "-days", 2, "-out", tmp_path / f"{name}.pem")  # fmt: skip
    block = snippet("nginx", "ssl_client_certificate")
    port = free_port()
    listen = f"listen 127.0.0.1:{port} ssl; ssl_certificate {tmp_path}/people.pem;" \
             f" ssl_certificate_key {tmp_path}/people.key;"  # fmt: skip
    directives = server_directives(block).replace("/etc/nginx/people.pem", f"{tmp_path}/people.pem")
    site = make_site.unstarted(flags={"auth": "site"}, server=listen + directives)
    the_map = block[: block.index("server {")]
    edit(site.folder / "nginx/nginx.conf", ("    server {\n", the_map + "    server {\n"))
    site.start()

    def asks(name):
        pair = (tmp_path / f"{name}.pem", tmp_path / f"{name}.key")
        return requests.get(f"https://127.0.0.1:{port}/chat/session", cert=tuple(map(str, pair)), verify=False,
                            headers=FORGED, timeout=10)  # fmt: skip

    assert asks("ana").json()["user"]["username"] == "ana@example.com"
    assert asks("nameless").json()["user"] is None
    assert asks("eve").status_code == 400


BLOCKS = re.findall(r"^```nginx\n(.*?)^```", (ROOT / "docs/operating.md").read_text(), re.M | re.S)


def test_nginx_takes_every_documented_configuration(make_site, tmp_path):
    openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", 2,
            "-subj", "/CN=x", "-keyout", tmp_path / "key.pem", "-out", tmp_path / "people.pem")  # fmt: skip
    assert len(BLOCKS) >= 6
    for block in BLOCKS:
        site = make_site.unstarted(daemons=())
        here = block.replace("/etc/nginx/people.pem", f"{tmp_path}/people.pem")
        config = site.folder / "nginx/nginx.conf"
        (site.folder / "nginx/fastcgi_params").touch()  # Debian has it where its own configuration is.
        whole = config.read_text()
        head = whole[: whole.index("    include halls/halls-upstreams.conf;")]
        if here.startswith("http {"):
            text = head.rsplit("http {", 1)[0] + here.replace("http {", "http {" + head.rsplit("http {", 1)[1], 1)
        else:
            if "server {" not in here:
                here = "server { " + here + " include halls/halls.conf; location = /login-check { return 204; } }"
            text = head + "include halls/halls-upstreams.conf;\n" + here + "\n}\n"
        config.write_text(text)
        done = subprocess.run(
            [NGINX, "-p", f"{site.folder}/nginx/", "-c", "nginx.conf", "-e", "stderr", "-t"],
            text=True, capture_output=True, timeout=30,
        )  # fmt: skip
        assert done.returncode == 0, f"{block}\n{done.stderr}"
