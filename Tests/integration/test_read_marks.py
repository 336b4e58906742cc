# SPDX-License-Identifier: Apache-2.0
"""How far somebody has read: kept by the server, the same on all devices, nobody else's business."""

import pytest
from playwright.sync_api import expect

from browsing import CHROMIUM
from halls_site import wait_until
from listener import enter, found

needs_browser = pytest.mark.skipif(CHROMIUM is None, reason="there is no Chromium; './chat setup' installs it")


def say(session, hall, count=1, content="m"):
    for number in range(1, count + 1):
        answer = session.post(f"/chat/messages/{hall['id']}", json={"content": f"{content}{number}"})
        assert answer.status_code == 201, answer.text


def unread(session):
    return tuple(session.get("/chat/unread").json()[name] for name in ("unread", "halls"))


def read_of(session, hall):
    return next(each["read"] for each in session.get("/chat/halls").json()["halls"] if each["id"] == hall["id"])


def badge(page, name):
    return page["#sidebar .hall"].filter(has_text=name).locator(".badge > [aria-hidden]")


@pytest.fixture
def site(make_site):
    return make_site(flags={"sends-per-second": 10_000})


@pytest.fixture
def hall(site):
    """A hall of ana's with ben in it: (ana, ben, hall)."""
    ana, ben = site.person("ana"), site.person("ben")
    hall = found(ana, "Tea")
    enter(hall, ben)
    return ana, ben, hall


def test_a_mark_by_rest_reaches_the_persons_sockets_and_no_other(pair):
    ana, ben, hall = pair
    say(ana, hall, 3)
    heard = {"ana": [], "ben": [], "other": []}
    for name, session in (("ana", ana), ("ben", ben), ("other", ben)):
        session.listen(hall).client.on("read_changed", heard[name].append)
    assert ben.post(f"/chat/halls/{hall['id']}/read", json={"rev": 2}).json() == {"rev": 2}
    wait_until(lambda: heard["ben"] and heard["other"], what="read_changed on both sockets")
    assert heard == {"ana": [], "ben": [{"hall_id": hall["id"], "rev": 2}], "other": [{"hall_id": hall["id"], "rev": 2}]}
    assert (read_of(ben, hall), read_of(ana, hall)) == (2, 3)


def test_a_mark_by_socket_is_acknowledged_and_told_to_the_other_socket_alone(pair):
    ana, ben, hall = pair
    say(ana, hall, 3)
    reader, other, stranger = ben.listen(hall), ben.listen(hall), ana.listen(hall)
    heard = {"reader": [], "other": [], "stranger": []}
    for name, listener in (("reader", reader), ("other", other), ("stranger", stranger)):
        listener.client.on("read_changed", heard[name].append)
    assert reader.client.call("mark_read", {"hall_id": hall["id"], "rev": 3}) == {"ok": True, "rev": 3}
    wait_until(lambda: heard["other"], what="read_changed on the other socket")
    # What is said next comes behind whatever the mark would have told anybody.
    say(ana, hall)
    for listener in (reader, other, stranger):
        wait_until(lambda each=listener: each.messages, what="the message")
    assert heard == {"reader": [], "other": [{"hall_id": hall["id"], "rev": 3}], "stranger": []}


def test_unread_is_answered_304_until_it_is_another(pair):
    ana, ben, hall = pair
    assert unread(ben) == (0, 0)
    say(ana, hall, 2)
    first = ben.get("/chat/unread")
    assert first.json() == {"unread": 2, "halls": 1}
    known = {"If-None-Match": first.headers["ETag"]}
    assert ben.get("/chat/unread", headers=known).status_code == 304
    ben.post(f"/chat/halls/{hall['id']}/read", json={"rev": 1})
    assert ben.get("/chat/unread", headers=known).json() == {"unread": 1, "halls": 1}
    ben.post("/chat/halls/leave", json={"hall_id": hall["id"]})
    assert unread(ben) == (0, 0)
    enter(hall, ben)
    assert unread(ben) == (0, 0)


@needs_browser
def test_reading_in_one_browser_clears_the_other(hall, site, seat):
    ana, ben, tea = hall
    other = found(ben, "Other")
    say(ana, tea, 3)
    desk, phone = seat(site, ben).open(other), seat(site, ben).open(other)
    for page in (desk, phone):
        expect(badge(page, "Tea")).to_have_text("3")
        page.until(lambda each=page: each.page.title().startswith("(3) "), what="the count in the title")
    desk["#sidebar .hall"].filter(has_text="Tea").click()
    desk.sees("m1", "m2", "m3")
    expect(badge(phone, "Tea")).to_be_hidden()
    phone.until(lambda: not phone.page.title().startswith("("), what="a title without a count")
    assert unread(ben) == (0, 0)
    # Ana sees nothing of it, and what she has not read stays.
    assert read_of(ana, tea) == 3


@needs_browser
def test_what_was_read_is_read_in_a_browser_that_was_never_here(hall, site, seat):
    ana, ben, tea = hall
    other = found(ben, "Other")
    say(ana, tea, 2)
    page = seat(site, ben).open(tea)
    page.sees("m1", "m2")
    page.open(other)
    wait_until(lambda: unread(ben) == (0, 0), what="the mark")
    say(ana, tea, 2, "later ")
    new = seat(site, ben).open(other)
    expect(badge(new, "Tea")).to_have_text("2")


@needs_browser
def test_what_a_browser_kept_before_there_were_marks_is_sent(hall, site, seat):
    ana, ben, tea = hall
    other = found(ben, "Other")
    say(ana, tea, 5)
    page = seat(site, ben)
    ben_id = ben.get("/chat/me").json()["user"]["id"]
    page.context.add_init_script(
        f"if (!localStorage.getItem('halls.seen.{ben_id}')) localStorage.setItem('halls.seen.{ben_id}', '{{\"{tea['id']}\":3}}')"
    )
    page.open(other)
    expect(badge(page, "Tea")).to_have_text("2")
    wait_until(lambda: read_of(ben, tea) == 3, what="the mark")
    assert unread(ben) == (2, 1)


LINE_PLACE = """() => {
    const { top, height } = document.getElementById("scroller").getBoundingClientRect();
    const line = document.querySelector(".unread-mark");
    return line === null ? null : (line.getBoundingClientRect().top - top) / height;
}"""


def line_is_in_sight(page):
    page.until(lambda: 0 <= (page.page.evaluate(LINE_PLACE) or -1) < 0.6, what="the line before what is new")


def after_line(page):
    """The first message below the line."""
    return page.page.evaluate(
        "() => document.querySelector('.unread-mark ~ article').querySelector('.message-body').textContent"
    )


@needs_browser
def test_who_comes_to_a_hall_is_led_to_the_first_new_message(hall, site, seat):
    ana, ben, tea = hall
    found(ben, "Other")
    say(ana, tea, 40, "old ")
    ben.post(f"/chat/halls/{tea['id']}/read", json={"rev": 40})
    say(ana, tea, 40, "new ")
    page = seat(site, ben).open(tea)
    line_is_in_sight(page)
    assert after_line(page) == "new 1"
    # What is below is not read by coming here.
    assert 0 < unread(ben)[0] <= 40
    expect(page["#to-latest"]).to_be_visible()
    page["#to-latest"].click()
    wait_until(lambda: unread(ben) == (0, 0), what="all of it read")
    # Who has read all of it comes to its end, without a line.
    page["#sidebar .hall"].filter(has_text="Other").click()
    page["#sidebar .hall"].filter(has_text="Tea").click()
    expect(page["#log article"].last).to_be_in_viewport()
    expect(page[".unread-mark"]).to_have_count(0)
    assert page.findings() == []


@needs_browser
def test_the_first_new_message_is_found_some_pages_before_the_newest(hall, site, seat):
    ana, ben, tea = hall
    say(ana, tea, 180, "m")
    ben.post(f"/chat/halls/{tea['id']}/read", json={"rev": 20})
    page = seat(site, ben).open(tea)
    line_is_in_sight(page)
    assert after_line(page) == "m21"
    assert unread(ben)[0] > 100


@needs_browser
def test_what_is_read_on_the_way_down_is_read_and_the_rest_is_not(hall, site, seat):
    ana, ben, tea = hall
    say(ana, tea, 120, "m")
    ben.post(f"/chat/halls/{tea['id']}/read", json={"rev": 20})
    page = seat(site, ben).open(tea)
    line_is_in_sight(page)
    wait_until(lambda: unread(ben)[0] < 100, what="what is in sight is read")
    before = unread(ben)[0]
    page.page.evaluate("() => (document.getElementById('scroller').scrollTop += 300)")
    wait_until(lambda: 0 < unread(ben)[0] < before, what="a little more is read")
    # The next time the way goes on where it ended.
    rev = 120 - unread(ben)[0]
    again = seat(site, ben).open(tea)
    line_is_in_sight(again)
    assert after_line(again) == f"m{rev + 1}"


@needs_browser
def test_who_is_far_behind_stays_at_the_end(hall, site, seat):
    ana, ben, tea = hall
    say(ana, tea, 620, "m")
    page = seat(site, ben).open(tea)
    page.until(lambda: page.contents[-1:] == ["m620"], what="the newest message")
    expect(page["#log article"].last).to_be_in_viewport()
    expect(page[".unread-mark"]).to_have_count(0)
    wait_until(lambda: unread(ben) == (0, 0), what="all of it read")


@needs_browser
def test_a_phone_is_led_to_the_first_new_message(hall, site, seat):
    ana, ben, tea = hall
    say(ana, tea, 30, "old ")
    ben.post(f"/chat/halls/{tea['id']}/read", json={"rev": 30})
    say(ana, tea, 30, "new ")
    page = seat(site, ben, viewport={"width": 390, "height": 740}, has_touch=True, color_scheme="dark").open(tea)
    line_is_in_sight(page)
    assert after_line(page) == "new 1"
    assert page.findings() == []


@needs_browser
def test_who_writes_above_the_end_is_not_held_by_what_was_new(hall, site, seat):
    ana, ben, tea = hall
    say(ana, tea, 60, "m")
    page = seat(site, ben).open(tea)
    line_is_in_sight(page)
    page.write("mine")
    page.until(lambda: page.rows[-1:] == [("sent", "mine")], what="my own message at the end")
    expect(page["#log article"].last).to_be_in_viewport()
    expect(page[".unread-mark"]).to_have_count(0)
    wait_until(lambda: unread(ben) == (0, 0), what="all of it read")
