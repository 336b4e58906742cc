# SPDX-License-Identifier: Apache-2.0
"""Editing and deleting messages on the page, as people do it; in Chromium, against the real product behind nginx."""

import re
import sqlite3

import pytest
from playwright.sync_api import expect

from browsing import CHROMIUM
from halls_site import wait_until
from listener import enter, found, has_read, unique

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="there is no Chromium; './chat setup' installs it")

PHONE = {"viewport": {"width": 360, "height": 740}, "has_touch": True, "is_mobile": True, "device_scale_factor": 2}
DESKTOP = {"viewport": {"width": 1440, "height": 900}}

DELETING = "Message deleted. Others can still see it for a few seconds."


def say(session, hall, *contents):
    """The messages, as the server answers them."""
    messages = []
    for content in contents:
        answer = session.post(f"/chat/messages/{hall['id']}", json={"content": content})
        assert answer.status_code == 201, answer.text
        messages.append(answer.json()["message"])
    return messages


def change(session, hall, message, content):
    """Edits elsewhere, or deletes where the content is None."""
    path = f"/chat/messages/{hall['id']}/{message['id']}"
    answer = session.delete(path) if content is None else session.patch(path, json={"content": content})
    assert answer.status_code == 200, answer.text


def stored(session, hall):
    """The texts of a hall as the server has them; None for what was deleted."""
    messages = session.get(f"/chat/messages/{hall['id']}").json()["messages"]
    return [None if "deleted" in message else message["content"] for message in messages]


def row(seat, message):
    return seat[f'#log article[data-message-id="{message["id"]}"]']


def body(seat, message):
    return row(seat, message).locator(".message-body")


def edit(seat, message, text):
    """By the keyboard, from the message in focus."""
    row(seat, message).focus()
    seat.page.keyboard.press("e")
    expect(seat[".editor textarea"]).to_be_focused()
    seat[".editor textarea"].fill(text)
    seat.page.keyboard.press("Enter")


def delete(seat, message):
    row(seat, message).focus()
    seat.page.keyboard.press("Delete")


def hear(seat):
    """From now on what a screen reader is told is kept."""
    seat.page.evaluate(
        """() => {
            window.heard = [];
            new MutationObserver((records) => records.forEach(({ addedNodes }) =>
                addedNodes.forEach((node) => window.heard.push(node.textContent.trim()))))
                .observe(document.querySelector("#announcer"), { childList: true });
        }"""
    )


def heard(seat):
    return seat.page.evaluate("() => window.heard")


# --- Two people -------------------------------------------------------------------------------------------------------


def test_an_edit_is_seen_by_both_at_once_and_called_one(shared_site, seat, pair):
    ana, ben, hall = pair
    first, second, third = say(ana, hall, "one", "two", "three")
    one, other = seat(shared_site, ana, **DESKTOP).open(hall), seat(shared_site, ben, **DESKTOP).open(hall)
    other.sees("one", "two", "three")

    edit(one, first, "first")
    edit(one, second, "second\nwith a line")

    expect(row(one, second)).to_be_focused()
    one.sees("first", "second\nwith a line", "three")
    other.sees("first", "second\nwith a line", "three")
    for message in (first, second):
        expect(row(other, message).locator(".message-mark")).to_be_visible()
        expect(row(other, message).locator(".message-mark")).to_have_attribute("title", re.compile(r"^Edited \w+day"))
        expect(row(other, message)).to_have_accessible_name(re.compile(r" \d{1,2}:\d\d Edited \w+day, .* (first|second)"))
    expect(row(other, third).locator(".message-mark")).to_be_hidden()
    assert stored(ben, hall) == ["first", "second\nwith a line", "three"]
    expect(other["#hall-list .badge"]).to_be_hidden()


def test_an_edit_stands_in_the_frame_of_the_key_and_says_that_it_is_being_saved(shared_site, seat, pair):
    ana, _, hall = pair
    (message,) = say(ana, hall, "old")
    one = seat(shared_site, ana, **DESKTOP).open(hall)
    one.sees("old")
    row(one, message).focus()
    one.page.keyboard.press("e")
    one[".editor textarea"].fill("new")

    shown = one.page.evaluate(
        """() => {
            document.querySelector(".editor textarea").dispatchEvent(
                new KeyboardEvent("keydown", { key: "Enter", bubbles: true, cancelable: true }));
            const row = document.querySelector("#log article");
            return [row.querySelector(".message-body").textContent, row.querySelector(".message-mark").firstChild.textContent];
        }"""
    )

    assert shown == ["new", "saving…"]
    expect(row(one, message).locator(".message-mark > [aria-hidden]")).to_have_text("edited")


def test_what_is_edited_is_shown_as_text(shared_site, seat, pair):
    ana, ben, hall = pair
    (message,) = say(ana, hall, "plain")
    one, other = seat(shared_site, ana, **DESKTOP).open(hall), seat(shared_site, ben, **DESKTOP).open(hall)
    one.sees("plain")
    text = "<img src=x onerror=alert(1)> & <b>bold</b>"

    edit(one, message, text)

    other.sees(text)
    assert other["#log img, #log b"].count() == 0


def test_a_deleted_message_is_hidden_at_once_and_others_see_it_until_it_cannot_be_undone(shared_site, seat, pair):
    ana, ben, hall = pair
    first, second = say(ana, hall, "stays", "a secret")
    one, other = seat(shared_site, ana, **DESKTOP).open(hall), seat(shared_site, ben, **DESKTOP).open(hall)
    other.sees("stays", "a secret")

    delete(one, second)
    expect(body(one, second)).to_have_text(DELETING)
    expect(row(one, second).locator('[data-action="undo"]')).to_be_focused()
    one.page.wait_for_timeout(1000)
    assert other.contents == ["stays", "a secret"]
    one.page.keyboard.press("Enter")
    expect(body(one, second)).to_have_text("a secret")
    delete(one, second)

    expect(body(other, second)).to_have_text(f"Message deleted by {ana.user['username']}")
    expect(body(one, second)).to_have_text("You deleted this message")
    # The button that went had the focus.
    expect(row(one, second)).to_be_focused()
    assert stored(ben, hall) == ["stays", None]
    for person in (one, other):
        assert "a secret" not in person.page.evaluate("() => document.documentElement.outerHTML + JSON.stringify({ ...localStorage })")
    expect(row(other, second)).to_have_accessible_name(re.compile(rf"^{ana.user['username']} \d{{1,2}}:\d\d Message deleted by"))


def test_two_deletions_in_a_row_are_two(shared_site, seat, pair):
    ana, _, hall = pair
    messages = say(ana, hall, "one", "two", "three")
    one = seat(shared_site, ana, **DESKTOP).open(hall)
    one.sees("one", "two", "three")

    for message in messages[:2]:
        delete(one, message)
    row(one, messages[0]).locator('[data-action="undo"]').click()

    wait_until(lambda: stored(ana, hall) == ["one", None, "three"])
    expect(body(one, messages[0])).to_have_text("one")


@pytest.mark.parametrize("way", ["elsewhere", "reload"])
def test_a_deletion_is_sent_when_the_page_is_left(shared_site, seat, pair, way):
    ana, ben, hall = pair
    (message,) = say(ana, hall, "a secret")
    one = seat(shared_site, ana, **DESKTOP).open(hall)
    one.sees("a secret")

    delete(one, message)
    expect(body(one, message)).to_have_text(DELETING)
    assert stored(ben, hall) == ["a secret"]
    if way == "reload":
        one.page.reload()
    else:
        one.page.goto(shared_site.url + "/chat/health")

    wait_until(lambda: stored(ben, hall) == [None], 3)
    if way == "reload":
        expect(body(one, message)).to_have_text("You deleted this message")


def test_an_owner_deletes_what_others_said_and_edits_none_of_it(shared_site, seat, pair):
    ana, ben, hall = pair
    (message,) = say(ben, hall, "ben's words")
    one, other = seat(shared_site, ana, **DESKTOP).open(hall), seat(shared_site, ben, **DESKTOP).open(hall)
    one.sees("ben's words")
    other.sees("ben's words")

    row(one, message).focus()
    names = row(one, message).locator("[data-message-action]").evaluate_all("(all) => all.map((each) => each.textContent)")
    assert names == ["Copy text", "Delete message"]
    one.page.keyboard.press("e")
    expect(one[".editor"]).to_have_count(0)
    one.page.keyboard.press("Delete")

    expect(body(other, message)).to_have_text("A moderator deleted your message")
    expect(body(one, message)).to_have_text(f"Message from {ben.user['username']} deleted by a moderator")


def test_a_member_is_offered_nothing_but_to_copy_what_others_said(shared_site, seat, pair):
    ana, ben, hall = pair
    (message,) = say(ana, hall, "ana's words")
    other = seat(shared_site, ben, **DESKTOP).open(hall)
    other.sees("ana's words")

    row(other, message).hover()

    expect(row(other, message).locator("[data-message-action]")).to_have_count(1)
    delete(other, message)
    expect(body(other, message)).to_have_text("ana's words")


# --- What is refused --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kept", ["none", "moderators"])
def test_the_box_says_so_where_what_was_said_before_is_kept(make_site, seat, kept):
    site = make_site(flags={"earlier-texts": kept})
    ana = site.person("ana")
    hall = found(ana, "Garden")
    (message,) = say(ana, hall, "old")
    one = seat(site, ana, **DESKTOP).open(hall)
    one.sees("old")
    row(one, message).focus()
    one.page.keyboard.press("e")
    expect(one[".editor textarea"]).to_be_focused()
    note = "Moderators can still see what it said before." if kept == "moderators" else ""
    expect(one[".editor-note"]).to_have_text(note)
    one[".editor textarea"].fill("new")
    one.page.keyboard.press("Enter")
    expect(body(one, message)).to_have_text("new")
    wait_until(lambda: stored(ana, hall) == ["new"])
    texts = ana.get(f"/chat/messages/{hall['id']}/{message['id']}/texts").json()["texts"]
    assert [text["content"] for text in texts] == (["old"] if kept == "moderators" else [])


def test_an_edit_that_comes_too_late_is_refused_with_a_reason_and_nothing_of_it_is_lost(make_site, seat):
    site = make_site(flags={"edit-time": 3600})
    ana = site.person("ana")
    hall = found(ana, "Garden")
    (message,) = say(ana, hall, "old")
    one = seat(site, ana, **DESKTOP).open(hall)
    one.sees("old")
    row(one, message).focus()
    one.page.keyboard.press("e")
    one[".editor textarea"].fill("long thought over")
    # While one thinks, the time passes.
    database = sqlite3.connect(site.database)
    with database:
        database.execute("UPDATE messages SET created_at = strftime('%Y-%m-%dT%H:%M:%fZ', created_at, '-2 hours')")
    database.close()

    one.page.keyboard.press("Enter")

    expect(one[".editor-note"]).to_have_text(re.compile(r"^Your edit wasn’t saved\. Here messages can be edited"))
    expect(one[".editor textarea"]).to_be_focused()
    expect(one[".editor textarea"]).to_have_value("long thought over")
    assert stored(ana, hall) == ["old"]
    one.page.reload()
    expect(row(one, message).locator(".failed")).to_contain_text("Your edit wasn’t saved.")
    expect(body(one, message)).to_have_text("old")
    row(one, message).locator('[data-action="edit-again"]').click()
    expect(one[".editor textarea"]).to_have_value("long thought over")
    one.page.keyboard.press("Escape")
    expect(row(one, message).locator(".failed")).to_have_count(0)
    expect(body(one, message)).to_have_text("old")


def test_who_edits_what_is_deleted_meanwhile_keeps_the_text(shared_site, seat, pair):
    ana, ben, hall = pair
    (message,) = say(ben, hall, "ben's words")
    other = seat(shared_site, ben, **DESKTOP)
    other.context.grant_permissions(["clipboard-read", "clipboard-write"])
    other.open(hall)
    other.sees("ben's words")
    row(other, message).focus()
    other.page.keyboard.press("e")
    other[".editor textarea"].fill("ben's better words")

    change(ana, hall, message, None)

    expect(other[".editor-note"]).to_have_text(re.compile("deleted meanwhile"))
    expect(other[".editor textarea"]).to_have_value("ben's better words")
    expect(other[".editor textarea"]).to_be_focused()
    other.page.keyboard.press("Enter")
    expect(other[".editor"]).to_be_visible()
    other[".editor-save"].click()
    expect(other["#toast"]).to_have_text("Copied.")
    assert other.page.evaluate("() => navigator.clipboard.readText()") == "ben's better words"
    other.page.keyboard.press("Escape")
    expect(body(other, message)).to_have_text("A moderator deleted your message")
    assert stored(ben, hall) == [None]


def test_a_deletion_that_is_refused_brings_the_message_back_and_says_why(shared_site, seat, people):
    ana, ben = people("ana"), people("ben")
    hall = found(ana)
    enter(hall, ben)
    (message,) = say(ana, hall, "the owner's words")
    other = seat(shared_site, ben, **DESKTOP)
    # As if ben were a moderator: the page offers it, the server says no.
    other.page.route("**/chat/halls", lambda route: _as_moderator(route))
    other.open(hall)
    other.sees("the owner's words")

    delete(other, message)
    expect(body(other, message)).to_have_text(DELETING)

    expect(other["#toast"]).to_have_text("The message wasn’t deleted. You don’t have permission to do that here.")
    expect(body(other, message)).to_have_text("the owner's words")
    assert stored(ben, hall) == ["the owner's words"]


def _as_moderator(route):
    answer = route.fetch()
    halls = [hall | {"role": "moderator"} for hall in answer.json()["halls"]]
    route.fulfill(response=answer, json={"halls": halls})


def test_who_edits_too_fast_is_told_so_and_it_is_saved_in_the_end(make_site, seat):
    site = make_site(flags={"sends-per-second": 1, "sends-burst": 2})
    ana = site.person("ana")
    hall = found(ana, "Garden")
    messages = say(ana, hall, "one", "two")
    one = seat(site, ana, **DESKTOP).open(hall)
    one.sees("one", "two")

    for number in range(3):
        edit(one, messages[0], f"one {number}")
        edit(one, messages[1], f"two {number}")
    expect(one["#composer-note"]).to_have_text(re.compile("too fast"))

    wait_until(lambda: stored(ana, hall) == ["one 2", "two 2"], 20)
    one.sees("one 2", "two 2")


# --- Away and back ----------------------------------------------------------------------------------------------------


def test_what_is_edited_and_deleted_offline_is_sent_when_the_connection_is_back(shared_site, seat, pair):
    ana, ben, hall = pair
    first, second = say(ana, hall, "one", "two")
    one = seat(shared_site, ana, **DESKTOP).open(hall)
    one.sees("one", "two")
    one.context.set_offline(True)
    expect(one['#offline[data-state="offline"]']).to_be_visible()

    edit(one, first, "edited offline")
    delete(one, second)
    expect(row(one, first).locator(".message-mark > [aria-hidden]")).to_have_text("will be saved when there’s a connection")
    expect(body(one, second)).to_have_text(re.compile("^This message will be deleted when there’s a connection"))
    one.page.wait_for_timeout(5500)
    expect(row(one, second).locator('[data-action="undo"]')).to_be_visible()
    assert stored(ben, hall) == ["one", "two"]
    one.context.set_offline(False)

    wait_until(lambda: stored(ben, hall) == ["edited offline", None], 30)
    expect(body(one, second)).to_have_text("You deleted this message")
    expect(row(one, first).locator(".message-mark > [aria-hidden]")).to_have_text("edited")


def test_an_edit_that_waits_survives_a_reload(shared_site, seat, pair):
    ana, ben, hall = pair
    (message,) = say(ana, hall, "old")
    one = seat(shared_site, ana, **DESKTOP).open(hall)
    one.sees("old")
    one.page.route("**/chat/messages/*/*", lambda route: route.abort())
    one.page.route_web_socket("**/socket.io/**", lambda socket: socket.close())
    one.page.reload()
    one.until(lambda: one.contents == ["old"])

    edit(one, message, "new")
    expect(body(one, message)).to_have_text("new")
    assert stored(ben, hall) == ["old"]
    one.page.unroute("**/chat/messages/*/*")
    one.page.reload()

    wait_until(lambda: stored(ben, hall) == ["new"], 20)
    one.sees("new")


def test_what_was_changed_while_the_page_was_away_is_there_when_it_is_back(shared_site, seat, pair):
    ana, ben, hall = pair
    first, second, third = say(ana, hall, "one", "two", "three")
    other = seat(shared_site, ben, **DESKTOP).open(hall)
    other.sees("one", "two", "three")
    other.context.set_offline(True)
    expect(other['#offline[data-state="offline"]']).to_be_visible()

    change(ana, hall, first, "changed")
    change(ana, hall, second, None)
    say(ana, hall, "four")
    other.context.set_offline(False)

    other.sees("changed", f"Message deleted by {ana.user['username']}", "three", "four")


def test_without_chat_push_changes_come_too(make_site, seat):
    site = make_site()
    ana, ben = site.person("ana"), site.person("ben")
    hall = found(ana, "Garden")
    enter(hall, ben)
    first, second = say(ana, hall, "one", "two")
    one, other = seat(site, ana, **DESKTOP).open(hall), seat(site, ben, **DESKTOP).open(hall)
    other.sees("one", "two")
    site.stop("chat-push")
    for person in (one, other):
        expect(person['#offline[data-state="limited"]']).to_be_visible()

    edit(one, first, "edited")
    delete(one, second)

    other.sees("edited", "Message deleted by ana")
    one.sees("edited", "You deleted this message")
    for person in (one, other):
        person.complaints.clear()


def test_a_message_that_is_deleted_unread_is_nothing_to_read(shared_site, seat, pair):
    ana, ben, hall = pair
    elsewhere = found(ben, unique("Elsewhere "))
    say(ana, hall, "read")
    other = seat(shared_site, ben, **DESKTOP).open(hall)
    other.sees("read")
    other[f'#hall-list a[data-hall-id="{elsewhere["id"]}"]'].click()
    expect(other["#notice-title"]).to_have_text("No messages yet")
    badge = other[f'#hall-list a[data-hall-id="{hall["id"]}"] .badge > [aria-hidden]']
    first, second = say(ana, hall, "one", "two")
    expect(badge).to_have_text("2")

    change(ana, hall, first, None)
    expect(badge).to_have_text("1")
    change(ana, hall, second, "second")
    other.page.go_back()

    other.sees("read", f"Message deleted by {ana.user['username']}", "second")
    assert other.page.evaluate("() => document.querySelector('.unread-mark').nextElementSibling.dataset.messageId") == str(second["id"])


# --- Reading meanwhile ------------------------------------------------------------------------------------------------


def test_what_others_change_above_moves_no_line_under_the_eye(make_site, seat):
    site = make_site(flags={"sends-per-second": 1000, "sends-burst": 1000})
    ana, ben = site.person("ana"), site.person("ben")
    hall = found(ana, "Garden")
    enter(hall, ben)
    messages = say(ana, hall, *(f"line {number}\nand more" for number in range(50)))
    has_read(hall, ben)
    other = seat(site, ben, **DESKTOP).open(hall)
    other.until(lambda: len(other.rows) == 50)
    other.page.evaluate("() => { document.querySelector('#scroller').scrollTop -= 900; }")
    other.page.wait_for_timeout(300)
    place = "(id) => document.querySelector(`article[data-message-id='${id}']`).getBoundingClientRect().top"
    visible = other.page.evaluate(
        """() => [...document.querySelectorAll("#log article")]
            .find((row) => row.getBoundingClientRect().top > document.querySelector("#scroller").getBoundingClientRect().top)
            .dataset.messageId"""
    )
    before = other.page.evaluate(place, visible)
    index = next(index for index, message in enumerate(messages) if str(message["id"]) == visible)

    for message in messages[index - 4 : index]:
        change(ana, hall, message, "much\nlonger\nthan\nit\nwas\nbefore")
    for message in messages[index - 8 : index - 4]:
        change(ana, hall, message, None)

    expect(body(other, messages[index - 5])).to_have_text("Message deleted by ana")
    expect(body(other, messages[index - 1])).to_have_text(re.compile("longer"))
    assert abs(other.page.evaluate(place, visible) - before) < 1
    expect(other["#new-messages"]).to_be_hidden()


def test_a_box_that_is_written_in_stays_in_sight_whatever_comes(shared_site, seat, pair):
    ana, ben, hall = pair
    say(ana, hall, *(f"line {number}" for number in range(5)))
    one = seat(shared_site, ana, viewport={"width": 1000, "height": 420}).open(hall)
    one.until(lambda: len(one.rows) == 5)
    one["#composer-text"].press("ArrowUp")
    expect(one[".editor textarea"]).to_be_focused()

    say(ben, hall, *(f"and more {number}" for number in range(8)))
    one.until(lambda: len(one.rows) == 13)

    one.page.wait_for_timeout(200)
    expect(one[".editor textarea"]).to_be_in_viewport(ratio=1)
    expect(one[".editor textarea"]).to_be_focused()


def test_changes_of_others_are_one_sentence_for_who_does_not_see_them(shared_site, seat, pair):
    ana, ben, hall = pair
    messages = say(ana, hall, *(f"line {number}" for number in range(6)))
    other = seat(shared_site, ben, **DESKTOP).open(hall)
    other.until(lambda: len(other.rows) == 6)
    say(ana, hall, "there")
    other.until(lambda: len(other.rows) == 7)
    hear(other)

    for message in messages:
        change(ana, hall, message, f"{message['content']} changed")
    other.until(lambda: heard(other) != [])
    other.page.wait_for_timeout(1800)
    change(ana, hall, messages[0], "once more")
    other.until(lambda: f"{ana.user['username']} edited a message." in heard(other))

    assert sum("edited or deleted" in sentence for sentence in heard(other)) <= 2
    assert len(heard(other)) <= 3


# --- Keys, pointer, fingers -------------------------------------------------------------------------------------------


def test_the_arrow_up_in_the_empty_input_opens_ones_last_message(shared_site, seat, pair):
    ana, ben, hall = pair
    say(ana, hall, "first")
    (mine,) = say(ana, hall, "mine")
    (gone,) = say(ana, hall, "gone")
    say(ben, hall, "ben's")
    change(ana, hall, gone, None)
    one = seat(shared_site, ana, **DESKTOP).open(hall)
    expect(body(one, gone)).to_have_text("You deleted this message")

    one["#composer-text"].press("ArrowUp")
    expect(row(one, mine).locator(".editor textarea")).to_be_focused()
    expect(one[".editor textarea"]).to_have_value("mine")
    one.page.keyboard.type("!")
    assert one[".editor textarea"].input_value() == "mine!"
    one.page.keyboard.press("Escape")
    expect(body(one, mine)).to_have_text("mine")
    expect(one["#composer-text"]).to_be_focused()

    one.page.keyboard.press("ArrowUp")
    one.page.keyboard.type(" of two")
    one.page.keyboard.press("Shift+Enter")
    one.page.keyboard.type("lines")
    one.page.keyboard.press("ArrowUp")
    expect(one[".editor textarea"]).to_be_focused()
    one.page.keyboard.press("Enter")
    expect(one["#composer-text"]).to_be_focused()
    expect(body(one, mine)).to_have_text("mine of two\nlines")
    # Unchanged, it just closes.
    one.page.keyboard.press("ArrowUp")
    for part in (".message-body", ".message-mark"):
        expect(row(one, mine).locator(part)).to_be_hidden()
    one.page.keyboard.press("Enter")
    expect(one[".editor"]).to_have_count(0)
    one["#composer-text"].fill("not empty")
    one["#composer-text"].press("ArrowUp")
    expect(one[".editor"]).to_have_count(0)
    assert stored(ben, hall) == ["first", "mine of two\nlines", None, "ben's"]


def test_without_a_message_of_ones_own_the_arrow_up_leads_to_the_last_message(shared_site, seat, pair):
    ana, ben, hall = pair
    say(ben, hall, "ben's")
    one = seat(shared_site, ana, **DESKTOP).open(hall)
    one.sees("ben's")

    one["#composer-text"].press("ArrowUp")

    expect(one["#log article"]).to_be_focused()


def test_an_emptied_message_is_offered_to_be_deleted(shared_site, seat, pair):
    ana, _, hall = pair
    (message,) = say(ana, hall, "words")
    one = seat(shared_site, ana, **DESKTOP).open(hall)
    one.sees("words")

    edit(one, message, "  \n")
    expect(one[".editor-note"]).to_have_text("The message is empty. Do you want to delete it?")
    expect(one[".editor-save"]).to_be_focused()
    expect(one[".editor-save"]).to_have_text("Delete")
    one.page.keyboard.press("Enter")

    expect(body(one, message)).to_have_text(DELETING)
    expect(row(one, message).locator('[data-action="undo"]')).to_be_focused()
    one.page.keyboard.press("Space")
    expect(body(one, message)).to_have_text("words")
    expect(row(one, message)).to_be_focused()


def test_the_keys_of_an_input_method_save_nothing(shared_site, seat, pair):
    ana, _, hall = pair
    (message,) = say(ana, hall, "words")
    one = seat(shared_site, ana, **DESKTOP).open(hall)
    one.sees("words")
    row(one, message).focus()
    one.page.keyboard.press("e")
    one[".editor textarea"].fill("ことば")

    for key in ("Enter", "Escape", "ArrowUp"):
        assert one[".editor textarea"].evaluate(
            """(text, key) => text.dispatchEvent(
                new KeyboardEvent("keydown", { key, keyCode: 229, bubbles: true, cancelable: true }))""", key
        )  # fmt: skip

    expect(one[".editor textarea"]).to_be_focused()
    expect(one[".editor textarea"]).to_have_value("ことば")


def test_the_length_of_an_edit_is_counted_and_bounded(make_site, seat):
    site = make_site(flags={"message-length-max": 250})
    ana = site.person("ana")
    hall = found(ana, "Garden")
    (message,) = say(ana, hall, "words")
    one = seat(site, ana, **DESKTOP).open(hall)
    one.sees("words")

    edit(one, message, "x" * 251)
    expect(one[".editor .composer-count"]).to_have_text("1 character over the limit")
    expect(one[".editor-save"]).to_be_disabled()
    one[".editor textarea"].fill("x" * 250)
    expect(one[".editor .composer-count"]).to_have_text("0 characters left")
    one.page.keyboard.press("Enter")

    wait_until(lambda: stored(ana, hall) == ["x" * 250])


def test_the_actions_of_a_message_are_reached_by_pointer_and_by_keys(shared_site, seat, pair):
    ana, ben, hall = pair
    first, second = say(ana, hall, "one", "two")
    one = seat(shared_site, ana, **DESKTOP).open(hall)
    one.sees("one", "two")

    row(one, first).hover()
    row(one, first).get_by_role("button", name="Edit message").click()
    one[".editor textarea"].fill("first")
    one[".editor-save"].click()
    one.sees("first", "two")
    # A button in focus stays, whatever the pointer passes over.
    row(one, second).focus()
    one.page.keyboard.press("Tab")
    expect(row(one, second).get_by_role("button", name="Edit message")).to_be_focused()
    row(one, first).hover()
    expect(row(one, second).get_by_role("button", name="Edit message")).to_be_focused()
    one.page.keyboard.press("Tab")
    one.page.keyboard.press("Tab")
    one.page.keyboard.press("Enter")
    expect(body(one, second)).to_have_text(DELETING)
    one.page.keyboard.press("Enter")
    expect(body(one, second)).to_have_text("two")

    for key in ("ContextMenu", "Shift+F10"):
        row(one, second).focus()
        one.page.keyboard.press(key)
        expect(one["#message-dialog"]).to_be_visible()
        expect(one["#message-dialog .choice"]).to_have_text(["Edit message", "Copy text", "Delete message"])
        assert one.findings() == []
        one.page.keyboard.press("Escape")
        expect(one["#message-dialog"]).to_be_hidden()
        expect(row(one, second)).to_be_focused()
    one.page.keyboard.press("ContextMenu")
    one.page.keyboard.press("Enter")
    expect(row(one, second).locator(".editor textarea")).to_be_focused()
    one.page.keyboard.press("Escape")
    expect(row(one, second)).to_be_focused()


def test_letters_alone_edit_nothing_where_they_were_turned_off(shared_site, seat, pair):
    ana, _, hall = pair
    (message,) = say(ana, hall, "words")
    one = seat(shared_site, ana, **DESKTOP).open(hall)
    one.sees("words")
    one["#open-settings"].click()
    one["#single-keys"].uncheck()
    one.page.keyboard.press("Escape")

    row(one, message).focus()
    one.page.keyboard.press("e")
    expect(one[".editor"]).to_have_count(0)
    one.page.keyboard.press("Delete")

    expect(body(one, message)).to_have_text(DELETING)
    one.page.keyboard.press("Enter")


def press_long(seat, target, milliseconds=700):
    """A finger that stays where it is."""
    box = target.bounding_box()
    point = {"x": box["x"] + 30, "y": box["y"] + box["height"] / 2}
    finger = seat.context.new_cdp_session(seat.page)
    finger.send("Input.dispatchTouchEvent", {"type": "touchStart", "touchPoints": [point]})
    seat.page.wait_for_timeout(milliseconds)
    finger.send("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})


def test_on_a_phone_a_long_press_opens_the_actions(shared_site, seat, pair):
    ana, ben, hall = pair
    first, second = say(ana, hall, "one", "two")
    one = seat(shared_site, ana, **PHONE).open(hall)
    one.sees("one", "two")

    press_long(one, body(one, second), 100)
    one.page.wait_for_timeout(700)
    expect(one["#message-dialog"]).to_be_hidden()
    press_long(one, body(one, second))
    expect(one["#message-dialog"]).to_be_visible()
    box = one["#message-dialog"].bounding_box()
    assert round(box["y"] + box["height"]) == 740 and box["width"] == 360
    assert all(button.bounding_box()["height"] >= 44 for button in one["#message-dialog button"].all())
    assert one.findings() == []
    one["#message-dialog"].get_by_role("button", name="Edit message").tap()
    expect(row(one, second).locator(".editor textarea")).to_be_focused()
    one.page.keyboard.type("\nlines")
    expect(one[".editor textarea"]).to_have_value("two\nlines")
    assert all(button.bounding_box()["height"] >= 44 for button in one[".editor button"].all())
    assert one.findings() == []
    one[".editor-save"].tap()
    one.sees("one", "two\nlines")

    press_long(one, body(one, first))
    one["#message-dialog"].get_by_role("button", name="Delete message").tap()
    expect(body(one, first)).to_have_text(DELETING)
    wait_until(lambda: stored(ben, hall) == [None, "two\nlines"])


def test_on_a_phone_a_tap_shows_one_button_that_opens_the_actions(shared_site, seat, pair):
    ana, _, hall = pair
    (message,) = say(ana, hall, "one")
    one = seat(shared_site, ana, **PHONE).open(hall)
    one.sees("one")

    body(one, message).tap()
    row(one, message).get_by_role("button", name="Message actions").tap()
    expect(one["#message-dialog .choice"]).to_have_text(["Edit message", "Copy text", "Delete message"])
    one["#message-dialog"].get_by_role("button", name="Cancel").tap()

    expect(one["#message-dialog"]).to_be_hidden()
    expect(body(one, message)).to_have_text("one")


# --- States of the page -----------------------------------------------------------------------------------------------


def test_what_is_being_edited_waits_for_who_looks_into_another_hall(shared_site, seat, pair):
    ana, _, hall = pair
    elsewhere = found(ana, unique("Elsewhere "))
    (message,) = say(ana, hall, "words")
    one = seat(shared_site, ana, **DESKTOP).open(hall)
    one.sees("words")
    row(one, message).focus()
    one.page.keyboard.press("e")
    one[".editor textarea"].fill("half of it")

    one[f'#hall-list a[data-hall-id="{elsewhere["id"]}"]'].click()
    expect(one["#notice-title"]).to_have_text("No messages yet")
    expect(one[".editor"]).to_have_count(0)
    one.page.go_back()

    expect(row(one, message).locator(".editor textarea")).to_have_value("half of it")
    expect(one["#composer-text"]).to_be_focused()


def test_another_language_leaves_the_box_as_it_is_and_speaks_it(shared_site, seat, pair):
    ana, ben, hall = pair
    first, second, third = say(ana, hall, "one", "two", "three")
    change(ana, hall, first, None)
    change(ana, hall, second, "second")
    one = seat(shared_site, ana, **DESKTOP, locale="es-ES").open(hall)
    expect(body(one, first)).to_have_text("Eliminaste este mensaje")
    expect(row(one, second).locator(".message-mark > [aria-hidden]")).to_have_text("editado")
    row(one, third).focus()
    one.page.keyboard.press("e")
    one[".editor textarea"].fill("half of it")

    one["#open-settings"].click()
    one["#language"].select_option("en")
    one.page.keyboard.press("Escape")

    expect(body(one, first)).to_have_text("You deleted this message")
    expect(row(one, second).locator(".message-mark > [aria-hidden]")).to_have_text("edited")
    expect(row(one, third).locator(".editor textarea")).to_have_value("half of it")
    expect(one[".editor-save"]).to_have_text("Save")


def test_in_an_archived_hall_nothing_is_offered_but_to_copy(make_site, seat):
    site = make_site()
    ana = site.person("ana")
    hall = found(ana, "Garden")
    (message,) = say(ana, hall, "words")
    site.admin("halls", "archive", hall["id"])
    one = seat(site, ana, **DESKTOP).open(hall)
    one.sees("words")

    row(one, message).focus()

    expect(row(one, message).locator("[data-message-action]")).to_have_count(1)
    expect(row(one, message).get_by_role("button", name="Copy text")).to_be_attached()


def test_what_the_operator_deletes_says_so(make_site, seat):
    site = make_site()
    ana, ben = site.person("ana"), site.person("ben")
    hall = found(ana, "Garden")
    enter(hall, ben)
    (message,) = say(ana, hall, "words")
    one, other = seat(site, ana, **DESKTOP).open(hall), seat(site, ben, **DESKTOP).open(hall)
    one.sees("words")
    other.sees("words")

    site.admin("messages", "delete", hall["id"], message["id"])

    expect(body(one, message)).to_have_text("The operator deleted your message")
    expect(body(other, message)).to_have_text("Message from ana deleted by the operator")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_no_state_of_a_changed_message_breaks_a_rule_of_accessibility(make_site, seat, scheme):
    site = make_site()
    ana, ben = site.person("ana"), site.person("ben")
    hall = found(ana, "Garden")
    enter(hall, ben)
    messages = say(ana, hall, "one", "two", "three", "four")
    (others,) = say(ben, hall, "ben's")
    one = seat(site, ana, **DESKTOP, color_scheme=scheme).open(hall)
    one.until(lambda: len(one.rows) == 5)
    wrong = {}

    def look(state):
        if findings := one.findings():
            wrong[state] = findings

    row(one, messages[0]).hover()
    look("the bar")
    edit(one, messages[0], "first")
    edit(one, messages[1], "second")
    one.page.wait_for_timeout(300)
    look("edited")
    delete(one, messages[2])
    look("undo")
    row(one, messages[3]).focus()
    one.page.keyboard.press("e")
    look("the box")
    one[".editor textarea"].fill("")
    look("the empty box")
    change(ana, hall, messages[3], None)
    expect(one[".editor-note"]).to_have_text(re.compile("deleted meanwhile"))
    look("the box of what is gone")
    one.page.keyboard.press("Escape")
    expect(body(one, messages[2])).to_have_text("You deleted this message")
    look("deleted")
    assert wrong == {}
