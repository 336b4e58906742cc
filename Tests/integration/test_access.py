# SPDX-License-Identifier: Apache-2.0
"""Who may what: the membership of a hall, the end of a session, other sites, the site's own login, guessing."""

import collections
import json
import pathlib
import re
import resource
import socket
import subprocess
import threading

import pytest
import requests
import requests.adapters
import socketio.exceptions
import websocket

from halls_site import PASSWORD, SiteSession, free_port, token_of, wait_until
from listener import Listener, connect_answer, contents, enter, found, unique

POLLING = "/socket.io/?EIO=4&transport=polling"
UPGRADE = "/socket.io/?EIO=4&transport=websocket"


def sign_in(site, username, password=PASSWORD):
    """A further session of somebody who has an account."""
    session = SiteSession(site)
    answer = session.post("/chat/login", json={"username": username, "password": password})
    assert answer.status_code == 200, answer.text
    session.user = answer.json()["user"]
    return session


def whole(answer):
    """All of an answer that could tell something: status, headers but the clock's, the body's bytes."""
    headers = {name: value for name, value in answer.headers.items() if name not in ("Date", "Connection")}
    return answer.status_code, headers, answer.content


# --- Headers that come more than once ---------------------------------------------------------------------------------


def lines(site, target, *headers):
    """The answer to a GET with these lines, which no proper client would send."""
    head = [f"GET {target} HTTP/1.1", f"Host: {site.host}", "Connection: close", *headers]
    return site.raw("\r\n".join([*head, "", ""]).encode())


def test_the_session_is_found_in_a_second_cookie_line(shared_site, people):
    ana = people("ana")
    cookies = ["Cookie: theme=dark; a=b", "Cookie: " + "; ".join(f"{c.name}={c.value}" for c in ana.cookies)]

    assert lines(shared_site, "/chat/me", *cookies).startswith(b"HTTP/1.1 200 ")
    wish = ["Upgrade: websocket", "Sec-WebSocket-Version: 13", "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ=="]
    for way in (["Connection: Upgrade"], ["Connection: Upgrade", "X-Forced-Detour: \u00e4"]):
        with socket.create_connection(("127.0.0.1", shared_site.port), 5) as connection:
            head = [f"GET {UPGRADE} HTTP/1.1", f"Host: {shared_site.host}", *way, *wish, *cookies, "", ""]
            connection.sendall("\r\n".join(head).encode())
            client = websocket.WebSocket()
            client.sock = connection
            answer = b""
            while not answer.endswith(b"\r\n\r\n"):
                answer += connection.recv(1)
            assert answer.startswith(b"HTTP/1.1 101 ")
            client.connected = True
            client.handshake_response = None
            assert client.recv().startswith("0{")
            client.send("40")
            assert client.recv().startswith("40{")


def test_two_origins_are_none(shared_site, people):
    ana = people("ana")
    cookie = "Cookie: " + "; ".join(f"{c.name}={c.value}" for c in ana.cookies)
    origins = [f"Origin: http://{shared_site.host}", "Origin: http://evil.example"]

    for pair in (origins, origins[::-1]):
        assert lines(shared_site, POLLING, cookie, *pair).startswith(b"HTTP/1.1 403 ")
        body = ["Content-Type: application/json", "Content-Length: 0"]
        head = ["POST /chat/logout HTTP/1.1", f"Host: {shared_site.host}", "Connection: close", cookie, *body, *pair]
        answer = shared_site.raw("\r\n".join([*head, "", ""]).encode())
        assert answer.startswith(b"HTTP/1.1 403 ") and b"origin_refused" in answer


# --- Who is not in a hall ---------------------------------------------------------------------------------------------


@pytest.fixture
def trio(people):
    """Two people in a hall that is private, and a third one."""
    ana, ben, eve = people("ana"), people("ben"), people("eve")
    return ana, ben, eve


def private_hall(site, ana, ben):
    hall = found(ana, private=True)
    site.admin("members", "add", hall["id"], ben.user["username"])
    return hall


def requests_about(hall_id):
    """Everything that REST can be asked about a hall, as (method, path, body)."""
    return [
        ("GET", f"/chat/messages/{hall_id}", None),
        ("GET", f"/chat/messages/{hall_id}?limit=1", None),
        ("GET", f"/chat/messages/{hall_id}?before=1000", None),
        ("GET", f"/chat/messages/{hall_id}?since_rev=0", None),
        ("HEAD", f"/chat/messages/{hall_id}", None),
        ("GET", f"/chat/halls/{hall_id}/members", None),
        ("POST", f"/chat/messages/{hall_id}", {"content": "hello"}),
        ("POST", f"/chat/messages/{hall_id}", {"content": "hello", "client_key": "k"}),
        ("POST", f"/chat/messages/{hall_id}", {"content": "x" * 4001}),
        ("POST", "/chat/halls/join", {"hall_id": hall_id}),
        ("POST", "/chat/halls/leave", {"hall_id": hall_id}),
        ("PATCH", f"/chat/halls/{hall_id}/members/1", {"role": "moderator"}),
        ("DELETE", f"/chat/halls/{hall_id}/members/1", None),
        ("GET", f"/chat/halls/{hall_id}/bans", None),
        ("PUT", f"/chat/halls/{hall_id}/bans/1", None),
        ("DELETE", f"/chat/halls/{hall_id}/bans/1", None),
        ("GET", f"/chat/halls/{hall_id}", None),
        ("POST", f"/chat/halls/{hall_id}", {}),
    ]


def events_about(hall_id):
    return [
        ("join_hall", {"hall_id": hall_id}),
        ("join_hall", {"hall_id": hall_id, "since_rev": 0}),
        ("join_hall", {"hall_id": hall_id, "since_rev": 1}),
        ("leave_hall", {"hall_id": hall_id}),
        ("send_message", {"hall_id": hall_id, "content": "hello"}),
        ("send_message", {"hall_id": hall_id, "content": "hello", "client_key": "k"}),
        ("send_message", {"hall_id": hall_id, "content": ""}),
    ]


def test_a_private_hall_looks_exactly_like_one_that_does_not_exist(shared_site, trio):
    ana, ben, eve = trio
    hall = private_hall(shared_site, ana, ben)
    one, third = ana.listen(hall), eve.listen()
    # Also one that is known to the daemon, because somebody is in it, and one that nobody looks at.
    quiet = private_hall(shared_site, ana, ben)
    one.say(hall, "secret")
    missing = 1_000_000 + hall["id"]

    for hidden in (hall["id"], quiet["id"]):
        for (method, path, body), (_, absent, body_of_absent) in zip(requests_about(hidden), requests_about(missing)):
            answers = [eve.request(method, path, json=body), eve.request(method, absent, json=body_of_absent)]
            assert whole(answers[0]) == whole(answers[1]), path
            assert answers[0].status_code in (404, 405, 422), path
        for (event, payload), (_, absent) in zip(events_about(hidden), events_about(missing)):
            assert third.call(event, payload) == third.call(event, absent), (event, payload)
    assert [each["id"] for each in eve.get("/chat/halls").json()["halls"]] == []
    listed = [each["id"] for each in eve.get("/chat/halls?scope=open").json()["halls"]]
    assert not {hall["id"], quiet["id"]} & set(listed)
    one.wait_for("secret")
    assert contents(one.messages) == ["secret"]


def test_an_open_hall_shows_nothing_of_what_is_said_to_who_has_not_joined(trio):
    ana, ben, eve = trio
    hall = found(ana)
    enter(hall, ben)
    one, other, third = ana.listen(hall), ben.listen(hall), eve.listen()

    for event, payload in events_about(hall["id"]):
        answer = third.call(event, payload)
        if event == "leave_hall":
            assert answer == {"ok": True}
        else:
            expected = "message_empty" if payload.get("content") == "" else "not_a_member"
            assert (answer["ok"], answer["error"]["code"]) == (False, expected), (event, payload)
            assert set(answer) == {"ok", "error"}
    for method, path, body in requests_about(hall["id"]):
        if path == "/chat/halls/join":
            continue
        answer = eve.request(method, path, json=body)
        assert answer.status_code in (403, 404, 405, 422), path
        assert "hello" not in answer.text
    one.say(hall, "between us")
    for listener in (one, other):
        listener.wait_for("between us")

    assert contents(one.messages) == ["between us"]
    # What comes to a hall of eve's own comes after anything that she should not have heard.
    own = found(eve)
    third.join(own)
    third.say(own, "alone")
    third.wait_for("alone")
    assert contents(third.messages) == ["alone"]


def test_who_is_not_in_a_hall_hears_nothing_of_it_by_any_transport(shared_site, trio):
    ana, ben, eve = trio
    hall, own = private_hall(shared_site, ana, ben), found(eve)
    thirds = [eve.listen(own, transports=transports) for transports in (["polling"], ["websocket"], None)]
    one, other = ana.listen(hall), ben.listen(hall)
    for third in thirds:
        assert not third.join(hall)["ok"]

    one.say(hall, "secret by socket")
    ana.post(f"/chat/messages/{hall['id']}", json={"content": "secret by REST"})
    shared_site.admin("messages", "send", hall["id"], ana.user["username"], input="secret by the operator")
    other.wait_for("secret by the operator")
    thirds[0].say(own, "alone")

    for third in thirds:
        third.wait_for("alone")
        assert contents(third.messages) == ["alone"]
        assert third.halls_changed == []


def assert_unauthenticated(answer):
    assert answer[:2] == "44", answer
    refusal = json.loads(answer[2:])
    assert refusal["message"] == "unauthenticated" and refusal["data"]["code"] == "unauthenticated"


@pytest.mark.parametrize("transport", ["polling", "websocket"])
def test_who_is_not_signed_in_gets_no_socket(shared_site, transport):
    forged = SiteSession(shared_site)
    forged.cookies.set("halls_session", "A" * 43)

    for session in (SiteSession(shared_site), forged):
        assert_unauthenticated(connect_answer(session, transport))


def test_a_stock_client_learns_that_it_is_not_signed_in(shared_site):
    nobody = Listener(SiteSession(shared_site), connect=False, transports=["websocket"])

    with pytest.raises(socketio.exceptions.ConnectionError):
        nobody.connect()

    assert [refusal["message"] for refusal in nobody.refusals] == ["unauthenticated"]
    assert nobody.refusals[0]["data"]["code"] == "unauthenticated"


def test_who_is_not_signed_in_gets_nothing_by_rest(shared_site):
    for method, path, body in requests_about(1)[:-2] + [("GET", "/chat/halls", None), ("POST", "/chat/logout", {})]:
        answer = requests.request(method, shared_site.url + path, json=body, timeout=10)
        assert answer.status_code == 401, path
        assert method == "HEAD" or answer.json()["code"] == "unauthenticated"
    assert shared_site.get("/chat/me").json()["registration"] is True


# --- The end of a session ---------------------------------------------------------------------------------------------


def log_out(site, session):
    assert session.post("/chat/logout", json={}).status_code == 204


def revoke(site, session):
    sessions = json.loads(site.admin("sessions", "list", session.user["username"], "--json").stdout)
    site.admin("sessions", "revoke", sessions[-1]["id"])


def revoke_all(site, session):
    site.admin("sessions", "revoke", "--user", session.user["username"])


def disable(site, session):
    site.admin("users", "disable", session.user["username"])


def change_password(site, session):
    site.admin("users", "password", session.user["username"], input="another long password\n")


ENDINGS = [log_out, revoke, revoke_all, disable, change_password]


@pytest.mark.parametrize("end", ENDINGS, ids=lambda end: end.__name__)
def test_the_end_of_a_session_reaches_its_open_sockets(shared_site, people, end):
    ana, ben = people("ana"), people("ben")
    hall = found(ana)
    enter(hall, ben)
    windows = [ben.listen(hall, transports=transports) for transports in (["polling"], ["websocket"])]
    one = ana.listen(hall)

    end(shared_site, ben)

    for window in windows:
        window.wait_for_end()
        assert [error["code"] for error in window.errors] == ["unauthenticated"]
    one.say(hall, "without ben")
    assert all(window.messages == [] for window in windows)
    assert ben.get("/chat/halls").status_code == 401
    for transport in ("polling", "websocket"):
        assert_unauthenticated(connect_answer(ben, transport))
    assert one.is_connected


def test_one_session_of_a_person_ends_and_the_other_goes_on(shared_site, people):
    ben = people("ben")
    hall = found(ben)
    phone = sign_in(shared_site, ben.user["username"])
    on_phone, at_desk = Listener(phone), ben.listen(hall)

    log_out(shared_site, phone)

    on_phone.wait_for_end()
    at_desk.say(hall, "still here")
    assert at_desk.connected == 1 and at_desk.errors == []


def test_who_is_shut_out_cannot_sign_in_and_who_is_let_in_again_can(shared_site, people):
    ben = people("ben")
    name = ben.user["username"]
    disable(shared_site, ben)
    wrong = shared_site.post("/chat/login", json={"username": name, "password": "not the password"})

    answer = shared_site.post("/chat/login", json={"username": name, "password": PASSWORD})

    assert (answer.status_code, answer.json()["code"]) == (401, "wrong_credentials")
    assert whole(answer) == whole(wrong)
    shared_site.admin("users", "enable", name)
    assert ben.get("/chat/halls").status_code == 401
    assert sign_in(shared_site, name).socket().connected


def test_a_changed_password_is_the_only_one(shared_site, people):
    ben = people("ben")
    change_password(shared_site, ben)

    old = shared_site.post("/chat/login", json={"username": ben.user["username"], "password": PASSWORD})

    assert old.status_code == 401
    assert sign_in(shared_site, ben.user["username"], "another long password").get("/chat/me").status_code == 200


def test_a_session_that_expires_ends_its_open_sockets(make_site):
    site = make_site(flags={"session-lifetime": 4})
    ana = site.person("ana")
    # requests throws the cookie away when it expires; a thief does not.
    token = token_of(ana)
    hall = found(ana)
    windows = [Listener(ana, transports=transports) for transports in (["polling"], ["websocket"])]
    windows[0].say(hall, "in time")

    for window in windows:
        window.wait_for_end()
        assert [error["code"] for error in window.errors] == ["unauthenticated"]
    answer = ana.get("/chat/halls", headers={"Cookie": f"halls_session={token}"})
    assert answer.status_code == 401
    fresh = sign_in(site, "ana")
    assert contents(fresh.get(f"/chat/messages/{hall['id']}").json()["messages"]) == ["in time"]


def test_who_is_removed_from_a_hall_hears_nothing_more_and_is_told(shared_site, trio):
    ana, ben, _ = trio
    hall, other_hall = private_hall(shared_site, ana, ben), private_hall(shared_site, ana, ben)
    windows = [ben.listen(hall, transports=transports) for transports in (["polling"], ["websocket"])]
    one = ana.listen(hall)
    for window in windows:
        window.join(other_hall)
    one.say(hall, "with ben")

    shared_site.admin("members", "remove", hall["id"], ben.user["username"])
    # Whatever is said after the removal is not for ben, however soon.
    one.say(hall, "without ben")
    one.say(other_hall, "with ben again")

    for window in windows:
        window.wait_for("with ben again")
        assert contents(window.messages) == ["with ben", "with ben again"]
        wait_until(lambda window=window: window.halls_changed, 20, "halls_changed")
        assert window.halls_changed == [{"hall_id": hall["id"], "change": "left"}]
        for event, payload in events_about(hall["id"]):
            if event != "leave_hall" and payload.get("content") != "":
                assert window.call(event, payload)["error"]["code"] == "not_found"
        assert window.connected == 1
    assert ben.get(f"/chat/messages/{hall['id']}").status_code == 404


def test_who_leaves_by_rest_hears_nothing_more(people):
    ana, ben = people("ana"), people("ben")
    hall, other_hall = found(ana), found(ana)
    for each in (hall, other_hall):
        enter(each, ben)
    one, window = ana.listen(), ben.listen(hall)
    window.join(other_hall)

    assert ben.post("/chat/halls/leave", json={"hall_id": hall["id"]}).status_code == 204
    one.say(hall, "without ben")
    one.say(other_hall, "with ben")

    window.wait_for("with ben")
    assert contents(window.messages) == ["with ben"]


# --- Other sites ------------------------------------------------------------------------------------------------------

OWN = [
    ("chat.example", "http://chat.example"),
    ("chat.example", "http://chat.example:80"),
    ("chat.example:80", "http://chat.example"),
    ("chat.example:8080", "http://chat.example:8080"),
    ("Chat.Example", "http://chat.example"),
    # A proxy further out may have ended TLS.
    ("chat.example", "https://chat.example"),
    ("chat.example", "https://chat.example:443"),
]
FOREIGN = [
    ("chat.example", "http://evil.example"),
    ("chat.example", "http://chat.example.evil.example"),
    ("chat.example", "http://evilchat.example"),
    ("chat.example", "http://sub.chat.example"),
    ("chat.example", "http://chat.example:8080"),
    ("chat.example:8080", "http://chat.example"),
    ("chat.example", "null"),
    ("chat.example", "http://"),
    ("chat.example", "file://chat.example"),
    ("chat.example", "http://chat.example@evil.example"),
    ("chat.example", "http://chat.example/path"),
]


def upgrade_status(site, host, origin, cookies=()):
    """The status with which a WebSocket is taken or refused."""
    try:
        connection = websocket.create_connection(
            f"ws://{site.host}{UPGRADE}", host=host, origin=origin, timeout=10, suppress_host=False,
            cookie="; ".join(f"{cookie.name}={cookie.value}" for cookie in cookies) or None,
        )  # fmt: skip
    except websocket.WebSocketBadStatusException as refusal:
        return refusal.status_code
    connection.close()
    return 101


@pytest.mark.parametrize(("host", "origin"), OWN, ids=lambda value: value)
def test_pages_of_the_site_itself_may_write_and_connect(shared_site, host, origin):
    headers = {"Host": host, "Origin": origin}

    answer = shared_site.post("/chat/login", json={"username": "nobody", "password": "x" * 8}, headers=headers)

    assert answer.json()["code"] == "wrong_credentials"
    assert shared_site.get(POLLING, headers=headers).status_code == 200
    assert upgrade_status(shared_site, host, origin) == 101


@pytest.mark.parametrize(("host", "origin"), FOREIGN, ids=lambda value: value)
def test_pages_of_other_sites_can_neither_write_nor_connect_even_with_the_cookie(shared_site, people, host, origin):
    ana = people("ana")
    hall = found(ana)
    headers = {"Host": host, "Origin": origin}
    # Not by requests' jar: it would not send the cookie to another host.
    headers["Cookie"] = f"halls_session={token_of(ana)}"

    answers = [
        shared_site.post(path, json=body, headers=headers)
        for path, body in [
            (f"/chat/messages/{hall['id']}", {"content": "forged"}),
            ("/chat/halls", {"name": unique("Forged ")}),
            ("/chat/halls/leave", {"hall_id": hall["id"]}),
            ("/chat/login", {"username": "a", "password": "b"}),
            ("/chat/logout", {}),
        ]
    ]

    assert {(answer.status_code, answer.json()["code"]) for answer in answers} == {(403, "origin_refused")}
    assert all("Access-Control-Allow-Origin" not in answer.headers for answer in answers)
    assert shared_site.get(POLLING, headers=headers).status_code in (400, 403)
    assert upgrade_status(shared_site, host, origin, ana.cookies) in (400, 403)
    assert ana.get(f"/chat/messages/{hall['id']}").json()["messages"] == []


def test_a_session_of_polls_cannot_be_taken_over_from_another_site(shared_site, people):
    ana = people("ana")
    sid = json.loads(ana.get(POLLING).text[1:])["sid"]
    evil = {"Origin": "http://evil.example"}

    assert ana.post(f"{POLLING}&sid={sid}", data="40", headers=evil).status_code in (400, 403)
    assert ana.get(f"{POLLING}&sid={sid}", headers=evil).status_code in (400, 403)


def test_a_browser_that_names_no_origin_but_another_site_is_refused(shared_site):
    for fetch_site, status in (("cross-site", 403), ("same-site", 403), ("same-origin", 401), ("none", 401)):
        answer = shared_site.post(
            "/chat/login", json={"username": "a", "password": "b" * 8}, headers={"Sec-Fetch-Site": fetch_site}
        )
        assert answer.status_code == status, fetch_site


def test_an_origin_that_the_operator_names_may_write_and_connect(make_site):
    site = make_site(flags={"origins": "https://friend.example,http://other.example:8080"})

    for origin in ("https://friend.example", "http://other.example:8080"):
        headers = {"Origin": origin}
        answer = site.post("/chat/login", json={"username": "a", "password": "b" * 8}, headers=headers)
        assert answer.json()["code"] == "wrong_credentials"
        assert site.get(POLLING, headers=headers).status_code == 200
        assert upgrade_status(site, site.host, origin) == 101
    evil = {"Origin": "http://friend.example"}
    assert site.post("/chat/login", json={}, headers=evil).status_code == 403
    assert site.get(POLLING, headers=evil).status_code in (400, 403)


@pytest.mark.parametrize(
    "content_type",
    ["application/x-www-form-urlencoded", "multipart/form-data; boundary=x", "text/plain", "text/json", None],
)
def test_what_a_form_of_any_site_could_send_is_refused(people, content_type):
    ana = people("ana")
    hall = found(ana)
    body = json.dumps({"content": "forged"})
    for origin in ({}, {"Origin": None}):
        headers = {"Content-Type": content_type, **origin}

        answer = ana.post(f"/chat/messages/{hall['id']}", data=body.encode(), headers=headers)

        assert (answer.status_code, answer.json()["code"]) == (415, "unsupported_media_type")
    assert ana.get(f"/chat/messages/{hall['id']}").json()["messages"] == []


# --- The cookie -------------------------------------------------------------------------------------------------------


def cookie_of(answer):
    """The session cookie of an answer as {attribute in lower case: value}."""
    name_and_value, *attributes = answer.headers["Set-Cookie"].split("; ")
    name, value = name_and_value.split("=", 1)
    parsed = {part.split("=", 1)[0].lower(): part.partition("=")[2] for part in attributes}
    return {"name": name, "value": value, **parsed}


def test_the_cookie_is_out_of_reach_for_scripts_and_other_sites(shared_site):
    name = unique("ana")
    own = {"Origin": shared_site.url}
    answers = [
        shared_site.post(f"/chat/{route}", json={"username": name, "password": PASSWORD}, headers=own)
        for route in ("register", "login")
    ]

    cookies = [cookie_of(answer) for answer in answers]

    for cookie in cookies:
        assert re.fullmatch("halls_[0-9a-f]{8}", cookie["name"]) and len(cookie["value"]) >= 32
        assert "httponly" in cookie and cookie["samesite"] == "Lax" and cookie["path"] == "/"
        assert int(cookie["max-age"]) == 30 * 24 * 3600
        # Over plain HTTP a browser would not keep it.
        assert "secure" not in cookie and "domain" not in cookie
    assert cookies[0]["value"] != cookies[1]["value"]


@pytest.mark.filterwarnings("ignore::urllib3.exceptions.InsecureRequestWarning")
def test_over_tls_the_cookie_is_for_tls_alone_and_a_plain_page_may_not_write(make_site, tmp_path):
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2",
         "-subj", "/CN=localhost", "-keyout", tmp_path / "key.pem", "-out", tmp_path / "cert.pem"],
        check=True, capture_output=True,
    )  # fmt: skip
    port = free_port()
    site = make_site(
        server=f"listen 127.0.0.1:{port} ssl; ssl_certificate {tmp_path}/cert.pem;"
        f" ssl_certificate_key {tmp_path}/key.pem;"
    )
    url = f"https://127.0.0.1:{port}"
    ana = {"username": "ana", "password": PASSWORD}

    answer = _unverified_post(f"{url}/chat/register", ana, {"Origin": url})

    assert answer.status_code == 201
    cookie = cookie_of(answer)
    assert "secure" in cookie and "httponly" in cookie and cookie["samesite"] == "Lax"
    # No neighbour under the same domain can plant one of that name.
    assert re.fullmatch("__Host-halls_[0-9a-f]{8}", cookie["name"])
    plain = _unverified_post(f"{url}/chat/login", ana, {"Origin": url.replace("https", "http")})
    assert plain.json()["code"] == "origin_refused"
    out = _unverified_post(f"{url}/chat/logout", {}, {"Origin": url, "Cookie": f"{cookie['name']}={cookie['value']}"})
    assert out.status_code == 204
    removed = cookie_of(out)
    assert removed["max-age"] == "0" and removed["value"] == "" and "secure" in removed


def _unverified_post(url, body, headers):
    return requests.post(url, json=body, headers=headers, verify=False, timeout=10)


# --- The site's own login ---------------------------------------------------------------------------------------------

SPOOFED = ("X-Remote-User", "Remote-User", "X_Remote_User", "Remote_User", "X-Forwarded-User", "X-User", "Halls-User")


def named(site, name):
    """A session of somebody whom nginx knows by a header of the test's own, which stands for the site's login."""
    session = SiteSession(site)
    session.headers["X-Test-Login"] = name
    return session


@pytest.fixture
def own_login(make_site):
    return make_site(flags={"auth": "site"}, server="set $halls_user $http_x_test_login;")


def test_people_of_the_sites_own_login_talk_without_an_account(own_login):
    ana, ben = named(own_login, "ana"), named(own_login, "ben")
    hall = found(ana, "Garden")
    enter(hall, ben)
    listeners = [
        Listener(session, headers={"X-Test-Login": name}, transports=transports)
        for session, name in ((ana, "ana"), (ben, "ben"))
        for transports in (["polling"], ["websocket"])
    ]
    for listener in listeners:
        assert listener.join(hall)["ok"]

    listeners[0].say(hall, "hello ben")
    listeners[3].say(hall, "hello ana")

    for listener in listeners:
        listener.wait_for("hello ana")
        assert [(each["username"], each["content"]) for each in listener.messages] == [
            ("ana", "hello ben"), ("ben", "hello ana"),
        ]  # fmt: skip
        listener.close()
    me = ana.get("/chat/me").json()
    assert (me["user"]["username"], me["login"], me["registration"]) == ("ana", "site", False)
    for route in ("register", "login", "logout"):
        assert ana.post(f"/chat/{route}", json={"username": "x", "password": PASSWORD}).status_code == 404


@pytest.mark.parametrize("auth", ["site", "accounts"])
def test_whom_a_client_names_in_a_header_of_its_own_is_never_believed(make_site, auth):
    site = make_site(flags={"auth": auth}, server="set $halls_user $http_x_test_login;")
    if auth == "site":
        hall = found(named(site, "ana"), "Garden", private=True)
    else:
        hall = found(site.person("ana"), "Garden", private=True)
    for header in SPOOFED:
        liar = {header: "ana", "Authorization": requests.auth._basic_auth_str("ana", "guess")}

        assert site.get("/chat/halls", headers=liar).status_code == 401, header
        for transport in ("polling", "websocket"):
            assert_unauthenticated(connect_answer(SiteSession(site), transport, liar))
            if auth == "site":
                # Nor beside a name that nginx did give.
                ben = Listener(named(site, "ben"), transports=[transport], headers={**liar, "X-Test-Login": "ben"})
                assert ben.join(hall)["error"]["code"] == "not_found", header
                ben.close()


def test_with_basic_authentication_only_the_right_password_lets_in(make_site, tmp_path):
    site = make_site.unstarted(
        flags={"auth": "site"},
        server=f'auth_basic "Halls"; auth_basic_user_file {tmp_path}/passwords; set $halls_user $remote_user;',
    )
    (tmp_path / "passwords").write_text("ana:{PLAIN}right\nben:{PLAIN}other\n")
    (tmp_path / "passwords").chmod(0o644)
    for folder in [tmp_path, *tmp_path.parents]:
        if folder.owner() == "root" and folder.name.startswith("pytest"):
            folder.chmod(0o755)
    # `start` asks without a password and takes the 401, which is nginx's own, for an answer.
    site.start()

    ana = SiteSession(site)
    ana.auth = ("ana", "right")
    wait_until(lambda: ana.get("/chat/me").ok)
    assert ana.get("/chat/me").json()["user"]["username"] == "ana"
    for credentials in (None, ("ana", "wrong"), ("ana", ""), ("eve", "right")):
        assert site.get("/chat/me", auth=credentials).status_code == 401
        assert site.get(POLLING, auth=credentials).status_code == 401
    hall = found(ana, "Garden")
    headers = {"Authorization": requests.auth._basic_auth_str("ana", "right")}
    for transports in (["polling"], ["websocket"]):
        listener = Listener(ana, transports=transports, headers=headers)
        assert listener.say(hall, "hello")["username"] == "ana"
        listener.close()


def test_who_is_shut_out_of_a_site_with_its_own_login_is_out_at_once(own_login):
    ben = named(own_login, "ben")
    found(ben, "Garden")
    windows = [
        Listener(ben, headers={"X-Test-Login": "ben"}, transports=transports)
        for transports in (["polling"], ["websocket"])
    ]

    own_login.admin("users", "disable", "ben")

    for window in windows:
        window.wait_for_end()
        assert [error["code"] for error in window.errors] == ["unauthenticated"]
    assert ben.get("/chat/halls").status_code == 401
    assert_unauthenticated(connect_answer(ben, "websocket"))
    own_login.admin("users", "enable", "ben")
    assert ben.get("/chat/halls").status_code == 200


# --- Guessing ---------------------------------------------------------------------------------------------------------


class _FromAddress(requests.adapters.HTTPAdapter):
    """Requests that come from another address of this machine."""

    def __init__(self, address):
        self.address = address
        super().__init__()

    def init_poolmanager(self, *arguments, **options):
        super().init_poolmanager(*arguments, source_address=(self.address, 0), **options)


def try_to_sign_in(site, username, password, address="127.0.0.1", route="login"):
    session = SiteSession(site)
    session.mount("http://", _FromAddress(address))
    return session.post(f"/chat/{route}", json={"username": username, "password": password})


def assert_is_refused(answer, window):
    problem = answer.json()
    assert (answer.status_code, problem["code"]) == (429, "rate_limited")
    assert answer.headers["Retry-After"] == str(problem["retry_after"])
    assert 1 <= problem["retry_after"] <= window
    assert "Set-Cookie" not in answer.headers


def test_an_account_takes_so_many_wrong_passwords_from_an_address(make_site):
    site = make_site(flags={"logins-per-account": 4, "logins-per-address": 1000, "login-window": 600})
    for name in ("ana", "ben"):
        site.person(name)

    for _ in range(4):
        answer = try_to_sign_in(site, "ana", "wrong password", "127.0.0.9")
        assert (answer.status_code, answer.json()["code"]) == (401, "wrong_credentials")

    # Not even with the right one: who guesses must not learn that it is.
    for username in ("ana", "ANA", "ａｎａ"):
        assert_is_refused(try_to_sign_in(site, username, PASSWORD, "127.0.0.9"), 600)
    assert try_to_sign_in(site, "ben", PASSWORD, "127.0.0.9").status_code == 200
    # Who guesses keeps nobody else from the account.
    assert try_to_sign_in(site, "ana", PASSWORD, "127.0.0.8").status_code == 200
    # A restart forgives nothing.
    assert site.restart("chat-fcgi") == 0
    assert_is_refused(try_to_sign_in(site, "ana", PASSWORD, "127.0.0.9"), 600)


def test_who_logs_in_over_many_connections_keeps_nobody_from_it(make_site):
    site = make_site(flags={"logins-per-address": 1000})
    for name in ("ana", "ben"):
        site.person(name)
    is_over = threading.Event()
    statuses = collections.Counter()

    def log_in():
        while not is_over.is_set():
            statuses[try_to_sign_in(site, "ana", PASSWORD).status_code] += 1

    crowd = [threading.Thread(target=log_in) for _ in range(8)]
    for thread in crowd:
        thread.start()
    try:
        others = []
        for number in range(20):
            others.append(try_to_sign_in(site, "ben", PASSWORD, "127.0.0.2").status_code)
            others.append(try_to_sign_in(site, f"new{number}", PASSWORD, "127.0.0.3", "register").status_code)
    finally:
        is_over.set()
        for thread in crowd:
            thread.join()

    assert others == [200, 201] * 20
    assert set(statuses) == {200, 429} and statuses[200] <= 150
    listed = json.loads(site.admin("sessions", "list", "ana", "--json").stdout)
    assert len(listed) <= 50


def test_a_login_without_memory_for_the_hash_is_no_wrong_password(make_site):
    site = make_site(flags={"logins-per-account": 2})
    site.person("ana")
    pid = site.pid("chat-fcgi")
    size = 4096 * int(pathlib.Path(f"/proc/{pid}/statm").read_text().split()[0])
    unlimited = resource.prlimit(pid, resource.RLIMIT_AS, (size + (16 << 20), resource.RLIM_INFINITY))

    for username in ("ana", "ana", "ana", "nobody"):
        answer = try_to_sign_in(site, username, PASSWORD)
        assert (answer.status_code, answer.json()["code"]) == (503, "busy")
        assert int(answer.headers["Retry-After"]) >= 1

    resource.prlimit(pid, resource.RLIMIT_AS, unlimited)
    assert try_to_sign_in(site, "ana", PASSWORD).status_code == 200


def test_an_address_has_so_many_tries_over_all_accounts(make_site):
    site = make_site(flags={"logins-per-account": 1000, "logins-per-address": 6, "login-window": 600})
    for number in range(2):
        site.person(f"person{number}")

    for number in range(4):
        # One that exists is not told from one that does not.
        answer = try_to_sign_in(site, f"person{number}", "wrong password")
        assert (answer.status_code, answer.json()["code"]) == (401, "wrong_credentials")

    assert_is_refused(try_to_sign_in(site, "person0", PASSWORD), 600)
    assert_is_refused(try_to_sign_in(site, "another", PASSWORD, route="register"), 600)
    assert try_to_sign_in(site, "person0", PASSWORD, "127.0.0.2").status_code == 200


def test_a_right_password_costs_nothing_and_forgives(make_site):
    site = make_site(flags={"logins-per-account": 3, "logins-per-address": 4, "login-window": 600})
    site.person("ana")

    for _ in range(8):
        assert try_to_sign_in(site, "ana", PASSWORD).status_code == 200
    for _ in range(2):
        try_to_sign_in(site, "ana", "wrong password", "127.0.0.2")
    assert try_to_sign_in(site, "ana", PASSWORD).status_code == 200
    for _ in range(2):
        answer = try_to_sign_in(site, "ana", "wrong password", "127.0.0.3")
        assert answer.status_code == 401


def test_after_the_window_one_may_try_again(make_site):
    site = make_site(flags={"logins-per-account": 1, "login-window": 2})
    site.person("ana")
    assert try_to_sign_in(site, "ana", "wrong password").status_code == 401
    assert_is_refused(try_to_sign_in(site, "ana", PASSWORD), 2)

    wait_until(lambda: try_to_sign_in(site, "ana", PASSWORD).status_code == 200, 30, "the end of the window")


def test_an_address_is_nginxs_word_and_not_the_clients(make_site):
    site = make_site(flags={"logins-per-address": 3, "login-window": 600})
    statuses = []
    for number in range(5):
        spoofed = {name: f"10.0.0.{number}" for name in ("X-Forwarded-For", "X-Real-IP", "Forwarded", "Remote-Addr")}
        answer = site.post(
            "/chat/login", json={"username": f"p{number}", "password": "x" * 8}, headers={"Origin": site.url, **spoofed}
        )
        statuses.append(answer.status_code)

    assert statuses == [401, 401, 401, 429, 429]


def test_registration_can_be_closed(make_site):
    site = make_site(flags={"registration": "closed"})

    answer = site.post(
        "/chat/register", json={"username": "ana", "password": PASSWORD}, headers={"Origin": site.url}
    )

    assert (answer.status_code, answer.json()["code"]) == (403, "registration_closed")
    assert site.get("/chat/me").json()["registration"] is False
    site.admin("users", "add", "ana", input=PASSWORD + "\n")
    assert sign_in(site, "ana").get("/chat/me").status_code == 200
