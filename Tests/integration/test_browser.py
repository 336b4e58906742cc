# SPDX-License-Identifier: Apache-2.0
"""The page in Chromium, as two people use it; against the real product behind nginx."""

import importlib.metadata
import os
import pathlib
import re
import signal
import sqlite3
import subprocess
import time

import pytest
from playwright.sync_api import expect

from browsing import CHROMIUM
from halls_site import PASSWORD, ROOT, Site, wait_until
from listener import enter, found, has_read, unique
from seed import seed

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="there is no Chromium; './chat setup' installs it")

PHONE = {"viewport": {"width": 390, "height": 844}, "has_touch": True, "is_mobile": True, "device_scale_factor": 2}
SMALL_PHONE = PHONE | {"viewport": {"width": 320, "height": 568}}
DESKTOP = {"viewport": {"width": 1440, "height": 900}}


def stock_client():
    """The browser client of Socket.IO's authors, in the shape of the page's own."""
    try:
        package = importlib.metadata.distribution("nicegui")
    except importlib.metadata.PackageNotFoundError:
        return None
    script = pathlib.Path(package.locate_file("nicegui/static/socket.io.min.js"))
    return script.read_text() + "\nexport const io = globalThis.io;\n"


@pytest.fixture(params=["our client", "the stock client"])
def script(request):
    if request.param == "our client":
        return None
    return stock_client() or pytest.skip("no stock client; pip install --no-deps nicegui==3.18.0 brings it")


def own_pair(site):
    ana, ben = site.person("ana"), site.person("ben")
    hall = found(ana, "Garden")
    enter(hall, ben)
    return ana, ben, hall


# --- Two people -------------------------------------------------------------------------------------------------------


def test_two_people_register_meet_in_a_hall_and_talk(shared_site, seat, script):
    ana, ben = seat(shared_site, script=script).open(), seat(shared_site, script=script).open()
    ana.is_at("sign-in")
    ana.register(unique("ana"))
    ben.register(unique("ben"))
    name = unique("Garden ")

    ana.make_hall(name)
    ben.join_hall(name)
    said = []
    for number in range(5):
        for person, who in ((ana, "ana"), (ben, "ben")):
            person.write(f"{who} {number}")
            said.append(f"{who} {number}")
            ana.sees(*said)
            ben.sees(*said)

    for person in (ana, ben):
        person.page.reload()
        person.sees(*said)
        assert person["#hall-list a"].count() == 1


def test_what_both_write_at_the_same_time_is_in_the_same_order_for_both(shared_site, seat, pair, script):
    ana, ben, hall = pair
    one = seat(shared_site, ana, script=script).open(hall)
    other = seat(shared_site, ben, script=script).open(hall)
    expect(other["#notice"]).to_be_visible()

    for number in range(10):
        one.write(f"ana {number}")
        other.write(f"ben {number}")

    for person in (one, other):
        person.until(lambda person=person: [state for state, _ in person.rows] == ["sent"] * 20)
    assert one.contents == other.contents
    for who in ("ana", "ben"):
        assert [text for text in one.contents if text.startswith(who)] == [f"{who} {number}" for number in range(10)]


def test_a_message_appears_at_once_and_its_row_stays_the_same_when_it_is_confirmed(shared_site, seat, pair):
    ana, _, hall = pair
    one = seat(shared_site, ana).open(hall)
    expect(one["#notice"]).to_be_visible()
    # Within the key press, before anything came back.
    one["#composer-text"].fill("quick")
    shown = one.page.evaluate(
        """() => {
            const text = document.querySelector("#composer-text");
            text.dispatchEvent(new KeyboardEvent("keydown", { key: "Enter", bubbles: true, cancelable: true }));
            return new Promise((resolve) => requestAnimationFrame(() => {
                window.article = document.querySelector("#log article");
                resolve([window.article?.querySelector(".message-body").textContent, text.value]);
            }));
        }"""
    )
    assert shown == ["quick", ""]
    one.sees("quick")
    assert one.page.evaluate("() => window.article === document.querySelector('#log article')")


def test_text_is_shown_as_text(shared_site, seat, pair):
    ana, ben, hall = pair
    one, other = seat(shared_site, ana).open(hall), seat(shared_site, ben).open(hall)
    texts = [
        "<script>alert(1)</script>", "<img src=x onerror=alert(1)>", "javascript:alert(1)", "&lt;b&gt; & <b>bold</b>",
        '"><svg onload=alert(1)>', "two\nlines", "https://example.com/?a=1&b=<2>", "مرحبا بالعالم", "{{constructor}}",
    ]  # fmt: skip

    for text in texts:
        one.write(text)
        other.until(lambda text=text: other.contents[-1:] == [text])

    one.sees(*texts)
    assert other["#log script, #log img, #log b, #log svg:not(.icon)"].count() == 0
    assert [link.get_attribute("href") for link in other["#log a"].all()] == ["https://example.com/?a=1&b="]


def test_what_was_written_is_sent_as_it_is(shared_site, seat, pair):
    ana, ben, hall = pair
    one = seat(shared_site, ana, **DESKTOP).open(hall)
    expect(one["#notice"]).to_be_visible()
    texts = ["    if ready:\n        go()", "\ttab", "\u3000\u3000第一", "\u00a0kept", "a  \n\n  b"]

    for text in texts:
        one.write(f"\n  \n{text}\n\n")
    one.write(" \u3000\n\u200b")

    one.sees(*texts)
    stored = ben.get(f"/chat/messages/{hall['id']}").json()["messages"]
    assert [each["content"] for each in stored] == texts
    expect(one["#send"]).to_be_disabled()


def test_a_link_that_leads_elsewhere_than_it_seems_says_so(shared_site, seat, pair):
    ana, ben, hall = pair
    for text in ("https://a.example/(b)", "see “https://bank.example@evil.example/login”!"):
        ben.post(f"/chat/messages/{hall['id']}", json={"content": text})
    one = seat(shared_site, ana, **DESKTOP).open(hall)

    expect(one["#log .link-host"]).to_have_text("evil.example")
    assert one["#log a"].all_inner_texts() == ["https://a.example/(b)", "https://bank.example@evil.example/login"]


def test_marks_upon_marks_are_painted_over_no_other_message(shared_site, seat, people):
    ana, ben = people("ana"), people("ben")
    hall = found(ana, "Marks" + "\u0323" * 70)
    enter(hall, ben)
    tower = "a" + "\u0300" * 300 + " s" + "\u0323" * 300
    for text in ("above", tower, "below"):
        ben.post(f"/chat/messages/{hall['id']}", json={"content": text})
    one = seat(shared_site, ana, **DESKTOP).open(hall)
    one.sees("above", tower, "below")

    def painted():
        rows = [f"#log article:nth-of-type({number}) .message-body" for number in (1, 3)]
        places = (*rows, "#history-beginning", ".bar:has(#hall-name)", "#composer")
        return [one[place].screenshot(animations="disabled", caret="hide") for place in places]

    before = painted()
    one["#log article:nth-of-type(2) .message-body"].evaluate("(place) => (place.textContent = 't')")
    assert painted() == before
    # The names are shown with the marks that a language may need.
    for place in ("#hall-name", "#hall-list .hall-label", "#history-beginning"):
        assert 1 < sum(one[place].inner_text().count(mark) for mark in "\u0300\u0323") <= 5, place
    assert hall["name"] not in one.page.title()


@pytest.mark.parametrize("has_clipboard", [True, False], ids=["clipboard", "plain http"])
def test_a_message_is_copied_and_one_sees_that_it_was(shared_site, seat, pair, has_clipboard):
    ana, ben, hall = pair
    ben.post(f"/chat/messages/{hall['id']}", json={"content": "  two\n lines"})
    one = seat(shared_site, ana, **DESKTOP)
    one.context.grant_permissions(["clipboard-read", "clipboard-write"])
    one.open(hall)
    one.sees("  two\n lines")
    if not has_clipboard:
        # As on a page that came over plain HTTP from another machine.
        one.page.evaluate(
            """() => {
                window.clipboard = navigator.clipboard;
                Object.defineProperty(Navigator.prototype, "clipboard", { get: () => undefined });
            }"""
        )

    one["#log article"].focus()
    one.page.keyboard.press("c")

    expect(one["#toast"]).to_have_text("Copied.")
    expect(one["#toast"]).to_be_visible()
    expect(one["#announcer"]).to_contain_text("Copied.")
    expect(one["#log article"]).to_be_focused()
    copied = one.page.evaluate("() => (window.clipboard ?? navigator.clipboard).readText()")
    assert copied == "  two\n lines"
    expect(one["#toast"]).to_be_hidden()


GIVE_A_FILE = """([selector, type]) => {
    const transfer = new DataTransfer();
    transfer.items.add(new File(["x"], "picture.png", { type: "image/png" }));
    const event = type === "paste" ? new ClipboardEvent(type, { clipboardData: transfer, bubbles: true, cancelable: true })
        : new DragEvent(type, { dataTransfer: transfer, bubbles: true, cancelable: true });
    return document.querySelector(selector).dispatchEvent(event);
}"""


def test_files_are_refused_in_words_and_never_take_the_place_of_the_page(shared_site, seat, pair):
    ana, _, hall = pair
    one = seat(shared_site, ana, **DESKTOP).open(hall)
    expect(one["#composer-text"]).to_be_focused()

    for selector, type in (("#composer-text", "paste"), ("#composer-text", "drop"), ("#log", "drop"), ("body", "dragover")):
        assert not one.page.evaluate(GIVE_A_FILE, [selector, type]), (selector, type)
        if type != "dragover":
            expect(one["#toast"]).to_have_text("You can’t send files or pictures here.")
            one["#toast"].evaluate("(toast) => (toast.textContent = '')")
    # A file that is dropped on the window as the system does it.
    folder = pathlib.Path(shared_site.folder)
    (folder / "dropped.html").write_text("<title>elsewhere</title>")
    drag = {"items": [], "files": [str(folder / "dropped.html")], "dragOperationsMask": 1}
    mouse = one.context.new_cdp_session(one.page)
    for type in ("dragEnter", "dragOver", "drop"):
        mouse.send("Input.dispatchDragEvent", {"type": type, "x": 600, "y": 300, "data": drag})
    expect(one["#toast"]).to_have_text("You can’t send files or pictures here.")
    assert one.page.url.startswith(shared_site.url)
    # Text can be dropped where one writes.
    allowed = """() => document.querySelector("#composer-text").dispatchEvent(
        new DragEvent("dragover", { dataTransfer: new DataTransfer(), bubbles: true, cancelable: true }))"""
    assert one.page.evaluate(allowed)


def test_a_third_person_sees_nothing(shared_site, seat, people):
    ana, eve = people("ana"), people("eve")
    hall = found(ana, unique("Secret "), private=True)
    one, third = seat(shared_site, ana).open(hall), seat(shared_site, eve).open(hall)

    one.write("between us")
    one.sees("between us")

    expect(third["#notice-title"]).to_have_text("Hall not found")
    assert third["#hall-list a"].count() == 0
    third["#join-hall"].click()
    expect(third["#join-dialog"]).to_be_visible()
    third["#join-filter"].fill(hall["name"])
    assert third["#join-dialog .choice"].filter(has_text=hall["name"]).count() == 0
    assert "between us" not in third.page.content() and hall["name"] not in third.page.content()


def test_a_hall_that_is_not_in_view_counts_what_is_new(shared_site, seat, pair):
    ana, ben, hall = pair
    second = found(ana)
    enter(second, ben)
    other = seat(shared_site, ben).open(hall)
    expect(other["#notice"]).to_be_visible()
    entry = other[f'#hall-list a[data-hall-id="{second["id"]}"]']
    expect(entry).to_be_visible()
    one = seat(shared_site, ana).open(second)

    for number in range(3):
        one.write(f"news {number}")

    expect(entry).to_have_class(re.compile("is-unread"))
    expect(entry.locator(".badge")).to_contain_text("3")
    entry.click()
    other.sees("news 0", "news 1", "news 2")
    expect(entry.locator(".badge")).to_be_hidden()


def test_the_length_is_counted_before_it_is_too_long(make_site, seat):
    site = make_site(flags={"message-length-max": 250})
    ana = site.person("ana")
    one = seat(site, ana).open(found(ana, "Garden"))
    expect(one["#composer"]).to_be_visible()

    one["#composer-text"].fill("x" * 245)
    expect(one["#composer-count"]).to_have_text("5 characters left")
    one["#composer-text"].fill("x" * 251)
    expect(one["#composer-count"]).to_have_text("1 character over the limit")
    expect(one["#send"]).to_be_disabled()
    one["#composer-text"].press("Enter")
    one["#composer-text"].press("Backspace")
    one["#composer-text"].press("Enter")
    one.sees("x" * 250)


# --- History ----------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def seeded():
    """A site with a hall of two hundred messages by seven people over three days."""
    site = Site(flags={"sends-per-second": 1000, "sends-burst": 1000})
    try:
        site.start()
        site.people, site.hall = seed(site)
        has_read(site.hall, *site.people)
        yield site
    finally:
        site.close()


@pytest.mark.parametrize("form", [DESKTOP, PHONE], ids=["desktop", "phone"])
def test_older_messages_load_on_scrolling_up_and_nothing_jumps(seeded, seat, form):
    one = seat(seeded, seeded.people[0], **form).open(seeded.hall)
    one.until(lambda: len(one.rows) >= 50)
    newest = one.contents[-1]
    first_and_top = """() => {
        const article = document.querySelector("#log article");
        return [article.dataset.messageId, article.getBoundingClientRect().top];
    }"""
    top_of = """(id) => document.querySelector(`article[data-message-id="${id}"]`).getBoundingClientRect().top"""

    jumps = []
    for _ in range(40):
        # To the top, and the first line is noted in the same breath; older ones come above it.
        first, before = one.page.evaluate(
            "() => { document.querySelector('#scroller').scrollTop = 0; return (" + first_and_top + ")(); }"
        )
        if len(one.rows) == 200:
            break
        one.until(
            lambda first=first: one.page.evaluate(first_and_top)[0] != first or len(one.rows) == 200,
            what="an older page",
        )  # fmt: skip
        one.page.wait_for_timeout(100)  # several frames: whatever jumps has jumped
        jumps.append(one.page.evaluate(top_of, first) - before)
    assert max(abs(jump) for jump in jumps) <= 2, jumps
    expect(one["#history-beginning"]).to_be_visible()
    ids = one.page.evaluate(
        "() => [...document.querySelectorAll('#log article')].map((row) => Number(row.dataset.messageId))"
    )
    assert ids == sorted(set(ids))
    assert len(ids) == 200 and one.contents[-1] == newest


def test_who_reads_above_is_not_moved_and_told_how_many_are_new(shared_site, seat, pair):
    ana, ben, hall = pair
    for number in range(20):
        ana.post(f"/chat/messages/{hall['id']}", json={"content": f"{number}\n" * 6})
    one = seat(shared_site, ana, **DESKTOP).open(hall)
    one.until(lambda: len(one.rows) == 20)
    place = """() => [document.querySelector("#scroller").scrollTop,
        document.querySelectorAll("#log article")[5].getBoundingClientRect().top]"""
    one.page.evaluate("() => { document.querySelector('#scroller').scrollTop = 600; }")
    one.page.wait_for_timeout(200)
    before = one.page.evaluate(place)

    for number in range(2):
        ben.post(f"/chat/messages/{hall['id']}", json={"content": f"new {number}"})

    expect(one["#new-messages"]).to_have_text("2 new messages")
    assert one.page.evaluate(place) == before
    one["#new-messages"].click()
    expect(one["#log article"].last).to_be_in_viewport()
    expect(one["#new-messages"]).to_be_hidden()


def test_at_the_end_one_stays_at_the_end(shared_site, seat, pair):
    ana, ben, hall = pair
    one = seat(shared_site, ana, **SMALL_PHONE).open(hall)
    expect(one["#notice"]).to_be_visible()
    for number in range(15):
        ben.post(f"/chat/messages/{hall['id']}", json={"content": f"line {number}"})

    one.until(lambda: one.contents[-1:] == ["line 14"])
    expect(one["#log article"].last).to_be_in_viewport(ratio=1)


BELOW_THE_VIEW = """() => {
    const { scrollHeight, scrollTop, clientHeight } = document.querySelector("#scroller");
    return Math.round(scrollHeight - scrollTop - clientHeight);
}"""


def test_the_end_is_held_while_the_input_or_the_window_changes_its_height(shared_site, seat, pair):
    ana, ben, hall = pair
    for number in range(15):
        ana.post(f"/chat/messages/{hall['id']}", json={"content": f"{number}\n" * 6})
    one = seat(shared_site, ana, **DESKTOP).open(hall)
    one.until(lambda: len(one.rows) == 15 and one.page.evaluate(BELOW_THE_VIEW) == 0)
    one.context.grant_permissions(["clipboard-read", "clipboard-write"])
    one.page.evaluate("(text) => navigator.clipboard.writeText(text)", "line\n" * 12)

    # The second time the input is empty for a moment, in which the log is taller and what is above comes into view.
    for what in ("twelve lines", "the same again"):
        one["#composer-text"].press("Control+A")
        one["#composer-text"].press("Control+V")
        one.page.wait_for_timeout(200)
        assert one.page.evaluate(BELOW_THE_VIEW) == 0, what
    for height in (500, 900, 300, 700):
        one.page.set_viewport_size({"width": 1440, "height": height})
        one.page.wait_for_timeout(100)
        assert one.page.evaluate(BELOW_THE_VIEW) == 0, height
    one.page.evaluate("() => { document.documentElement.style.fontSize = '200%'; }")
    one.page.wait_for_timeout(100)
    assert one.page.evaluate(BELOW_THE_VIEW) == 0, "larger letters"

    ben.post(f"/chat/messages/{hall['id']}", json={"content": "new"})

    one.until(lambda: one.contents[-1] == "new")
    expect(one["#log article"].last).to_be_in_viewport(ratio=1)
    expect(one["#new-messages"]).to_be_hidden()
    assert not one.page.title().startswith("(")


def test_who_has_just_left_the_end_is_not_thrown_back_to_it(shared_site, seat, pair):
    ana, _, hall = pair
    for number in range(15):
        ana.post(f"/chat/messages/{hall['id']}", json={"content": f"{number}\n" * 6})
    one = seat(shared_site, ana, **DESKTOP).open(hall)
    one.until(lambda: len(one.rows) == 15 and one.page.evaluate(BELOW_THE_VIEW) == 0)

    # Before the browser says that it was scrolled, every row is drawn anew.
    one.page.evaluate(
        """() => {
            document.querySelector("#scroller").scrollTop = 0;
            const language = document.querySelector("#language");
            language.value = "es";
            language.dispatchEvent(new Event("change"));
        }"""
    )
    one.page.wait_for_timeout(200)

    assert one.page.evaluate("() => document.querySelector('#scroller').scrollTop") < 100


def test_older_messages_that_were_refused_are_asked_for_again_where_nothing_scrolls(seeded, seat):
    tall = {"viewport": {"width": 1440, "height": 6000}}
    one = seat(seeded, seeded.people[0], **tall)
    requests = []

    def refuse(route):
        requests.append(route.request.url)
        route.fulfill(status=500)

    one.page.route("**/chat/messages/*before=*", refuse)
    began = time.monotonic()
    one.open(seeded.hall)
    expect(one["#history-failed"]).to_be_visible()
    one.page.unroute("**/chat/messages/*before=*")
    # The page asks again after five seconds, which a busy machine may have needed until here.
    most = 1 + (time.monotonic() - began) // 5

    one.until(lambda: len(one.rows) > 60, what="the older page")
    expect(one["#history-failed"]).to_be_hidden()
    assert len(requests) <= most


def test_days_are_named_in_the_persons_time_zone(shared_site, seat, pair):
    ana, _, hall = pair
    for content in ("before midnight", "after midnight"):
        ana.post(f"/chat/messages/{hall['id']}", json={"content": content})
    # The night in which Madrid leaves summer time: 23:30 and 00:30 there.
    times = ["2025-10-25T21:30:00.000Z", "2025-10-25T22:30:00.000Z"]
    with sqlite3.connect(shared_site.database, timeout=10) as database:
        for time, content in zip(times, ("before midnight", "after midnight")):
            database.execute(
                "UPDATE messages SET created_at = ? WHERE hall_id = ? AND content = ?", (time, hall["id"], content)
            )
    database.close()

    one = seat(shared_site, ana).open(hall)
    one.sees("before midnight", "after midnight")

    days = one["#log .day time"]
    assert [day.get_attribute("datetime") for day in days.all()] == ["2025-10-25", "2025-10-26"]
    assert [time.get_attribute("datetime") for time in one["#log article time"].all()] == times
    assert one["#log article time"].first.inner_text() == "23:30"


def test_the_hours_follow_the_clock_into_another_time_zone(shared_site, seat, pair):
    ana, _, hall = pair
    ana.post(f"/chat/messages/{hall['id']}", json={"content": "hello"})
    with sqlite3.connect(shared_site.database, timeout=10) as database:
        database.execute(
            "UPDATE messages SET created_at = '2025-10-25T21:30:00.000Z' WHERE hall_id = ?", (hall["id"],)
        )
    database.close()
    one = seat(shared_site, ana, timezone_id=None)
    clock = one.context.new_cdp_session(one.page)
    clock.send("Emulation.setTimezoneOverride", {"timezoneId": "Europe/Madrid"})
    one.open(hall)
    one.sees("hello")
    hour, day = one["#log article time"].first, one["#log .day time"]
    expect(hour).to_have_text("23:30")

    clock.send("Emulation.setTimezoneOverride", {"timezoneId": "Asia/Tokyo"})
    # The person looks at the page again.
    one.page.evaluate("() => document.dispatchEvent(new Event('visibilitychange'))")

    expect(hour).to_have_text(re.compile("^0?6:30$"))
    expect(day).to_have_attribute("datetime", "2025-10-26")


def test_an_older_page_that_failed_is_asked_for_again_where_one_reads(seeded, seat):
    one = seat(seeded, seeded.people[0], **DESKTOP).open(seeded.hall)
    one.until(lambda: len(one.rows) >= 50)
    requests = []

    def refuse(route):
        requests.append(route.request.url)
        route.fulfill(status=500)

    one.page.route("**/chat/messages/*before=*", refuse)
    one.page.evaluate("() => { document.querySelector('#scroller').scrollTop = 300; }")
    expect(one["#history-failed"]).to_be_visible()
    began = time.monotonic()
    place = "() => document.querySelector('#log article').getBoundingClientRect().top"
    top = one.page.evaluate(place)
    for number in range(20):
        one.page.evaluate(f"() => {{ document.querySelector('#scroller').scrollTop += {(-1) ** number}; }}")
        one.page.wait_for_timeout(20)
    # Scrolling alone asks for nothing; after five seconds, which a busy machine may need for this, the page asks by itself.
    assert len(requests) <= 1 + (time.monotonic() - began) // 5
    assert abs(one.page.evaluate(place) - top) <= 2
    one.page.unroute("**/chat/messages/*before=*")
    first = one["#log article"].first.get_attribute("data-message-id")

    one["#history-retry"].click()

    one.until(lambda: len(one.rows) > 60, what="the older page")
    expect(one["#history-failed"]).to_be_hidden()
    left = one.page.evaluate(
        """() => {
            const { scrollHeight, scrollTop } = document.querySelector("#scroller");
            return scrollHeight - scrollTop;
        }"""
    )
    assert left > 3000, "the reader was moved to the end"
    assert one["#log article"].first.get_attribute("data-message-id") != first


def post_many(session, hall, first, last, more=""):
    for number in range(first, last):
        answer = session.post(f"/chat/messages/{hall['id']}", json={"content": f"line {number}{more}"})
        assert answer.status_code == 201, answer.text


def test_the_mark_of_what_is_new_stands_before_the_first_unread_also_on_an_older_page(make_site, seat):
    site = make_site(flags={"sends-per-second": 1000, "sends-burst": 1000})
    ana, ben, hall = own_pair(site)
    second = found(ana, "Kitchen")
    tall = "\n." * 4  # a page is higher than what is loaded ahead
    post_many(ben, hall, 0, 10, tall)
    has_read(hall, ana)
    one = seat(site, ana, **DESKTOP).open(hall)
    one.until(lambda: len(one.rows) == 10)
    one[f'#hall-list a[data-hall-id="{second["id"]}"]'].click()
    expect(one["#notice"]).to_be_visible()
    # So that it is loaded afresh.
    one.page.reload()
    expect(one["#notice"]).to_be_visible()
    post_many(ben, hall, 10, 90, tall)
    expect(one[f'#hall-list a[data-hall-id="{hall["id"]}"] .badge']).to_contain_text("80")

    one[f'#hall-list a[data-hall-id="{hall["id"]}"]'].click()
    expect(one["#log .unread-mark"]).to_be_in_viewport()
    one.page.evaluate("() => { document.querySelector('#scroller').scrollTop = 0; }")
    one.until(lambda: one.contents[:1] == ["line 0" + tall])

    expect(one["#log .unread-mark + article .message-body"]).to_contain_text("line 10")


def test_who_reads_above_and_missed_more_than_an_answer_holds_is_not_moved(make_site, seat):
    site = make_site(flags={"sends-per-second": 1000, "sends-burst": 1000})
    ana, ben, hall = own_pair(site)
    post_many(ben, hall, 0, 40)
    one = seat(site, ana, **DESKTOP).open(hall)
    one.until(lambda: len(one.rows) == 40)
    one.page.evaluate("() => { document.querySelector('#scroller').scrollTop = 100; }")
    one.page.wait_for_timeout(200)
    place = "() => document.querySelectorAll('#log article')[10].getBoundingClientRect().top"
    before = one.page.evaluate(place)
    one.context.set_offline(True)
    expect(one['#offline[data-state="offline"]']).to_be_visible()
    post_many(ben, hall, 40, 260)

    one.context.set_offline(False)

    expect(one["#new-messages"]).to_have_text("220 new messages")
    assert one.page.evaluate(place) == before
    post_many(ben, hall, 260, 262)
    expect(one["#new-messages"]).to_have_text("222 new messages")
    assert one.page.evaluate(place) == before
    assert one.contents[-1] == "line 39"
    expect(one["#hall-list .badge"]).to_contain_text("99+")
    one["#new-messages"].click()
    one.until(lambda: one.contents[-1:] == ["line 261"])
    expect(one["#log article"].last).to_be_in_viewport()
    expect(one["#new-messages"]).to_be_hidden()
    expect(one["#hall-list .badge"]).to_be_hidden()
    one.write("and on")
    one.until(lambda: one.rows[-1] == ("sent", "and on"))


LINE_UNDER_THE_EYE = """() => {
    const top = document.querySelector("#scroller").getBoundingClientRect().top;
    const isVisible = (row) => row.getBoundingClientRect().bottom > top;
    const article = [...document.querySelectorAll("#log article")].find(isVisible);
    return [article.dataset.messageId, article.getBoundingClientRect().top - top];
}"""


def test_behind_the_members_of_a_phone_nothing_is_loaded_moved_or_read(make_site, seat):
    site = make_site(flags={"sends-per-second": 1000, "sends-burst": 1000})
    ana, ben, hall = own_pair(site)
    post_many(ben, hall, 0, 150, "\n." * 4)
    one = seat(site, ana, **PHONE).open(hall)
    one.until(lambda: len(one.rows) >= 50)
    one.page.evaluate("() => { document.querySelector('#scroller').scrollTop -= 2500; }")
    one.page.wait_for_timeout(300)
    before = one.page.evaluate(LINE_UNDER_THE_EYE)
    requests = []
    one.page.on("request", lambda request: requests.append(request.url))

    one["#members-toggle"].tap()
    expect(one["#members .member"]).to_have_count(2)
    frames = one.page.evaluate(
        """() => new Promise((resolve) => {
            const real = window.requestAnimationFrame;
            let asked = 0;
            window.requestAnimationFrame = (...values) => ((asked += 1), real.apply(window, values));
            setTimeout(() => ((window.requestAnimationFrame = real), resolve(asked)), 500);
        })"""
    )
    assert frames <= 3
    assert [url for url in requests if "before=" in url] == []
    one["#members-close"].tap()
    expect(one["#log"]).to_be_visible()
    one.page.wait_for_timeout(200)
    after = one.page.evaluate(LINE_UNDER_THE_EYE)
    assert after[0] == before[0] and abs(after[1] - before[1]) <= 2

    one["#to-latest"].tap()
    expect(one["#log article"].last).to_be_in_viewport()
    one["#members-toggle"].tap()
    expect(one["#members"]).to_be_visible()
    post_many(ben, hall, 150, 152)
    one.until(lambda: one.page.title().startswith("(2)"), what="two unread in the title")
    one["#members-close"].tap()
    one.until(lambda: one.contents[-1:] == ["line 151"] and not one.page.title().startswith("("))
    expect(one["#log .unread-mark + article .message-body"]).to_have_text("line 150")
    expect(one["#log article"].last).to_be_in_viewport()


def test_another_width_keeps_the_line_under_the_eye(seeded, seat):
    one = seat(seeded, seeded.people[0], **DESKTOP).open(seeded.hall)
    one.until(lambda: len(one.rows) >= 50)
    one.page.evaluate("() => { document.querySelector('#scroller').scrollTop -= 1500; }")
    one.page.wait_for_timeout(300)
    before = one.page.evaluate(LINE_UNDER_THE_EYE)

    for width in (800, 1440, 730):
        one.page.set_viewport_size({"width": width, "height": 900})
        one.page.wait_for_timeout(300)
        after = one.page.evaluate(LINE_UNDER_THE_EYE)
        assert after[0] == before[0] and abs(after[1] - before[1]) <= 2, width


def test_the_input_grows_to_eight_lines_and_leaves_room_for_the_messages(shared_site, seat, pair):
    ana, _, hall = pair
    one = seat(shared_site, ana, **DESKTOP).open(hall)
    expect(one["#composer"]).to_be_visible()
    height = lambda: one["#composer-text"].bounding_box()["height"]  # noqa: E731

    one["#composer-text"].fill("\n" * 20)
    assert height() == 8 * 24 + 16
    # Whole lines only: of 120 pixels four lines and the edges.
    one.page.set_viewport_size({"width": 600, "height": 300})
    assert height() == 4 * 24 + 16


LINE_AT_THE_TOP = """() => {
    const text = document.querySelector("#composer-text");
    const { borderTopWidth, paddingTop, lineHeight } = getComputedStyle(text);
    const cut = (text.scrollTop - parseFloat(paddingTop)) % parseFloat(lineHeight);
    return [text.scrollTop, text.scrollHeight - text.clientHeight, cut, parseFloat(borderTopWidth)];
}"""


@pytest.mark.parametrize("device", [DESKTOP, PHONE, SMALL_PHONE], ids=["desktop", "phone", "small phone"])
def test_no_line_of_a_draft_is_cut(shared_site, seat, pair, device):
    ana, _, hall = pair
    one = seat(shared_site, ana, **device).open(hall)
    expect(one["#composer"]).to_be_visible()

    one["#composer-text"].fill("\n".join(str(number) for number in range(1, 9)))
    top, hidden, *_ = one.page.evaluate(LINE_AT_THE_TOP)
    assert (top, hidden) == (0, 0), "eight lines are seen whole"
    one["#composer-text"].fill("\n".join(str(number) for number in range(1, 31)))
    one["#composer-text"].press("Control+End")
    top, hidden, cut, edge = one.page.evaluate(LINE_AT_THE_TOP)
    # Between two lines, or in the three pixels under or above their letters.
    assert top > 0 and hidden - top <= 3 and min(cut, 24 - cut) <= 3 and edge >= 8


def test_a_long_message_shows_its_beginning_until_somebody_asks_for_more(shared_site, seat, pair):
    ana, ben, hall = pair
    words = " ".join(f"word{number}" for number in range(1000))[:4000]
    lines = "```\n" + "\n".join(f"line {number}" for number in range(60)) + "\n```"
    for text in ("short", words, lines, "x" * 4000, "y" * 700):
        ben.post(f"/chat/messages/{hall['id']}", json={"content": text})
    has_read(hall, ana)
    one = seat(shared_site, ana, **DESKTOP).open(hall)
    one.until(lambda: len(one.rows) == 5)
    body = lambda number: one[f"#log article >> nth={number} >> .message-body"]  # noqa: E731
    more = lambda number: one[f"#log article >> nth={number} >> .message-fold"]  # noqa: E731

    folded = [more(number).is_visible() for number in range(5)]
    assert folded == [False, True, True, True, False]
    for number in (1, 2, 3):
        assert body(number).bounding_box()["height"] < 400, number
        assert body(number).inner_text().endswith("…"), number
    before = body(1).inner_text()
    assert words.startswith(before[:-1]) and words[len(before) - 1] == " "

    # Who is at the end and unfolds what stands there reads on from where they were.
    expect(more(3)).to_have_text("Show more")
    expect(more(3)).to_have_attribute("aria-expanded", "false")
    top = one["#log article >> nth=3"].bounding_box()["y"]
    more(3).focus()
    one.page.keyboard.press("Enter")
    expect(more(3)).to_have_text("Show less")
    expect(more(3)).to_have_attribute("aria-expanded", "true")
    expect(more(3)).to_be_focused()
    expect(body(3)).to_have_text("x" * 4000)
    one.page.wait_for_timeout(200)
    assert abs(one["#log article >> nth=3"].bounding_box()["y"] - top) <= 1
    # It stays so, whatever is drawn anew.
    ben.post(f"/chat/messages/{hall['id']}", json={"content": "later"})
    one.until(lambda: len(one.rows) == 6)
    one["#open-settings"].click()
    one["#language"].select_option("es")
    one.page.keyboard.press("Escape")
    expect(more(3)).to_have_text("Mostrar menos")
    expect(more(2)).to_have_text("Mostrar más")
    more(3).click()
    expect(more(3)).to_have_text("Mostrar más")
    expect(one["#log article >> nth=3"]).to_be_in_viewport()


@pytest.mark.parametrize("device", [DESKTOP, SMALL_PHONE], ids=["desktop", "phone"])
def test_the_way_down_covers_no_message(seeded, seat, device):
    one = seat(seeded, seeded.people[0], **device).open(seeded.hall)
    one.until(lambda: len(one.rows) >= 50)
    assert one["#scroller"].bounding_box()["height"] == one[".stage"].bounding_box()["height"]
    one.page.evaluate("() => { document.querySelector('#scroller').scrollTop -= 1500; }")
    expect(one["#to-latest"]).to_be_visible()

    log, button = one["#scroller"].bounding_box(), one["#to-latest"].bounding_box()
    assert log["y"] + log["height"] <= button["y"]

    one["#to-latest"].click()
    expect(one["#to-latest"]).to_be_hidden()
    assert one.page.evaluate(BELOW_THE_VIEW) == 0


@pytest.mark.parametrize("device", [DESKTOP, PHONE], ids=["desktop", "phone"])
def test_everybody_s_text_begins_at_the_same_place(shared_site, seat, pair, device):
    ana, ben, hall = pair
    for person in (ana, ana, ben, ben):
        person.post(f"/chat/messages/{hall['id']}", json={"content": "text"})
    one = seat(shared_site, ana, **device).open(hall)
    one.until(lambda: len(one.rows) == 4)

    lefts = one.page.evaluate(
        """() => [...document.querySelectorAll("#log .message-body")].map((body) => {
            const range = document.createRange();
            range.selectNodeContents(body);
            return Math.round(range.getBoundingClientRect().left);
        })"""
    )
    assert len(set(lefts)) == 1, lefts
    # And what stands in the margin is not under it.
    margins = one.page.evaluate(
        """() => [...document.querySelectorAll("#log article")].map((article) => {
            const part = article.querySelector(article.matches(".is-head") ? ".disc" : "time").getBoundingClientRect();
            return article.querySelector(".message-body").getBoundingClientRect().left - part.right;
        })"""
    )
    assert min(margins) >= 0, margins


def test_offline_nothing_says_that_it_is_being_sent(shared_site, seat, pair):
    ana, _, hall = pair
    one = seat(shared_site, ana, **DESKTOP).open(hall)
    expect(one["#notice"]).to_be_visible()
    one.context.set_offline(True)
    one.write("while it drops")
    expect(one["article .message-state"]).to_have_text("Sending…")
    expect(one['#offline[data-state="offline"]']).to_be_visible()

    expect(one["article .message-state"]).to_have_text("Will be sent when there’s a connection.")
    one.write("while it is gone")
    expect(one["article .message-state"].last).to_have_text("Will be sent when there’s a connection.")

    one.context.set_offline(False)
    one.sees("while it drops", "while it is gone")


# --- Trouble ----------------------------------------------------------------------------------------------------------


def test_offline_one_can_go_on_writing_and_it_is_sent_once(shared_site, seat, pair, script):
    ana, ben, hall = pair
    one = seat(shared_site, ana, script=script).open(hall)
    other = seat(shared_site, ben, script=script).open(hall)
    one.write("before")
    other.sees("before")

    one.context.set_offline(True)
    one.write("meanwhile 1")
    one.write("meanwhile 2")
    other.write("not heard at once")

    expect(one['#offline[data-state="offline"]']).to_be_visible()
    assert one.rows == [("sent", "before"), ("pending", "meanwhile 1"), ("pending", "meanwhile 2")]
    other.sees("before", "not heard at once")
    one.context.set_offline(False)

    for person in (one, other):
        person.sees("before", "not heard at once", "meanwhile 1", "meanwhile 2")
    expect(one["#offline"]).to_be_hidden()
    one.page.reload()
    one.sees("before", "not heard at once", "meanwhile 1", "meanwhile 2")


def test_what_was_written_offline_survives_a_reload(shared_site, seat, pair):
    ana, ben, hall = pair
    one = seat(shared_site, ana).open(hall)
    expect(one["#notice"]).to_be_visible()
    one.context.set_offline(True)
    one.write("kept")
    one.until(lambda: one.rows == [("pending", "kept")])
    one["#composer-text"].fill("a draft")
    one.context.set_offline(False)

    one.page.reload()

    one.sees("kept")
    expect(one["#composer-text"]).to_have_value("a draft")
    assert [each["content"] for each in ben.get(f"/chat/messages/{hall['id']}").json()["messages"]] == ["kept"]


def test_a_draft_is_kept_without_being_written_with_every_key(shared_site, seat, pair):
    ana, _, hall = pair
    second = found(ana)
    one = seat(shared_site, ana, **DESKTOP)
    one.context.add_init_script(
        """window.drafts = [];
        const setItem = Storage.prototype.setItem;
        Storage.prototype.setItem = function (key, value) {
            if (key.startsWith("halls.draft")) window.drafts.push(value);
            return setItem.call(this, key, value);
        };"""
    )
    one.open(hall)
    expect(one["#notice"]).to_be_visible()

    one.page.evaluate(
        """() => {
            const text = document.querySelector("#composer-text");
            for (let length = 1; length <= 100; length += 1) {
                text.value = "x".repeat(length);
                text.dispatchEvent(new Event("input"));
            }
        }"""
    )
    one.until(lambda: one.page.evaluate("() => window.drafts") == ['"' + "x" * 100 + '"'])
    one["#composer-text"].fill("for the first")
    one[f'#hall-list a[data-hall-id="{second["id"]}"]'].click()
    expect(one["#composer-text"]).to_have_value("")
    one["#composer-text"].fill("for the second")
    one.page.reload()
    expect(one["#composer-text"]).to_have_value("for the second")
    one[f'#hall-list a[data-hall-id="{hall["id"]}"]'].click()
    expect(one["#composer-text"]).to_have_value("for the first")


@pytest.mark.parametrize("name", ["chat-push", "chat-fcgi", "nginx"])
def test_the_page_recovers_when_something_is_killed(make_site, seat, name, script):
    site = make_site()
    ana, ben, hall = own_pair(site)
    one, other = seat(site, ana, script=script).open(hall), seat(site, ben, script=script).open(hall)
    expect(other["#notice"]).to_be_visible()
    one.write("before")
    other.sees("before")

    site.kill(name)
    one.write("ana meanwhile")
    other.page.wait_for_timeout(300)
    other.write("ben meanwhile")
    if name == "chat-push":
        expect(one["#offline"]).to_be_visible()
    site.start(name)
    one.write("ana after")

    one.until(lambda: len(one.rows) == 4 and {state for state, _ in one.rows} == {"sent"}, 40)
    stored = [each["content"] for each in ana.get(f"/chat/messages/{hall['id']}").json()["messages"]]
    assert sorted(stored) == ["ana after", "ana meanwhile", "before", "ben meanwhile"]
    assert stored.index("ana meanwhile") < stored.index("ana after")
    for person in (one, other):
        person.sees(*stored)
    expect(one["#offline"]).to_be_hidden()
    other.write("and on")
    one.sees(*stored, "and on")


def test_what_was_said_while_the_page_slept_is_there_when_it_wakes(make_site, seat, script):
    """As of a closed notebook: nothing runs in the page, and its connection is gone when it wakes."""
    site = make_site()
    ana, ben, hall = own_pair(site)
    one = seat(site, ana, script=script).open(hall)
    expect(one["#notice"]).to_be_visible()
    one.write("before")
    one.sees("before")
    lifecycle = one.context.new_cdp_session(one.page)

    lifecycle.send("Page.setWebLifecycleState", {"state": "frozen"})
    site.kill("nginx")
    site.start("nginx")
    for content in ("meanwhile 1", "meanwhile 2"):
        ben.post(f"/chat/messages/{hall['id']}", json={"content": content})
    lifecycle.send("Page.setWebLifecycleState", {"state": "active"})

    one.sees("before", "meanwhile 1", "meanwhile 2")


def test_without_chat_push_the_chat_goes_on_more_slowly(make_site, seat):
    site = make_site()
    ana, ben, hall = own_pair(site)
    one = seat(site, ana).open(hall)
    expect(one["#notice"]).to_be_visible()

    site.kill("chat-push")
    expect(one['#offline[data-state="limited"]']).to_be_visible()
    one.write("by REST")
    one.sees("by REST")
    ben.post(f"/chat/messages/{hall['id']}", json={"content": "polled"})
    one.sees("by REST", "polled")


def test_who_signs_out_elsewhere_is_signed_out_here_and_keeps_the_draft(shared_site, seat, pair, script):
    ana, ben, hall = pair
    one = seat(shared_site, ana, script=script).open(hall)
    expect(one["#notice"]).to_be_visible()
    one["#composer-text"].fill("half a sent")

    ana.post("/chat/logout", json={})

    one.is_at("ended")
    expect(one["#welcome-title"]).to_have_text("You’re signed out")
    one.sign_in(ana.user["username"])
    one.is_at("chat")
    expect(one["#composer-text"]).to_have_value("half a sent")
    one["#composer-text"].press("Enter")
    one.sees("half a sent")


def test_a_wrong_password_is_said_and_the_right_one_lets_in(shared_site, seat, people):
    ana = people("ana")
    one = seat(shared_site).open()

    one.sign_in(ana.user["username"], "not the password")
    expect(one["#login .form-error"]).to_have_text("Wrong username or password.")
    one.sign_in(ana.user["username"])
    one.is_at("chat")
    one["#open-settings"].click()
    one["#sign-out"].click()
    one.is_at("sign-in")
    one.page.reload()
    one.is_at("sign-in")


def test_who_is_removed_from_a_hall_is_told_and_sees_no_more_of_it(shared_site, seat, people, script):
    ana, ben = people("ana"), people("ben")
    hall = found(ana, unique("Secret "), private=True)
    shared_site.admin("members", "add", hall["id"], ben.user["username"])
    other = seat(shared_site, ben, script=script).open(hall)
    ana.post(f"/chat/messages/{hall['id']}", json={"content": "with ben"})
    other.sees("with ben")

    shared_site.admin("members", "remove", hall["id"], ben.user["username"])

    expect(other["#notice-title"]).to_have_text(f"You’re no longer in {hall['name']}")
    expect(other["#scroller"]).to_be_hidden()
    expect(other["#composer"]).to_be_hidden()
    assert other["#hall-list a"].count() == 0
    assert "with ben" not in other["#log"].inner_text()


def test_who_writes_too_fast_is_told_so_and_everything_is_sent_in_the_end(make_site, seat):
    site = make_site(flags={"sends-per-second": 1})
    ana = site.person("ana")
    one = seat(site, ana).open(found(ana, "Garden"))
    expect(one["#composer"]).to_be_visible()

    for number in range(5):
        one.write(f"{number}")

    expect(one["#composer-note"]).to_contain_text("You’re sending too fast.")
    one.sees("0", "1", "2", "3", "4")


def test_a_message_that_is_refused_can_be_deleted_or_tried_again(make_site, seat):
    site = make_site()
    ana, _, hall = own_pair(site)
    one = seat(site, ana).open(hall)
    expect(one["#notice"]).to_be_visible()
    site.kill("chat-push")
    site.kill("chat-fcgi")
    one.write("refused")
    one.until(lambda: one.rows == [("pending", "refused")])
    site.admin("halls", "archive", hall["id"])
    site.start("chat-fcgi", "chat-push")

    expect(one['article[data-state="failed"]']).to_be_visible()
    expect(one["article .failed-text"]).to_contain_text("This hall is archived.")
    one['[data-action="discard"]'].click()
    one.sees()
    one.page.reload()
    expect(one["#archived-note"]).to_be_visible()
    one.sees()


def test_a_message_that_fails_in_a_hall_not_in_view_is_marked_until_it_is_seen(make_site, seat):
    site = make_site()
    ana, _, hall = own_pair(site)
    second = found(ana, "Kitchen")
    one = seat(site, ana, **DESKTOP).open(hall)
    expect(one["#notice"]).to_be_visible()
    site.kill("chat-push")
    site.kill("chat-fcgi")
    one.write("refused")
    one.until(lambda: one.rows == [("pending", "refused")])
    one[f'#hall-list a[data-hall-id="{second["id"]}"]'].click()
    expect(one["#hall-name"]).to_have_text("Kitchen")
    link = one[f'#hall-list a[data-hall-id="{hall["id"]}"]']
    expect(link.locator(".hall-failed")).to_be_hidden()
    site.admin("halls", "archive", hall["id"])
    site.start("chat-fcgi", "chat-push")

    expect(link.locator(".hall-failed")).to_be_visible()
    expect(link).to_have_accessible_name("Garden Archived A message wasn’t sent")
    expect(one.page).to_have_title("Message not sent · Kitchen · Halls")
    expect(one["#announcer"]).to_contain_text("Your message in Garden wasn’t sent. This hall is archived.")
    one.page.reload()
    expect(link.locator(".hall-failed")).to_be_visible()
    link.click()
    expect(one['article[data-state="failed"]']).to_be_visible()
    expect(link.locator(".hall-failed")).to_be_hidden()
    expect(one.page).to_have_title("Garden · Halls")


def test_a_hall_that_could_not_be_loaded_says_so_until_it_is(shared_site, seat, pair):
    ana, ben, hall = pair
    ben.post(f"/chat/messages/{hall['id']}", json={"content": "before"})
    one = seat(shared_site, ana)
    page_of_hall = re.compile(rf"/chat/messages/{hall['id']}$")

    def refuse_reading(route):
        if route.request.method == "GET":
            route.fulfill(status=500)
        else:
            route.continue_()

    one.page.route(page_of_hall, refuse_reading)
    one.open(hall)
    expect(one["#history-failed"]).to_be_visible()

    one.write("mine")
    one.sees("mine")
    expect(one["#history-failed"]).to_be_visible()
    expect(one["#history-top .skeleton"]).to_be_hidden()
    one.page.unroute(page_of_hall)

    one.sees("before", "mine")
    expect(one["#history-failed"]).to_be_hidden()


@pytest.mark.parametrize("form", [DESKTOP, SMALL_PHONE], ids=["desktop", "phone"])
def test_what_says_that_one_is_offline_covers_no_button(seeded, seat, form):
    one = seat(seeded, seeded.people[0], **form)
    one.page.route(re.compile(rf"/chat/messages/{seeded.hall['id']}"), lambda route: route.fulfill(status=500))
    one.open(seeded.hall)
    expect(one["#history-failed"]).to_be_visible()

    def is_free():
        banner = one["#offline"].bounding_box()
        for place in ("#history-failed span", "#history-retry"):
            assert one[place].bounding_box()["y"] >= banner["y"] + banner["height"], place

    one.context.set_offline(True)
    expect(one['#offline[data-state="offline"]']).to_be_visible()
    is_free()
    one["#offline"].evaluate(
        "(it) => (it.textContent = 'El servidor no responde. Tus mensajes se enviarán cuando vuelva.')"
    )
    is_free()


def test_what_says_that_one_is_offline_covers_no_button_at_the_top_of_a_history(seeded, seat):
    one = seat(seeded, seeded.people[0], **SMALL_PHONE).open(seeded.hall)
    one.until(lambda: len(one.rows) >= 50)
    one.page.route("**/chat/messages/*before=*", lambda route: route.abort())
    one.context.set_offline(True)
    expect(one['#offline[data-state="offline"]']).to_be_visible()
    one.page.evaluate("() => { document.querySelector('#scroller').scrollTop = 0; }")
    expect(one["#history-failed"]).to_be_visible()
    one.page.evaluate("() => { document.querySelector('#scroller').scrollTop = 0; }")
    one.page.wait_for_timeout(200)

    banner, words = one["#offline"].bounding_box(), one["#history-failed span"].bounding_box()
    assert words["y"] >= banner["y"] + banner["height"]


NEVER = "never answered"


def hang(site, *names):
    for name in names:
        os.kill(site.pid(name), signal.SIGSTOP)
        threads = pathlib.Path(f"/proc/{site.pid(name)}/task").glob("*/stat")
        # On a busy machine the others go on until the one that was told comes to its turn.
        for thread in threads:
            wait_until(lambda thread=thread: thread.read_text().rpartition(") ")[2][0] == "T", what=f"{name} standing still")


def go_on(site, *names):
    for name in names:
        os.kill(site.pid(name), signal.SIGCONT)


def test_a_server_that_hangs_as_the_page_starts_is_said_to_be_slow(make_site, seat):
    site = make_site()
    ana, _, hall = own_pair(site)
    one = seat(site, ana)
    hang(site, "chat-fcgi")
    one.open(hall)

    expect(one["#welcome-title"]).to_have_text("The server is slow to respond", timeout=20_000)
    expect(one["#try-again"]).to_be_enabled()
    one["#try-again"].click()
    expect(one["#try-again"]).to_be_disabled()
    go_on(site, "chat-fcgi")
    one.is_at("chat")
    expect(one["#notice"]).to_be_visible()
    expect(one["#hall-list a"]).to_have_count(1)


def test_a_server_that_hangs_is_said_to_be_slow_and_what_loads_says_so(make_site, seat):
    site = make_site()
    ana, _, hall = own_pair(site)
    one = seat(site, ana, **DESKTOP).open(hall)
    expect(one["#notice"]).to_be_visible()

    hang(site, "chat-fcgi")
    one["#members-toggle"].click()
    expect(one["#members-count"]).to_have_text("Loading…")
    expect(one["#members > .skeleton"]).to_be_visible()
    one["#join-hall"].click()
    expect(one["#join-dialog .hint"]).to_have_text("Loading…")
    expect(one["#join-dialog .skeleton"]).to_be_visible()
    expect(one['#offline[data-state="slow"]']).to_have_text(re.compile("The server is slow"), timeout=20_000)
    go_on(site, "chat-fcgi")

    expect(one["#members .member"]).to_have_count(2)
    expect(one["#members > .skeleton"]).to_be_hidden()
    expect(one["#join-dialog .hint"]).to_have_text("There are no open halls to join.")
    expect(one["#join-dialog .skeleton"]).to_be_hidden()
    expect(one["#offline"]).to_have_text("")


def test_when_both_daemons_hang_or_end_one_is_told_within_seconds(make_site, seat):
    site = make_site()
    ana, _, hall = own_pair(site)
    one = seat(site, ana, **DESKTOP).open(hall)
    expect(one["#notice"]).to_be_visible()
    one.write("before")
    one.sees("before")

    hang(site, "chat-fcgi", "chat-push")
    one.write("meanwhile")
    expect(one['#offline[data-state="slow"]']).to_be_visible(timeout=20_000)
    go_on(site, "chat-fcgi", "chat-push")
    one.sees("before", "meanwhile")
    expect(one["#offline"]).to_have_text("")

    site.kill("chat-push")
    site.kill("chat-fcgi")
    expect(one["#offline"]).not_to_have_text("", timeout=20_000)
    expect(one['#offline[data-state="unreachable"]']).to_be_visible()


def test_an_owner_says_what_a_hall_is_about_and_everybody_sees_it(shared_site, seat, pair):
    ana, ben, hall = pair
    one, other = (seat(shared_site, person, **DESKTOP).open(hall) for person in (ana, ben))
    expect(other["#hall-topic"]).to_have_text("")

    one["#members-toggle"].click()
    one["#set-topic"].click()
    one["#topic-input"].fill(" <b>Tea</b> and more ")
    one.page.keyboard.press("Enter")

    for person in (one, other):
        expect(person["#hall-topic"]).to_have_text("<b>Tea</b> and more")
    expect(one["#topic-dialog"]).to_be_hidden()
    other["#members-toggle"].click()
    expect(other["#leave-hall"]).to_be_visible()
    expect(other["#set-topic"]).to_be_hidden()

    # It is there again when one comes back, and goes as it came.
    one.page.reload()
    expect(one["#hall-topic"]).to_have_text("<b>Tea</b> and more")
    if not one["#set-topic"].is_visible():
        one["#members-toggle"].click()
    one["#set-topic"].click()
    one["#topic-input"].fill("")
    one.page.keyboard.press("Enter")
    expect(other["#hall-topic"]).to_have_text("")


@pytest.mark.parametrize("trouble", [
    "a module is missing", "a module never comes", "the reader's language is missing", "the reader's language never comes",
    "the entry is missing", "the guard and a module are missing", "every script is missing",
    "an exception as it is loaded", "an exception as the chat opens",
])  # fmt: skip
def test_a_page_that_cannot_start_says_so_within_seconds(shared_site, seat, pair, trouble):
    ana, _, hall = pair
    one = seat(shared_site, ana, **DESKTOP)

    repaired = []

    def answer(name, body):
        def fulfil(route):
            if repaired:
                route.continue_()
            elif body is None:
                route.fulfill(status=404)
            elif body is not NEVER:
                route.fulfill(body=body, content_type="text/javascript")

        one.page.route(f"**/static/{name}", fulfil)

    files = {
        "a module is missing": {"js/navigation.js": None},
        "a module never comes": {"js/navigation.js": NEVER},
        "the reader's language is missing": {"js/en.js": None},
        "the reader's language never comes": {"js/en.js": NEVER},
        "the entry is missing": {"js/chat.js": None},
        "the guard and a module are missing": {"js/guard.js": None, "js/navigation.js": None},
        "every script is missing": {"js/*.js": None},
        "an exception as it is loaded": {"js/settings.js": "export class Settings { static open() { nothing(); } }"
                                         " export const mayUseSingleKeys = () => true, nameModifierKeys = () => {}, wireKeyboard = () => {};"},
        "an exception as the chat opens": {"js/chat-page.js": "export class ChatPage { constructor() { nothing(); } }"},
    }[trouble]  # fmt: skip
    for name, body in files.items():
        answer(name, body)

    one.page.goto(shared_site.url + f"/chat.html#/halls/{hall['id']}", wait_until="commit")
    # Before its styles are there everything in the page is visible.
    is_styled = "() => [...document.querySelectorAll('#start-failed')].some((it) => getComputedStyle(it).zIndex === '5')"
    one.until(lambda: one.page.evaluate(is_styled))
    # The page gives up after less than five seconds; a busy machine may have lost as many again.
    expect(one["#start-again"]).to_be_visible(timeout=20_000)
    expect(one["#start-failed"]).to_contain_text("Halls isn’t loading.")
    is_known = trouble != "every script is missing"
    assert ("Halls no se carga." in one["#start-failed"].inner_text()) != is_known, "in one language, if it is known"

    # Repaired, it starts where it was to start.
    repaired.append(True)
    one["#start-again"].click()
    one.is_at("chat")
    expect(one["#start-failed"]).to_be_hidden()
    if is_known and "the guard" not in trouble:
        assert one.page.url.endswith(f"#/halls/{hall['id']}")
    one.complaints.clear()


def test_without_storage_the_page_starts(shared_site, seat, pair):
    ana, _, hall = pair
    one = seat(shared_site, ana, **DESKTOP)
    one.context.add_init_script(
        """Object.defineProperty(window, "localStorage", { get() { throw new DOMException("no", "SecurityError"); } });"""
    )
    one.open(hall)
    expect(one["#notice"]).to_be_visible()
    one.write("kept in memory")
    one.sees("kept in memory")


def test_a_browser_that_keeps_no_cookies_is_told_so(shared_site, seat, people):
    ana = people("ana")
    one = seat(shared_site)
    one.page.route("**/chat/session", lambda route: route.fulfill(
        json={"user": None, "login": "accounts", "registration": True}))  # fmt: skip
    one.open()
    one.sign_in(ana.user["username"])

    expect(one["#login .form-error"]).to_contain_text("Allow cookies")


@pytest.mark.parametrize(("answer", "title", "lead"), [
    ("offline", "You’re offline", "once you’re back online"),
    ("unreachable", "The server isn’t responding", "We’ll keep trying"),
    ({"status": 500}, "The server isn’t responding", "We’ll keep trying"),
    ({"status": 503, "json": {"code": "busy"}}, "The server isn’t responding", "We’ll keep trying"),
    ({"status": 429, "json": {"code": "rate_limited", "retry_after": 7}}, "The server won’t let you in", "in 7 seconds"),
    ({"status": 200, "body": "<title>Log in</title>", "content_type": "text/html"}, "Sign in to Halls", "This site has its own sign-in page"),
], ids=["offline", "unreachable", "broken", "busy", "refused", "the site's"])  # fmt: skip
def test_why_one_cannot_come_in_is_told_apart(shared_site, seat, answer, title, lead):
    one = seat(shared_site, **DESKTOP)
    if answer == "offline":
        one.context.add_init_script("Object.defineProperty(Navigator.prototype, 'onLine', { get: () => false });")
    silent = isinstance(answer, str)
    one.page.route("**/chat/session", lambda route: route.abort() if silent else route.fulfill(**answer))
    one.open()

    expect(one["#welcome-title"]).to_have_text(title, timeout=20_000)
    expect(one["#welcome-lead"]).to_contain_text(lead)
    expect(one["#try-again"]).to_be_visible()


def test_trying_again_twice_starts_once(shared_site, seat, pair):
    ana, _, hall = pair
    one = seat(shared_site, ana)
    sockets = []
    one.page.on("websocket", lambda socket: sockets.append(socket.url))
    one.page.route("**/chat/session", lambda route: route.fulfill(status=500))
    one.open(hall)
    one.is_at("problem")
    one.page.unroute("**/chat/session")
    # It takes until a second press.
    held = []
    one.page.route("**/chat/halls", lambda route: route.continue_() if held else held.append(route))

    one.page.evaluate(
        """() => {
            document.querySelector("#try-again").click();
            window.dispatchEvent(new Event("online"));
            document.querySelector("#try-again").click();
        }"""
    )
    expect(one["#try-again"]).to_be_disabled()
    one.until(lambda: held)
    held[0].continue_()

    one.is_at("chat")
    expect(one["#notice"]).to_be_visible()
    assert len(sockets) == 1


def test_what_one_wrote_is_not_sent_as_another_who_signed_in_meanwhile(shared_site, seat, pair):
    ana, ben, hall = pair
    one = seat(shared_site, ana).open(hall)
    expect(one["#notice"]).to_be_visible()
    one.context.set_offline(True)
    expect(one['#offline[data-state="offline"]']).to_be_visible()
    one.write("by ana")
    one.until(lambda: one.rows == [("pending", "by ana")])
    one.take_session(ben)

    one.context.set_offline(False)

    expect(one["#me-name"]).to_have_text(ben.user["username"])
    one.write("by ben")
    one.sees("by ben")
    one.take_session(ana)
    one.page.reload()
    one.sees("by ben", "by ana")


def test_a_window_follows_who_signs_in_in_another(shared_site, seat, pair):
    ana, ben, hall = pair
    one = seat(shared_site, ana).open(hall)
    expect(one["#me-name"]).to_have_text(ana.user["username"])
    one.take_session(ben)

    other = one.context.new_page()
    other.goto(shared_site.url + "/chat.html")

    expect(one["#me-name"]).to_have_text(ben.user["username"])


def test_a_sign_out_that_fails_says_so_where_one_looks(shared_site, seat, pair):
    ana, _, hall = pair
    one = seat(shared_site, ana, **DESKTOP).open(hall)
    expect(one["#notice"]).to_be_visible()
    one.page.route("**/chat/logout", lambda route: route.abort())
    one["#open-settings"].click()

    one["#sign-out"].click()

    expect(one["#sign-out-failed"]).to_have_text("Couldn’t reach the server. Try again.")
    one.page.unroute("**/chat/logout")
    one["#sign-out"].click()
    one.is_at("sign-in")


def test_nothing_of_a_session_that_ended_is_left_in_the_page(shared_site, seat, people):
    ana = people("ana")
    hall = found(ana, unique("Secret "), private=True)
    one = seat(shared_site, ana, **DESKTOP).open(hall)
    expect(one["#notice"]).to_be_visible()
    one.write("between us")
    one.sees("between us")

    ana.post("/chat/logout", json={})
    one.is_at("ended")

    one.page.keyboard.press("Control+k")
    expect(one["#find-dialog"]).to_be_hidden()
    one[".welcome-settings"].click()
    one["#language"].select_option("es")
    expect(one["#welcome-title"]).to_have_text("Tu sesión se ha cerrado")
    html = one.page.content()
    assert "between us" not in html and hall["name"] not in html


def test_a_hall_that_cannot_be_asked_for_is_not_said_to_be_missing(shared_site, seat, people):
    ana, ben = people("ana"), people("ben")
    found(ana)
    hall = found(ben)
    one = seat(shared_site, ana, **DESKTOP)
    one.page.route("**/chat/halls?scope=open", lambda route: route.fulfill(status=500))
    one.open(hall)
    expect(one["#notice-title"]).to_have_text("Couldn’t load the hall")
    one.page.unroute("**/chat/halls?scope=open")

    one["#notice-retry"].click()

    expect(one["#notice-title"]).to_have_text(hall["name"])
    expect(one["#notice-join"]).to_be_visible()


# --- Without looking --------------------------------------------------------------------------------------------------


def test_what_is_shown_has_a_name_for_who_does_not_see_it(shared_site, seat, pair):
    ana, ben, hall = pair
    ben.post(f"/chat/messages/{hall['id']}", json={"content": "hello"})
    one = seat(shared_site, ana, **DESKTOP).open(hall)
    one.sees("hello")
    second = found(ana, unique("Second "))
    one[f'#hall-list a[data-hall-id="{second["id"]}"]'].click()
    expect(one["#notice"]).to_be_visible()
    ben.post(f"/chat/messages/{hall['id']}", json={"content": "new"})
    expect(one[f'#hall-list a[data-hall-id="{hall["id"]}"] .badge']).to_be_visible()
    one.page.go_back()
    one.sees("hello", "new")

    hour = one["#log article time"].first.inner_text()
    expect(one["#log .day"]).to_have_accessible_name("Today")
    expect(one["#log .unread-mark"]).to_have_accessible_name("New")
    expect(one["#log article"].first).to_have_accessible_name(f"{ben.user['username']} {hour} hello")


def test_every_arrival_is_said_and_a_message_that_failed_too(make_site, seat):
    site = make_site()
    ana, ben, hall = own_pair(site)
    one = seat(site, ana).open(hall)
    expect(one["#notice"]).to_be_visible()
    # What is heard is what was in the region at some time.
    one.page.evaluate(
        """() => {
            window.heard = [];
            new MutationObserver((records) => records.forEach(({ addedNodes }) =>
                addedNodes.forEach((node) => window.heard.push(node.textContent.trim()))))
                .observe(document.querySelector("#announcer"), { childList: true });
        }"""
    )
    other = ben.socket()
    for content in ("one", "two"):
        other.emit("send_message", {"hall_id": hall["id"], "content": content})
    one.sees("one", "two")
    site.admin("halls", "archive", hall["id"])
    expect(one["#archived-note"]).to_be_visible()
    one.page.evaluate("() => { document.querySelector('#composer').hidden = false; }")
    one.write("too late")

    expect(one['article[data-state="failed"]']).to_be_visible()
    assert one.page.evaluate("() => window.heard") == [
        "ben says: one", "ben says: two", "Not sent. This hall is archived.",
    ]  # fmt: skip
    assert one["#announcer span"].count() == 3


def test_the_place_of_the_connections_state_is_there_before_its_words(shared_site, seat, pair):
    ana, _, hall = pair
    one = seat(shared_site, ana).open(hall)
    expect(one["#notice"]).to_be_visible()

    assert one.page.evaluate("() => document.querySelector('#offline').checkVisibility()")
    expect(one["#offline"]).to_be_hidden()
    expect(one["#offline"]).to_have_text("")


def test_the_counter_is_said_now_and_then(make_site, seat):
    site = make_site(flags={"message-length-max": 250})
    ana = site.person("ana")
    one = seat(site, ana).open(found(ana, "Garden"))
    expect(one["#composer"]).to_be_visible()

    for length in (30, 60, 70, 170, 180, 251, 252):
        one["#composer-text"].fill("x" * length)
    assert [text.strip() for text in one["#announcer span"].all_inner_texts()] == [
        "190 characters left", "80 characters left", "1 character over the limit",
    ]  # fmt: skip


def test_the_messages_are_reached_with_the_tab_key(shared_site, seat, pair):
    ana, ben, hall = pair
    for content in ("one", "two"):
        ben.post(f"/chat/messages/{hall['id']}", json={"content": content})
    one = seat(shared_site, ana, **DESKTOP).open(hall)
    one.sees("one", "two")
    expect(one["#composer-text"]).to_be_focused()

    one["#composer-text"].press("Shift+Tab")
    expect(one["#log"]).to_be_focused()
    assert one.page.evaluate("() => getComputedStyle(document.activeElement).outlineStyle") == "solid"
    one["#log"].press("ArrowUp")
    expect(one["#log article"].last).to_be_focused()
    one.page.keyboard.press("ArrowUp")
    expect(one["#log article"].first).to_be_focused()


def test_the_focus_goes_with_the_pane(shared_site, seat, pair):
    ana, _, hall = pair
    one = seat(shared_site, ana, **PHONE).open()
    link = one[f'#hall-list a[data-hall-id="{hall["id"]}"]']
    expect(link).to_be_visible()

    link.press("Enter")
    expect(one["#hall-name"]).to_be_focused()
    one["#members-toggle"].press("Enter")
    expect(one["#members-title"]).to_be_focused()
    one["#members-close"].press("Enter")
    expect(one["#hall-name"]).to_be_focused()
    one["#back"].press("Enter")
    expect(link).to_be_focused()


KEY_OF_AN_INPUT_METHOD = """([selector, key]) => document.querySelector(selector).dispatchEvent(
    new KeyboardEvent("keydown", { key, keyCode: 229, bubbles: true, cancelable: true }))"""


def test_the_keys_of_an_input_method_are_its_own(shared_site, seat, pair):
    ana, _, hall = pair
    found(ana, unique("Other "))
    one = seat(shared_site, ana, **DESKTOP).open(hall)
    expect(one["#notice"]).to_be_visible()

    one["#find-hall"].click()
    expect(one["#found-halls .choice"]).to_have_count(2)
    for key in ("ArrowDown", "Enter"):
        assert one.page.evaluate(KEY_OF_AN_INPUT_METHOD, ["#find-filter", key]), "the page took it"
    expect(one["#find-filter"]).to_be_focused()
    expect(one["#find-dialog"]).to_be_visible()


STRIKE = """([key, code, more]) => document.activeElement.dispatchEvent(
    new KeyboardEvent("keydown", { key, code, ...more, bubbles: true, cancelable: true }))"""


def test_shortcuts_work_with_the_letters_of_other_scripts(shared_site, seat, pair):
    ana, ben, hall = pair
    ben.post(f"/chat/messages/{hall['id']}", json={"content": "hello"})
    one = seat(shared_site, ana, **DESKTOP).open(hall)
    one.sees("hello")
    one.context.grant_permissions(["clipboard-read", "clipboard-write"])

    for key in ("л", "κ", "ل", "ن", "ㅏ", "k"):
        one.page.evaluate(STRIKE, [key, "KeyK", {"ctrlKey": True}])
        expect(one["#find-dialog"]).to_be_visible()
        one.page.keyboard.press("Escape")
        expect(one["#find-dialog"]).to_be_hidden()
    one["#log article"].focus()
    one.page.evaluate(STRIKE, ["с", "KeyC", {}])  # the Russian letter, not the Latin one
    one.until(lambda: one.page.evaluate("() => navigator.clipboard.readText()") == "hello")
    one.page.evaluate(STRIKE, ["ь", "KeyM", {}])
    expect(one["#members"]).to_be_visible()


def test_a_question_mark_in_the_empty_input_shows_the_shortcuts_and_two_are_one(shared_site, seat, pair):
    ana, _, hall = pair
    one = seat(shared_site, ana, **DESKTOP).open(hall)
    expect(one["#composer-text"]).to_be_focused()

    one.page.keyboard.press("?")
    expect(one["#shortcuts-dialog"]).to_be_visible()
    one.page.keyboard.press("?")
    expect(one["#shortcuts-dialog"]).to_be_hidden()
    expect(one["#composer-text"]).to_have_value("?")
    one.page.keyboard.press("?")
    expect(one["#composer-text"]).to_have_value("??")
    expect(one["#shortcuts-dialog"]).to_be_hidden()
    one["#composer-text"].press("Enter")
    one.sees("??")


def test_letters_alone_do_nothing_where_they_were_turned_off(shared_site, seat, pair):
    ana, _, hall = pair
    one = seat(shared_site, ana, **DESKTOP).open(hall)
    expect(one["#composer-text"]).to_be_focused()
    one["#open-settings"].click()
    one["#single-keys"].uncheck()
    one.page.keyboard.press("Escape")

    for _ in ("at once", "after a reload"):
        one["#open-settings"].focus()
        for key in ("m", "?"):
            one.page.keyboard.press(key)
        expect(one["#members"]).to_be_hidden()
        expect(one["#shortcuts-dialog"]).to_be_hidden()
        one["#composer-text"].press("?")
        expect(one["#composer-text"]).to_have_value("?")
        expect(one["#shortcuts-dialog"]).to_be_hidden()
        one["#composer-text"].fill("")
        one.page.reload()
        expect(one["#composer-text"]).to_be_focused()
    one.page.keyboard.press("Control+k")
    expect(one["#find-dialog"]).to_be_visible()


def test_a_dialog_is_closed_by_a_click_beside_it_and_by_no_other(shared_site, seat, pair):
    ana, _, hall = pair
    one = seat(shared_site, ana, **DESKTOP).open(hall)
    expect(one["#notice"]).to_be_visible()
    one["#new-hall"].click()
    box = one["#create-dialog"].bounding_box()
    middle = box["y"] + box["height"] / 2
    mouse = one.page.mouse

    mouse.click(box["x"] + 8, box["y"] + 8)  # its padding
    expect(one["#create-dialog"]).to_be_visible()
    mouse.move(box["x"] + 100, middle)
    mouse.down()
    mouse.move(box["x"] - 100, middle)
    mouse.up()
    expect(one["#create-dialog"]).to_be_visible()
    mouse.click(box["x"] - 100, middle)
    expect(one["#create-dialog"]).to_be_hidden()


def test_the_ring_around_the_message_in_focus_is_whole(seeded, seat):
    one = seat(seeded, seeded.people[0], **DESKTOP).open(seeded.hall)
    one.until(lambda: len(one.rows) >= 50)
    # As far as the ring reaches beyond the message, on each side.
    room = """() => {
        const { outlineOffset, outlineWidth } = getComputedStyle(document.activeElement);
        const reach = parseFloat(outlineOffset) + parseFloat(outlineWidth);
        const box = document.activeElement.getBoundingClientRect();
        const view = document.querySelector("#scroller").getBoundingClientRect();
        const spaces = [box.top - view.top, view.bottom - box.bottom, box.left - view.left, view.right - box.right];
        return [document.activeElement.tagName, Math.min(...spaces) - reach];
    }"""

    expect(one["#composer-text"]).to_be_focused()
    one["#log"].focus()
    for _ in range(25):
        one.page.keyboard.press("ArrowUp")
        tag, space = one.page.evaluate(room)
        assert tag == "ARTICLE" and space >= 0
    for _ in range(10):
        one.page.keyboard.press("ArrowDown")
        assert one.page.evaluate(room)[1] >= 0


LEFT_OF_TEXT = """(element) => {
    const range = document.createRange();
    range.selectNodeContents(element);
    return Math.round(range.getBoundingClientRect().left);
}"""


def test_names_that_are_read_from_the_right_stand_where_the_others_begin(make_site, seat):
    site = make_site()
    ana, dana = site.person("ana"), site.person("דנה")
    hall = found(ana, "Garden")
    enter(hall, dana)
    for name in ("حديقة", "Kitchen"):
        found(dana, name)
    one = seat(site, ana, **DESKTOP).open(hall)
    one["#members-toggle"].click()
    expect(one["#members .member"]).to_have_count(2)
    one["#join-hall"].click()
    expect(one["#join-dialog .choice"]).to_have_count(2)

    for names in ("#members .member-name", "#join-dialog .hall-label"):
        lefts = [name.evaluate(LEFT_OF_TEXT) for name in one[names].all()]
        assert lefts[0] == lefts[1], names


def test_the_hall_in_view_is_in_sight_in_a_long_list(make_site, seat):
    site = make_site()
    ana = site.person("ana")
    halls = [found(ana, f"Hall {number:02}") for number in range(40)]
    one = seat(site, ana, **DESKTOP).open(halls[39])
    link = one["#hall-list a[aria-current]"]
    for number in (39, 0, 30):
        one.page.goto(site.url + f"/chat.html#/halls/{halls[number]['id']}")
        expect(link).to_have_text(re.compile(f"Hall {number:02}"))
        expect(link).to_be_in_viewport(ratio=1)


def test_a_hall_that_moves_in_the_list_leaves_the_focus_where_it_is(make_site, seat):
    site = make_site()
    ana = site.person("ana")
    halls = [found(ana, name) for name in ("Attic", "Barn", "Cellar", "Den")]
    one = seat(site, ana, **DESKTOP).open(halls[3])
    links = one["#hall-list a"]
    expect(links).to_have_count(4)
    links.filter(has_text="Cellar").focus()

    site.admin("halls", "archive", halls[0]["id"])

    expect(links.last).to_contain_text("Attic")
    assert [text.split()[0] for text in links.all_inner_texts()] == ["Barn", "Cellar", "Den", "Attic"]
    expect(links.filter(has_text="Cellar")).to_be_focused()


@pytest.mark.parametrize("device", [DESKTOP, SMALL_PHONE], ids=["desktop", "320x568"])
def test_a_long_name_is_whole_where_one_chooses_by_it(make_site, seat, device):
    site = make_site()
    long = "Bartholomew.Featherstonehaugh-Cholmondeley.of.Twickenham"
    ana, ben = site.person(long), site.person("ben")
    hall = found(ana, "Garden")
    for number in (1, 2):
        found(ben, f"The neighbours of the whole street and of the park behind it, part {number}")
    one = seat(site, ana, **device).open(hall)
    cut = """(it) => it.scrollWidth > it.clientWidth || it.scrollHeight > it.clientHeight"""

    one["#members-toggle"].click()
    expect(one["#members .member"]).to_have_count(1)
    expect(one["#members .member-name"]).to_have_text(long)
    assert not one["#members .member-name"].evaluate(cut)
    one["#members-close"].click()
    if device is SMALL_PHONE:
        one["#back"].click()
    one["#join-hall"].click()
    expect(one["#join-dialog .choice"]).to_have_count(2)
    assert [name for name in one["#join-dialog .hall-label"].all() if name.evaluate(cut)] == []


def test_on_a_low_screen_the_end_of_a_picker_is_in_sight(make_site, seat):
    site = make_site()
    ana, ben, hall = own_pair(site)
    for number in range(20):
        found(ben, f"Hall {number:02}")
    one = seat(site, ana, viewport={"width": 720, "height": 450}).open(hall)
    one["#join-hall"].click()
    expect(one["#join-dialog .choice"]).to_have_count(20)

    expect(one["#join-dialog"]).to_be_in_viewport(ratio=1)
    one["#join-dialog .choice"].last.scroll_into_view_if_needed()
    expect(one["#join-dialog .choice"].last).to_be_in_viewport(ratio=1)


def test_icons_are_drawn_without_the_network(shared_site, seat, pair):
    ana, _, hall = pair
    one = seat(shared_site, ana, **DESKTOP).open(hall)
    expect(one["#notice"]).to_be_visible()
    one.context.set_offline(True)
    one.write("waits")
    one["#log article"].focus()
    drawn = "(list) => list.map((use) => use.getBBox()).filter(({ width, height }) => width > 0 && height > 0).length"

    # What is put into the page again is drawn again: a hall that moves in the list, too.
    one.page.evaluate("() => document.body.append(document.querySelector('#app'))")

    icons = one["svg.icon:visible use"]
    assert icons.count() > 5
    assert icons.evaluate_all(drawn) == icons.count()


def test_what_a_hall_is_has_a_picture_and_a_name(make_site, seat):
    site = make_site()
    ana = site.person("ana")
    garden, attic = found(ana, "Garden", private=True), found(ana, "Attic")
    site.admin("halls", "archive", attic["id"])
    one = seat(site, ana, **DESKTOP).open(garden)
    expect(one["#hall-list a"]).to_have_count(2)

    names = {"Garden": "Private hall", "Attic": "Archived"}
    for name, mark in names.items():
        row = one["#hall-list a"].filter(has_text=name)
        expect(row.get_by_role("img", name=mark)).to_be_visible()
        expect(row).to_have_accessible_name(f"{name} {mark}")
    one.page.keyboard.press("Control+k")
    for name, mark in names.items():
        row = one["#find-dialog .choice"].filter(has_text=name)
        expect(row.get_by_role("img", name=mark)).to_be_visible()


MAIN_AND_HEADINGS = """() => {
    const seen = (selector) => [...document.querySelectorAll(selector)].filter((element) => element.checkVisibility());
    const headings = seen("h1:not([role]), [role=heading][aria-level='1']");
    const main = seen("main, [role=main]");
    return [main.length, headings.map(({ textContent }) => textContent.trim()),
        headings.every((heading) => main[0]?.contains(heading))];
}"""


def test_each_screen_has_one_main_part_and_one_heading(make_site, seat):
    site = make_site()
    ana, ben = site.person("ana"), site.person("ben")
    wide = seat(site, ana, **DESKTOP).open()

    def has(person, heading):
        person.until(lambda: person.page.evaluate(MAIN_AND_HEADINGS) == [1, [heading], True], 10, heading)

    has(wide, "Welcome, ana")
    hall = found(ana, "Garden")
    wide.open(hall)
    has(wide, "Garden")
    wide["#members-toggle"].click()
    has(wide, "Garden")
    phone = seat(site, ana, **PHONE).open()
    has(phone, "Halls")
    phone["#hall-list a"].tap()
    has(phone, "Garden")
    phone["#members-toggle"].tap()
    has(phone, "Members")
    phone.page.go_back()
    phone.page.go_back()
    has(phone, "Halls")
    stranger = seat(site, ben, **PHONE).open(hall)
    has(stranger, "Garden")
    expect(stranger["#hall-name"]).to_be_hidden()
    expect(stranger["#notice-title"]).to_have_text("Garden")
    nobody = seat(site, **PHONE).open()
    has(nobody, "Sign in to Halls")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_no_screen_and_no_dialog_breaks_a_rule_of_accessibility(make_site, seat, scheme):
    site = make_site(flags={"sends-per-second": 1000, "sends-burst": 1000})
    ana, ben, hall = own_pair(site)
    found_wrong = {}

    def look(person, screen):
        if findings := person.findings():
            found_wrong[screen] = findings

    theme = {"color_scheme": scheme}
    nobody = seat(site, **DESKTOP, **theme).open()
    nobody.is_at("sign-in")
    look(nobody, "sign-in")
    nobody.sign_in("ana", "not the password")
    expect(nobody["#login .form-error"]).to_be_visible()
    look(nobody, "a wrong password")
    nobody["#to-register"].click()
    look(nobody, "register")
    nobody["#to-login"].click()
    nobody.register("carla")
    expect(nobody["#notice-title"]).to_have_text("Welcome, carla")
    look(nobody, "no halls")

    locked, attic = found(ana, "Locked", private=True), found(ana, "Attic")
    for content in (
        "hello", "https://bank.example@evil.example/", "`code` and\n```\nlet x;\n```", "👍", "مرحبا", "x" * 300, "> quote"
    ):  # fmt: skip
        ben.post(f"/chat/messages/{hall['id']}", json={"content": content})
        ana.post(f"/chat/messages/{hall['id']}", json={"content": content})
    site.admin("halls", "archive", attic["id"])
    one = seat(site, ana, **DESKTOP, **theme).open(hall)
    one.until(lambda: len(one.rows) == 14)
    look(one, "a hall")
    one["#log article"].last.focus()
    one.page.keyboard.press("c")
    expect(one["#toast"]).to_be_visible()
    look(one, "a message in focus")
    one["#members-toggle"].click()
    expect(one["#members .member"]).to_have_count(2)
    look(one, "members")
    for name, opener in {
        "create": "#new-hall", "join": "#join-hall", "find": "#find-hall", "leave": "#leave-hall", "settings": "#open-settings",
    }.items():  # fmt: skip
        one[opener].click()
        expect(one[f"#{name}-dialog"]).to_be_visible()
        one.page.wait_for_timeout(200)
        look(one, f"the dialog {name}")
        if name != "settings":
            one.page.keyboard.press("Escape")
    one["#show-shortcuts"].click()
    look(one, "the dialog shortcuts")
    one.page.keyboard.press("Escape")
    one.open(attic)
    expect(one["#archived-note"]).to_be_visible()
    look(one, "an archived hall")
    one.open(locked)
    expect(one["#notice-title"]).to_have_text("No messages yet")
    look(one, "an empty hall")
    one.page.goto(site.url + "/chat.html#/halls/999")
    expect(one["#notice-title"]).to_have_text("Hall not found")
    look(one, "no such hall")
    one.open(hall)
    one.context.set_offline(True)
    expect(one['#offline[data-state="offline"]']).to_be_visible()
    one.write("waits")
    one.page.wait_for_timeout(1100)
    look(one, "offline")
    site.admin("halls", "archive", hall["id"])
    one.context.set_offline(False)
    expect(one['article[data-state="failed"]']).to_be_visible()
    look(one, "a message that failed")

    phone = seat(site, ben, **PHONE, **theme).open()
    expect(phone["#hall-list a"]).to_be_visible()
    look(phone, "halls on a phone")
    phone["#hall-list a"].tap()
    phone.until(lambda: len(phone.rows) == 14)
    look(phone, "a hall on a phone")
    phone["#members-toggle"].tap()
    expect(phone["#members .member"]).to_have_count(2)
    look(phone, "members on a phone")
    site.admin("members", "remove", hall["id"], "ben")
    expect(phone["#notice-title"]).to_have_text("You’re no longer in Garden")
    look(phone, "removed")
    ben.post("/chat/logout", json={})
    phone.is_at("ended")
    look(phone, "signed out")

    nobody.page.route("**/chat/session", lambda route: route.fulfill(status=500))
    nobody.page.reload()
    nobody.is_at("problem")
    look(nobody, "the server is down")
    nobody.page.route("**/static/js/navigation.js", lambda route: route.fulfill(status=404))
    nobody.page.reload()
    nobody.is_at("broken")
    look(nobody, "it does not start")
    nobody.complaints.clear()

    assert found_wrong == {}


@pytest.mark.parametrize(("locale", "word"), [("en-GB", "Send"), ("es-ES", "Enviar")])
def test_the_send_button_says_its_word_where_there_is_room(shared_site, seat, pair, locale, word):
    ana, _, hall = pair
    wide = seat(shared_site, ana, **DESKTOP, locale=locale).open(hall)
    phone = seat(shared_site, ana, **PHONE, locale=locale).open(hall)
    for person, has_room in ((wide, True), (phone, False)):
        expect(person["#send"]).to_have_accessible_name(word)
        expect(person["#send span"]).to_have_text(word)
        expect(person["#send span"]).to_be_visible(visible=has_room)
        expect(person["#send .icon"]).to_be_visible(visible=not has_room)


def test_who_leaves_the_last_hall_is_told_what_else_there_is(make_site, seat):
    site = make_site()
    ana = site.person("ana")
    for device in (DESKTOP, PHONE):
        one = seat(site, ana, **device).open(found(ana, "Garden", private=True))
        one["#members-toggle"].click()
        one["#leave-hall"].click()
        one["#leave-confirm"].click()
        expect(one["#halls-title" if device is PHONE else "#notice-title"]).to_be_focused()
        expect(one["#notice-title"]).to_have_text("Welcome, ana")


class Keys:
    """Somebody without a pointer: who presses Tab until they are where they want to be."""

    def __init__(self, seat):
        self.seat = seat
        self.press = seat.page.keyboard.press
        self.type = seat.page.keyboard.type

    def go(self, selector, key="Tab", most=40):
        for _ in range(most):
            self.press(key)
            if self.seat.page.evaluate("(selector) => document.activeElement.matches(selector)", selector):
                # Who goes by keys sees where they are.
                assert self.seat[f"{selector}:focus-visible"].count() == 1
                return self
        raise AssertionError(f"{most} times {key} do not lead to {selector}")

    def back(self, selector):
        return self.go(selector, "Shift+Tab")

    def is_at(self, selector):
        expect(self.seat[selector].first).to_be_focused()
        return self


def test_everything_can_be_done_without_a_pointer(make_site, seat):
    site = make_site()
    ana, ben = site.person("ana"), site.person("ben")
    for name in ("Attic", "Garden"):
        enter(found(ben, name), ana)
    found(ben, "Kitchen")
    one = seat(site, **DESKTOP).open()
    keys = Keys(one)

    # Signing in.
    keys.is_at("#username").type("ana")
    keys.press("Tab")
    keys.is_at("#password").type(PASSWORD)
    keys.press("Enter")
    one.is_at("chat")
    expect(one["#hall-name"]).to_have_text("Attic")
    keys.is_at("#composer-text")

    # A hall, by the list.
    keys.back('#hall-list a[aria-current="page"]').press("ArrowDown")
    expect(one["#hall-list a"].filter(has_text="Garden")).to_be_focused()
    keys.press("Enter")
    expect(one["#hall-name"]).to_have_text("Garden")
    keys.is_at("#composer-text")

    # Messages, by Enter and by the button.
    keys.type("first")
    keys.press("Enter")
    keys.type("second")
    keys.go("#send").press("Space")
    keys.is_at("#composer-text")
    one.sees("first", "second")
    keys.press("ArrowUp")
    keys.is_at(".editor textarea").press("Escape")
    keys.is_at("#composer-text").back("#log").press("ArrowUp")
    keys.is_at("#log article:last-of-type")
    keys.press("ArrowUp")
    expect(one["#log article"].first).to_be_focused()
    keys.press("Escape")
    keys.is_at("#composer-text")

    # Joining: Escape gives the focus back, a choice leads to where one writes.
    keys.back("#join-hall").press("Enter")
    keys.is_at("#join-filter").press("Escape")
    keys.is_at("#join-hall").press("Enter")
    expect(one["#join-dialog .choice"]).to_have_count(1)
    keys.is_at("#join-filter").type("kit")
    keys.press("ArrowDown")
    keys.is_at("#join-dialog .choice").press("Enter")
    expect(one["#hall-name"]).to_have_text("Kitchen")
    expect(one["#join-dialog"]).to_be_hidden()
    keys.is_at("#composer-text")

    # A new hall.
    keys.back("#new-hall").press("Enter")
    keys.is_at("#hall-name-input").press("Escape")
    keys.is_at("#new-hall").press("Enter")
    keys.is_at("#hall-name-input").type("Workshop")
    keys.go("#hall-private").press("Space")
    keys.go("#create-hall").press("Enter")
    expect(one["#hall-name"]).to_have_text("Workshop")
    expect(one["#hall-lock"]).to_be_visible()
    expect(one["#create-dialog"]).to_be_hidden()
    keys.is_at("#composer-text")

    # Who is there, and out again.
    keys.back("#members-toggle").press("Enter")
    expect(one["#members .member"]).to_have_count(1)
    keys.is_at("#members-title").press("Escape")
    keys.is_at("#members-toggle").press("Enter")
    keys.is_at("#members-title").go("#leave-hall").press("Enter")
    expect(one["#leave-dialog"]).to_be_visible()
    keys.press("Escape")
    keys.is_at("#leave-hall").press("Enter")
    keys.go("#leave-confirm").press("Enter")
    expect(one["#leave-dialog"]).to_be_hidden()
    expect(one["#hall-name"]).to_have_text("Attic")
    keys.is_at("#composer-text")

    # Finding, from anywhere.
    keys.press("Control+k")
    keys.is_at("#find-filter").press("Escape")
    keys.is_at("#composer-text").press("Control+k")
    keys.is_at("#find-filter").type("gard")
    keys.press("Enter")
    expect(one["#hall-name"]).to_have_text("Garden")
    keys.is_at("#composer-text")

    # The settings, the shortcuts, and the end.
    keys.press("?")
    expect(one["#shortcuts-dialog"]).to_be_visible()
    keys.press("Escape")
    keys.is_at("#composer-text").back("#open-settings").press("Enter")
    keys.go("#language").press("ArrowDown")
    expect(one["#halls-title"]).to_have_text("Salas")
    keys.go("#theme").type("O")
    expect(one['html[data-theme="dark"]']).to_be_attached()
    keys.go("#single-keys").press("Space")
    expect(one["#single-keys"]).not_to_be_checked()
    keys.go("#show-shortcuts").press("Enter")
    expect(one["#shortcuts-dialog"]).to_be_visible()
    keys.press("Escape")
    keys.is_at("#open-settings").press("Enter")
    keys.press("Escape")
    keys.is_at("#open-settings").press("Enter")
    keys.go("#sign-out").press("Enter")
    one.is_at("sign-in")
    keys.is_at("#username")


def test_the_second_load_asks_for_the_page_and_the_sites_own_style_alone(make_site, seat):
    site = make_site()
    page = site.folder / "nginx/site"
    page.unlink()
    subprocess.run([ROOT / "chat", "page", page.parent], check=True)
    one = seat(site, site.person("ana"), **DESKTOP).open()
    one.is_at("chat")
    page = one.context.new_page()
    network, asked, kept = one.context.new_cdp_session(page), {}, set()
    network.on("Network.requestWillBeSent", lambda event: asked.update({event["requestId"]: event["request"]["url"]}))
    network.on("Network.requestServedFromCache", lambda event: kept.add(event["requestId"]))
    network.on(
        "Network.responseReceived",
        lambda event: event["response"].get("fromDiskCache") and kept.add(event["requestId"]),
    )
    network.send("Network.enable")

    page.goto(site.url + "/chat.html")
    expect(page.locator('body[data-screen="chat"]')).to_be_attached()
    page.wait_for_timeout(300)

    files = {request: url for request, url in asked.items() if "/static/" in url}
    assert len(files) > 30
    assert [url for request, url in files.items() if request not in kept] == [site.url + "/static/halls/theme.css"]


# --- Looks ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("locale", "halls", "write"), [
    ("en-US", "Halls", "Write a message"), ("es-MX", "Salas", "Escribe un mensaje"),
    ("fr-FR", "Halls", "Write a message"),
], ids=["en", "es", "another"])  # fmt: skip
def test_the_page_speaks_the_language_of_the_browser_until_it_is_told_another(
    shared_site, seat, pair, locale, halls, write
):
    ana, _, hall = pair
    one = seat(shared_site, ana, locale=locale)
    fetched = []
    one.page.on("request", lambda request: fetched.extend(re.findall(r"/(e[ns])\.js$", request.url)))
    one.open(hall)
    expect(one["#sidebar h2"]).to_have_text(halls)
    expect(one["#composer-text"]).to_have_attribute("placeholder", write)
    language, other_language, other_word = ("en", "es", "Salas") if halls == "Halls" else ("es", "en", "Halls")
    assert fetched == [language]

    one["#open-settings"].click()
    one["#language"].select_option(other_language)

    expect(one["#sidebar h2"]).to_have_text(other_word)
    expect(one["html"]).to_have_attribute("lang", other_language)
    assert fetched == [language, other_language]
    one.page.reload()
    expect(one["#sidebar h2"]).to_have_text(other_word)
    assert fetched == [language, other_language, other_language]


def test_a_language_that_does_not_come_leaves_the_page_as_it_is_and_can_be_tried_again(shared_site, seat, pair):
    ana, _, hall = pair
    one = seat(shared_site, ana, **DESKTOP).open(hall)
    one.page.route("**/js/es.js", lambda route: route.abort())
    one["#open-settings"].click()

    one["#language"].select_option("es")

    expect(one["#language-failed"]).to_have_text("Couldn’t load that language. Check the connection and try again.")
    expect(one["#language"]).to_have_value("en")
    expect(one["html"]).to_have_attribute("lang", "en")
    one.page.unroute("**/js/es.js")
    one["#language"].select_option("es")
    expect(one["html"]).to_have_attribute("lang", "es")
    expect(one["#language-failed"]).to_be_hidden()


def test_the_page_is_light_or_dark_as_the_system_until_it_is_told_otherwise(shared_site, seat, pair):
    ana, _, hall = pair

    def lightness(person):
        expect(person["#composer"]).to_be_visible()
        colour = person.page.evaluate("() => getComputedStyle(document.documentElement).backgroundColor")
        numbers = [float(number) for number in re.findall(r"[\d.]+", colour)[:3]]
        return sum(numbers) / 3 / (255 if max(numbers) > 1 else 1)

    light = seat(shared_site, ana, color_scheme="light").open(hall)
    dark = seat(shared_site, ana, color_scheme="dark").open(hall)
    assert lightness(light) > 0.8 and lightness(dark) < 0.25

    light["#open-settings"].click()
    light["#theme"].select_option("dark")
    assert lightness(light) < 0.25
    light.page.reload()
    assert lightness(light) < 0.25


def test_other_windows_follow_the_language_the_theme_and_the_keys(shared_site, seat, pair):
    ana, _, hall = pair
    one = seat(shared_site, ana, **DESKTOP).open(hall)
    expect(one["#notice"]).to_be_visible()
    other = one.context.new_page()
    other.goto(shared_site.url + "/chat.html")
    expect(other.locator("#composer")).to_be_visible()

    one["#open-settings"].click()
    one["#language"].select_option("es")
    one["#theme"].select_option("dark")
    one["#single-keys"].uncheck()

    expect(other.locator("#sidebar h2")).to_have_text("Salas")
    expect(other.locator("html")).to_have_attribute("data-theme", "dark")
    expect(other.locator("html")).to_have_attribute("lang", "es")
    other.locator("#open-settings").click()
    expect(other.locator("#language")).to_have_value("es")
    expect(other.locator("#theme")).to_have_value("dark")
    expect(other.locator("#single-keys")).not_to_be_checked()
    one["#theme"].select_option("system")
    expect(other.locator("html")).not_to_have_attribute("data-theme", "dark")
    expect(other.locator("#theme")).to_have_value("system")


def test_with_larger_letters_a_disc_holds_its_letter_and_covers_no_text(seeded, seat):
    one = seat(seeded, seeded.people[0], **DESKTOP).open(seeded.hall)
    one.until(lambda: len(one.rows) >= 50)
    one["#members-toggle"].click()
    expect(one["#members .member"]).to_have_count(7)
    spilled = """() => [...document.querySelectorAll(".disc")].filter((disc) => disc.checkVisibility()).filter((disc) => {
        const range = document.createRange();
        range.selectNodeContents(disc);
        const [letter, box] = [range.getBoundingClientRect(), disc.getBoundingClientRect()];
        const text = disc.parentElement.querySelector(".author, .person-name").getBoundingClientRect();
        return letter.width > box.width - 4 || letter.height > box.height - 4 || box.right > text.left;
    }).length"""
    assert one.page.evaluate(spilled) == 0

    one.page.evaluate("() => { document.documentElement.style.fontSize = '200%'; }")

    assert one.page.evaluate(spilled) == 0


@pytest.mark.parametrize("device", [DESKTOP, PHONE], ids=["desktop", "390x844"])
def test_with_larger_letters_nothing_is_cut(make_site, seat, device):
    site = make_site()
    ana = site.person("ana")
    one = seat(site, ana, locale="es-ES", **device).open(found(ana, "Garden"))
    expect(one["#composer"]).to_be_visible()
    one.page.evaluate("() => { document.documentElement.style.fontSize = '200%'; }")
    is_within = """(it) => {
        const [inner, outer] = [it.getBoundingClientRect(), it.parentElement.getBoundingClientRect()];
        return inner.width > 0 && inner.left >= outer.left && inner.right <= outer.right
            && inner.top >= outer.top && inner.bottom <= outer.bottom;
    }"""

    assert one["#send > :visible"].evaluate(is_within)
    one["#members-toggle"].click()
    for part in ("name", "role"):
        expect(one[f"#members .member-{part}"]).to_be_visible()
        assert one[f"#members .member-{part}"].evaluate(is_within)
    one["#members-close"].click()
    if device is PHONE:
        one["#back"].click()
    one["#open-settings"].click()
    for name in ("settings", "shortcuts"):
        dialog = one[f"#{name}-dialog"]
        expect(dialog).to_be_visible()
        assert dialog.evaluate("(it) => it.scrollWidth <= it.clientWidth"), name
        if name == "settings":
            one["#show-shortcuts"].click()


def test_with_the_systems_colours_own_messages_and_the_hall_in_view_are_told_by_lines(seeded, seat):
    one = seat(seeded, seeded.people[0], forced_colors="active", **DESKTOP).open(seeded.hall)
    one.until(lambda: len(one.rows) >= 50)

    def border(selector):
        return one[selector].first.evaluate(
            "(it) => [getComputedStyle(it).borderTopWidth, getComputedStyle(it).borderTopColor]"
        )

    own = ".is-mine .message-body"
    assert border(f"{own}:not(.is-emoji)") != border(".message:not(.is-mine) .message-body")
    one.page.evaluate(f"() => document.querySelector('{own}').classList.add('is-emoji')")
    assert border(f"{own}.is-emoji")[0] == "0px"
    assert border(".hall[aria-current]")[0] == "2px"
    assert border(".hall:not([aria-current])")[0] == "0px"
    # What keeps the lines of a draft whole is not seen.
    one["#composer-text"].focus()
    assert border("#composer-text")[1] == one["html"].evaluate("(it) => getComputedStyle(it).backgroundColor")


def test_two_messages_of_one_person_are_told_from_two_lines(shared_site, seat, pair):
    ana, ben, hall = pair
    for content in ("one", "two"):
        ben.post(f"/chat/messages/{hall['id']}", json={"content": content})
    one = seat(shared_site, ana, **DESKTOP).open(hall)
    one.sees("one", "two")

    first, second = (body.bounding_box() for body in one["#log .message-body"].all())
    assert second["y"] - first["y"] - first["height"] >= 6


@pytest.mark.parametrize("form", [PHONE, SMALL_PHONE], ids=["390x844", "320x568"])
def test_on_a_phone_there_is_one_pane_at_a_time_and_back_is_back(shared_site, seat, pair, form):
    ana, ben, hall = pair
    one = seat(shared_site, ana, **form).open()

    def assert_fits():
        width, inner = one.page.evaluate("() => [document.documentElement.scrollWidth, innerWidth]")
        assert width <= inner == form["viewport"]["width"]

    expect(one["#sidebar"]).to_be_visible()
    expect(one["#conversation"]).to_be_hidden()
    assert_fits()
    one[f'#hall-list a[data-hall-id="{hall["id"]}"]'].tap()
    expect(one["#sidebar"]).to_be_hidden()
    one.write("from my phone " + "w" * 300)
    one.sees("from my phone " + "w" * 300)
    assert_fits()
    for selector in ("#send", "#composer-text", "#back", "#hall-name"):
        expect(one[selector]).to_be_in_viewport(ratio=1)
    one["#members-toggle"].tap()
    expect(one["#members .member"]).to_have_count(2)
    assert_fits()
    one.page.go_back()
    expect(one["#log"]).to_be_visible()
    one["#back"].tap()
    expect(one["#sidebar"]).to_be_visible()
    one.page.go_forward()
    expect(one["#log"]).to_be_visible()
    one.page.go_back()
    expect(one["#sidebar"]).to_be_visible()


def test_back_to_the_halls_never_leaves_the_page(shared_site, seat, pair):
    ana, _, hall = pair
    one = seat(shared_site, ana, **DESKTOP).open()
    expect(one["#hall-name"]).to_have_text(hall["name"])

    one.page.set_viewport_size({"width": 390, "height": 844})
    one["#back"].click()

    expect(one["#sidebar"]).to_be_visible()
    expect(one["#conversation"]).to_be_hidden()
    one[f'#hall-list a[data-hall-id="{hall["id"]}"]'].click()
    expect(one["#log"]).to_be_visible()
    # What led here is known after a reload, too: back is one step back, not another entry.
    one.page.reload()
    one["#back"].click()
    expect(one["#sidebar"]).to_be_visible()
    one.page.go_forward()
    expect(one["#log"]).to_be_visible()
    one["#members-toggle"].click()
    expect(one["#members"]).to_be_visible()
    one["#members-close"].click()
    one["#back"].click()
    expect(one["#sidebar"]).to_be_visible()


def test_targets_on_a_phone_are_large_enough_for_a_finger(shared_site, seat, pair):
    ana, _, hall = pair
    one = seat(shared_site, ana, **PHONE).open(hall)
    expect(one["#composer"]).to_be_visible()
    sizes = """() => [...document.querySelectorAll("button, a, input, textarea, select")]
        .filter((element) => element.checkVisibility() && element.getBoundingClientRect().width > 1
            && element.getBoundingClientRect().left >= 0 && !element.matches(".skip-link, input[type=checkbox]"))
        .map((element) => [element.id || element.className, element.getBoundingClientRect().height])
        .filter(([, height]) => height < 43.5)"""

    assert one.page.evaluate(sizes) == []
    one["#back"].tap()
    expect(one["#sidebar"]).to_be_visible()
    assert one.page.evaluate(sizes) == []


def test_who_leaves_a_hall_is_asked_and_then_it_is_gone(shared_site, seat, pair):
    ana, ben, hall = pair
    other = seat(shared_site, ben, **DESKTOP).open(hall)
    other["#members-toggle"].click()
    expect(other["#members .member"]).to_have_count(2)

    other["#leave-hall"].click()
    other["#leave-confirm"].click()

    expect(other[f'#hall-list a[data-hall-id="{hall["id"]}"]']).to_have_count(0)
    wait_until(lambda: ben.get(f"/chat/messages/{hall['id']}").status_code == 403, 20)


@pytest.mark.parametrize("locale", ["en-GB", "es-ES"])
@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("form", ["desktop", "phone", "small-phone"])
def test_a_picture_is_taken(seeded, seat, tmp_path, form, scheme, locale):
    """For people to look at; HALLS_SHOTS=folder keeps them."""
    folder = pathlib.Path(os.environ.get("HALLS_SHOTS") or tmp_path)
    folder.mkdir(parents=True, exist_ok=True)
    options = {"desktop": DESKTOP, "phone": PHONE, "small-phone": SMALL_PHONE}[form]
    one = seat(seeded, seeded.people[0], color_scheme=scheme, locale=locale, **options)
    name = f"{form}-{scheme}-{locale[:2]}"

    one.open(seeded.hall)
    one.until(lambda: len(one.rows) >= 50)
    expect(one["#log article"].last).to_be_in_viewport()
    one.page.wait_for_timeout(300)
    one.page.screenshot(path=folder / f"{name}.png")
    one.page.evaluate("() => { document.querySelector('#scroller').scrollTop -= 1800; }")
    one.page.wait_for_timeout(300)
    one.page.screenshot(path=folder / f"{name}-above.png")
    if form != "small-phone":
        one["#members-toggle"].click()
        expect(one["#members .member"]).to_have_count(7)
        one.page.screenshot(path=folder / f"{name}-members.png")
        one.page.go_back() if form == "phone" else one["#members-close"].click()
    if form == "phone":
        one["#back"].click()
        expect(one["#sidebar"]).to_be_visible()
        one.page.screenshot(path=folder / f"{name}-halls.png")
    one.context.clear_cookies()
    one.open()
    one.page.reload()
    one.is_at("sign-in")
    one.page.screenshot(path=folder / f"{name}-sign-in.png")
    assert len(list(folder.glob(f"{name}*.png"))) >= 3
