# SPDX-License-Identifier: Apache-2.0
"""The end of a login at the site reaches open sockets, and nobody who is still signed in loses anything by it."""

import pytest
from playwright.sync_api import expect

from browsing import CHROMIUM
from halls_site import wait_until
from listener import Follower, Listener, connect_answer, contents, enter, found
from test_own_login import cookie_header, edit, flask_beside, signed_in  # noqa: F401

TRANSPORTS = [["polling"], ["websocket"], ["polling", "websocket"]]
BROWSER = pytest.mark.skipif(CHROMIUM is None, reason="there is no Chromium; './chat setup' installs it")


def recheck(seconds):
    return pytest.mark.parametrize("flask_beside", [{"site-login-recheck": seconds}], indirect=True)


def is_refused(listener):
    return any("unauthenticated" in str(refusal) for refusal in listener.refusals)


@pytest.mark.parametrize("transports", TRANSPORTS, ids="+".join)
def test_a_login_that_ends_ends_its_sockets_and_those_of_nobody_else(flask_beside, transports):
    site = flask_beside
    ben = signed_in(site, "ben")
    hall = found(ben, "Garden")
    other = Listener(ben, headers=cookie_header(ben))
    assert other.join(hall)["ok"]
    site.app.lifetime = 3
    ana = signed_in(site, "ana")
    enter(hall, ana)

    follower = Follower(ana, hall, transports)
    wait_until(lambda: is_refused(follower), 20)

    other.say(hall, "Is she gone?")
    assert (follower.connected, follower.disconnected, contents(follower.messages)) == (1, 1, [])
    assert follower.errors == [] and other.disconnected == 0
    assert ana.get("/chat/session").json()["user"] is None
    follower.client.shutdown()
    other.close()


@pytest.mark.parametrize("transports", TRANSPORTS, ids="+".join)
def test_who_prolonged_the_login_comes_back_and_misses_nothing(flask_beside, transports):
    site = flask_beside
    ben = signed_in(site, "ben")
    hall = found(ben, "Garden")
    site.app.lifetime = 3
    ana = signed_in(site, "ana")
    enter(hall, ana)
    follower = Follower(ana, hall, transports)
    site.app.lifetime = 3600
    assert ana.get("/stay").ok

    said = []

    def talks_until_she_is_back():
        answer = ben.post(f"/chat/messages/{hall['id']}", json={"content": str(len(said))})
        assert answer.status_code in (201, 429)
        if answer.status_code == 201:
            said.append(str(len(said)))
        return follower.resumed >= 2

    wait_until(talks_until_she_is_back, 20)

    wait_until(lambda: contents(follower.messages) == said, 20)
    assert follower.faults == [] and follower.errors == []
    assert (follower.connected, follower.disconnected) == (2, 1)
    follower.close()


@recheck(2)
def test_who_signed_out_at_the_site_is_gone_and_who_did_not_notices_nothing(flask_beside):
    site = flask_beside
    ana, ben = signed_in(site, "ana"), signed_in(site, "ben")
    hall = found(ben, "Garden")
    enter(hall, ana)
    leaving, staying = Follower(ana, hall, ["websocket"]), Follower(ben, hall, ["websocket"])

    assert ana.post("/logout", allow_redirects=False).status_code == 302
    wait_until(lambda: is_refused(leaving), 20)
    wait_until(lambda: staying.resumed >= 3, 20)
    assert ben.post(f"/chat/messages/{hall['id']}", json={"content": "Is she gone?"}).status_code == 201
    wait_until(lambda: contents(staying.messages) == ["Is she gone?"], 20)
    assert (leaving.connected, leaving.disconnected, leaving.messages) == (1, 1, [])
    assert leaving.errors == staying.errors == staying.faults == staying.refusals == []
    for follower in (leaving, staying):
        follower.client.shutdown()


@recheck(0)
def test_unless_it_is_asked_for_no_socket_is_closed(flask_beside):
    site = flask_beside
    ana = signed_in(site, "ana")
    hall = found(ana, "Garden")
    listener = Listener(ana, headers=cookie_header(ana))
    assert ana.post("/logout", allow_redirects=False).status_code == 302
    assert listener.join(hall)["ok"] and listener.disconnected == 0
    listener.close()


@pytest.mark.parametrize("word", ["tomorrow", "1764487346000", "-1"])
def test_an_end_that_is_no_time_opens_no_socket_and_says_why(flask_beside, word):
    site = flask_beside
    said = "auth_request_set $halls_expires $upstream_http_x_expires;"
    edit(site.folder / "nginx/halls/own/login.conf", (said, f"set $halls_expires {word};"))
    site.restart("nginx")
    ana = signed_in(site, "ana")

    for transport in ("polling", "websocket"):
        assert '"invalid_request"' in connect_answer(ana, transport)
    assert ana.get("/chat/session").json()["user"]["username"] == "ana"


# --- The page --------------------------------------------------------------------------------------------------------


def comes_in(seat, site, name="ana"):
    """Somebody goes by the site's login to the chat; each socket that the page opens is in `sockets`."""
    person = seat(site)
    person.sockets = []
    person.page.on("websocket", lambda socket: person.sockets.append(socket))
    person.page.goto(site.url + "/login?next=/chat.html")
    signs_in(person.page, name)
    person.is_at("chat")
    return person


def signs_in(page, name):
    page.locator("[name=name]").fill(name)
    page.locator("[name=password]").fill("right")
    page.locator("button").click()


@BROWSER
def test_a_page_whose_login_ends_says_so(flask_beside, seat):
    flask_beside.app.lifetime = 4
    ana = comes_in(seat, flask_beside)
    ana.make_hall("Garden")
    ana.write("hello")
    ana.sees("hello")

    ana.is_at("ended")
    expect(ana["#site-login"]).to_be_visible()
    ana.until(lambda: "hello" not in ana["body"].inner_text(), what="the end of what was said")


@BROWSER
@recheck(2)
def test_a_page_that_comes_back_shows_no_break(flask_beside, seat):
    ana = comes_in(seat, flask_beside)
    ana.make_hall("Garden")
    said = []
    while len(ana.sockets) < 4:
        said.append(f"number {len(said)}")
        ana.write(said[-1])
        ana.until(lambda: ana.rows[-1:] == [("sent", said[-1])])
        expect(ana["#offline"]).to_be_hidden()
    assert ana.contents == said[-len(ana.contents) :]


@BROWSER
@recheck(2)
def test_who_signs_in_as_another_person_sees_nothing_of_the_first(flask_beside, seat):
    site = flask_beside
    bens = found(signed_in(site, "ben"), "Bens", private=True)
    ana = comes_in(seat, site)
    ana.make_hall("Garden", private=True)
    ana.write("hello")
    ana.sees("hello")

    # The page of the chat is in no tab where the other signs in: only the site knows of it.
    tab = ana.context.new_page()
    tab.goto(site.url + "/login")
    signs_in(tab, "ben")
    expect(tab.get_by_text("Let me out")).to_be_visible()

    expect(ana.page.get_by_text(bens["name"]).first).to_be_visible()
    assert "Garden" not in ana["body"].inner_text() and "hello" not in ana["body"].inner_text()
