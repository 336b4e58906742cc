# SPDX-License-Identifier: Apache-2.0
"""What is shown of people on the page, and that it is so everywhere and at once; in Chromium, against the real product."""

import re

import pytest
from playwright.sync_api import expect

from browsing import CHROMIUM
from listener import enter, found, unique

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="there is no Chromium; './chat setup' installs it")

DESKTOP = {"viewport": {"width": 1440, "height": 900}}
SMALL_PHONE = {"viewport": {"width": 320, "height": 568}, "has_touch": True, "is_mobile": True}

LONG = {
    "words": "Bartholomew Featherstonehaugh of Twickenham and the Isle of Dogs, the Younger, with the longest name",
    "one word": "W" * 100,
    "emoji": "👩‍🚀" * 33,
    "marks": "Z\u0321\u0322\u0327\u0328" * 20,
    "from the right": "محمد بن عبد الله بن عبد المطلب بن هاشم بن عبد مناف بن قصي بن كلاب بن مرة بن كعب بن لؤي",
}


def say(session, hall, *contents):
    for content in contents:
        answer = session.post(f"/chat/messages/{hall['id']}", json={"content": content})
        assert answer.status_code == 201, answer.text


def show(site, session, name=None, picture=None):
    """By the operator."""
    chosen = [f"--{key}={value}" for key, value in (("name", name), ("picture", picture)) if value is not None]
    site.admin("users", "profile", session.user["username"], *chosen)


def author(seat, content):
    """Who is shown beside a message."""
    return seat["#log article"].filter(has_text=content).locator(".author")


def member(seat, text):
    return seat["#members .member"].filter(has_text=text)


def crowd(site, hall, ana, ben, count=40):
    """A history that is longer than the window: ana's first words, and a long talk."""
    say(ana, hall, "the first word")
    for number in range(count):
        say(ben if number % 2 else ana, hall, f"line {number}\nof a long\ntalk")


# --- What becomes of open pages ---------------------------------------------------------------------------------------


def test_old_messages_members_and_tombstones_of_an_open_page_have_the_new_name(shared_site, seat, pair):
    ana, ben, hall = pair
    say(ana, hall, "one", "two", "to be deleted")
    gone = ana.get(f"/chat/messages/{hall['id']}").json()["messages"][-1]
    assert ana.delete(f"/chat/messages/{hall['id']}/{gone['id']}").status_code == 200
    other = seat(shared_site, ben, **DESKTOP).open(hall)
    other["#members-toggle"].click()
    username = ana.user["username"]
    expect(author(other, "one")).to_have_text(username)
    expect(member(other, username)).to_have_count(1)
    other.page.evaluate("() => document.querySelectorAll('#log article, #members .member').forEach((row) => (row.isOld = true))")

    show(shared_site, ana, "Ana García")

    expect(author(other, "one")).to_have_text("Ana García")
    expect(author(other, "two")).to_have_text("Ana García")
    expect(other["#log article"].last.locator(".message-body")).to_have_text("Message deleted by Ana García")
    expect(member(other, "Ana García")).to_contain_text(f"@{username}")
    expect(other["#log article"].first).to_have_accessible_name(re.compile(r"^Ana García \d{1,2}:\d\d one$"))
    # They are the rows that were there.
    rows = "() => [...document.querySelectorAll('#log article, #members .member')].every((row) => row.isOld)"
    assert other.page.evaluate(rows)


def test_a_rename_reaches_open_pages_and_those_who_come_later(shared_site, seat, pair):
    ana, ben, hall = pair
    say(ana, hall, "one")
    one, other = seat(shared_site, ana, **DESKTOP).open(hall), seat(shared_site, ben, **DESKTOP).open(hall)
    expect(author(other, "one")).to_have_text(ana.user["username"])

    new = unique("anna")
    shared_site.admin("users", "rename", ana.user["username"], new)

    expect(author(other, "one")).to_have_text(new)
    expect(one["#me-name"]).to_have_text(new)
    one.write("two")
    other.sees("one", "two")
    assert {message["username"] for message in ben.get(f"/chat/messages/{hall['id']}").json()["messages"]} == {new}
    later = seat(shared_site, ben, **DESKTOP).open(hall)
    expect(author(later, "one")).to_have_text(new)


def test_a_page_that_was_offline_meanwhile_shows_it_after_it_is_back(shared_site, seat, pair):
    ana, ben, hall = pair
    say(ana, hall, "one")
    other = seat(shared_site, ben, **DESKTOP).open(hall)
    other["#members-toggle"].click()
    expect(author(other, "one")).to_have_text(ana.user["username"])
    other.context.set_offline(True)
    expect(other['#offline[data-state="offline"]']).to_be_visible()

    show(shared_site, ana, "Ana García", "hue:30")
    new = unique("anna")
    shared_site.admin("users", "rename", ana.user["username"], new)
    other.context.set_offline(False)

    expect(author(other, "one")).to_have_text("Ana García")
    expect(member(other, "Ana García")).to_contain_text(f"@{new}")
    row = other["#log article"].first
    assert row.evaluate("(it) => it.style.getPropertyValue('--hue')") == "30"


def test_without_the_socket_the_page_shows_it_all_the_same(shared_site, seat, pair):
    ana, ben, hall = pair
    say(ana, hall, "one")
    other = seat(shared_site, ben, **DESKTOP)
    other.page.route_web_socket("**/socket.io/**", lambda socket: socket.close())
    other.open(hall)
    expect(other['#offline[data-state="limited"]']).to_be_visible()

    show(shared_site, ana, "Ana García")

    expect(author(other, "one")).to_have_text("Ana García", timeout=40_000)


def test_who_left_the_hall_is_shown_by_name_and_each_is_asked_for_once(make_site, seat):
    site = make_site(flags={"sends-per-second": 1000, "sends-burst": 1000})
    ana, ben = site.person("ana"), site.person("ben")
    hall = found(ana)
    enter(hall, ben)
    crowd(site, hall, ana, ben, 60)
    show(site, ana, "Ana García")
    show(site, ben, "Benedikt")
    assert ben.post("/chat/halls/leave", json={"hall_id": hall["id"]}).status_code == 204
    one = seat(site, ana, **DESKTOP)
    asked = []
    one.page.on("request", lambda request: "/chat/users?" in request.url and asked.append(request.url.split("?")[1]))

    one.open(hall)

    expect(author(one, "line 59")).to_have_text("Benedikt")
    one.until(lambda: any("versions=" in query for query in asked), what="the look over the new connection")
    assert [query for query in asked if "versions" not in query] == [f"ids={ben.user['id']}"]
    one["#scroller"].evaluate("(it) => { it.scrollTop = 0; }")
    expect(one["#history-beginning"]).to_be_visible()
    expect(author(one, "the first word")).to_have_text("You")
    assert len([query for query in asked if "versions" not in query]) == 1


def test_nothing_moves_for_who_reads_above_when_names_change(make_site, seat):
    site = make_site(flags={"sends-per-second": 1000, "sends-burst": 1000})
    ana, ben = site.person("ana"), site.person("ben")
    hall = found(ana)
    enter(hall, ben)
    crowd(site, hall, ana, ben)
    other = seat(site, ben, **DESKTOP).open(hall)
    expect(other["#log article"]).to_have_count(41)
    other["#scroller"].evaluate("(it) => { it.scrollTop = it.scrollHeight / 2; }")
    expect(other["#to-latest"]).to_be_visible()
    place = "() => { const it = document.querySelector('#scroller'); return [it.scrollTop, it.scrollHeight]; }"
    before = other.page.evaluate(place)

    show(site, ana, "Ana García", "/static/img/favicon.svg")

    expect(author(other, "the first word")).to_have_text("Ana García")
    expect(other["#log article.is-head .disc img"].first).to_be_attached()
    assert other.page.evaluate(place) == before


def test_what_is_said_aloud_has_the_name(shared_site, seat, pair):
    ana, ben, hall = pair
    show(shared_site, ana, "Ana García")
    say(ana, hall, "one")
    other = seat(shared_site, ben, **DESKTOP).open(hall)
    expect(author(other, "one")).to_have_text("Ana García")

    say(ana, hall, "two")

    expect(other["#announcer"]).to_contain_text("Ana García says: two")


def test_a_server_of_before_people_had_names_is_asked_once(shared_site, seat, pair):
    ana, ben, hall = pair
    say(ana, hall, "one")
    show(shared_site, ana, "Ana García")
    other = seat(shared_site, ben, **DESKTOP)
    asked = []

    def as_before(route):
        asked.append(route.request.url)
        route.fulfill(status=404, json={"code": "not_found"})

    def bare(user):
        return {key: value for key, value in user.items() if key in ("id", "username", "role")}

    def members(route):
        answer = route.fetch()
        route.fulfill(response=answer, json={"members": [bare(each) for each in answer.json()["members"]], "has_more": False})

    def session(route):
        answer = route.fetch()
        route.fulfill(response=answer, json=answer.json() | {"user": bare(answer.json()["user"])})

    other.page.route("**/chat/users?*", as_before)
    other.page.route("**/members", members)
    other.page.route("**/chat/session", session)
    other.open(hall)
    other["#members-toggle"].click()

    expect(other["#members .member"]).to_have_count(2)
    expect(author(other, "one")).to_have_text(ana.user["username"])
    expect(other["#me-name"]).to_have_text(ben.user["username"])
    expect(other["#open-profile"]).to_be_disabled()
    other.until(lambda: asked, what="a request")
    other.page.reload()
    expect(author(other, "one")).to_have_text(ana.user["username"])
    other.until(lambda: len(asked) == 2, what="a request of the page that was loaded again")
    other.context.set_offline(True)
    expect(other['#offline[data-state="offline"]']).to_be_visible()
    other.context.set_offline(False)
    expect(other['#offline[data-state="back"]']).to_be_visible()
    say(ana, hall, "two")
    other.sees("one", "two")
    assert len(asked) == 2


# --- Who is who -------------------------------------------------------------------------------------------------------


def test_two_people_with_the_same_name_are_told_apart_everywhere(shared_site, seat, people):
    ana, ben, eva = people("ana"), people("ben"), people("eva")
    hall = found(ana)
    enter(hall, ben, eva)
    say(ana, hall, "by ana")
    say(ben, hall, "by ben")
    show(shared_site, ana, "Ana García")
    other = seat(shared_site, eva, **DESKTOP).open(hall)
    expect(author(other, "by ana")).to_have_text("Ana García")

    # Another spelling of the same.
    show(shared_site, ben, "ＡＮＡ Garci\u0301a")

    expect(author(other, "by ana")).to_have_text(f"Ana García @{ana.user['username']}")
    expect(author(other, "by ben")).to_contain_text(f"@{ben.user['username']}")
    other["#members-toggle"].click()
    expect(member(other, f"@{ana.user['username']}")).to_have_count(1)
    expect(member(other, f"@{ben.user['username']}")).to_have_count(1)
    say(ben, hall, "again")
    expect(other["#announcer"]).to_contain_text(f"(@{ben.user['username']}) says: again")

    show(shared_site, ben, "Ben")
    expect(author(other, "by ana")).to_have_text("Ana García")


def test_a_name_is_text_whatever_is_in_it(shared_site, seat, pair):
    ana, ben, hall = pair
    say(ana, hall, "one")
    other = seat(shared_site, ben, **DESKTOP).open(hall)
    other["#members-toggle"].click()
    name = "<img src=x onerror=alert(1)> & {name} <b>"

    show(shared_site, ana, name)

    expect(author(other, "one")).to_have_text(name)
    expect(member(other, name)).to_have_count(1)
    say(ana, hall, "two")
    expect(other["#announcer"]).to_contain_text(f"{name} says: two")
    assert other["#app img, #app b"].count() == 0


def test_a_name_from_the_right_turns_nothing_around_it(shared_site, seat, pair):
    ana, ben, hall = pair
    say(ana, hall, "one", "gone")
    gone = ana.get(f"/chat/messages/{hall['id']}").json()["messages"][-1]
    assert ana.delete(f"/chat/messages/{hall['id']}/{gone['id']}").status_code == 200
    show(shared_site, ana, "(3) דוב!")
    other = seat(shared_site, ben, **DESKTOP).open(hall)

    expect(author(other, "one")).to_have_text("(3) דוב!")
    head = other["#log article"].first
    assert head.locator(".author").bounding_box()["x"] < head.locator("time").bounding_box()["x"]
    expect(other["#log article"].last.locator(".message-body")).to_have_text("Message deleted by \u2068(3) דוב!\u2069")


# --- Pictures ---------------------------------------------------------------------------------------------------------


def test_a_picture_that_does_not_come_leaves_the_initials(shared_site, seat, pair):
    ana, ben, hall = pair
    say(ana, hall, "one")
    say(ben, hall, "two")
    show(shared_site, ana, "Ana García López", "/no/such/picture.png")
    show(shared_site, ben, picture="/static/img/favicon.svg")
    other = seat(shared_site, ben, **DESKTOP)
    with other.page.expect_response(lambda response: "/no/such/picture.png" in response.url) as refused:
        other.open(hall)

    assert refused.value.status == 404
    assert not refused.value.request.headers.get("referer")
    discs = other["#log .disc"]
    expect(discs.first).to_have_text("AL")
    expect(discs.first.locator("img")).to_have_count(0)
    picture = discs.last.locator("img")
    other.until(lambda: picture.evaluate("(it) => it.complete && it.naturalWidth > 0"), what="the picture")
    expect(discs.last).to_have_text("")
    expect(picture).to_have_attribute("alt", "")
    expect(other["#me-disc img"]).to_be_visible()
    box = picture.bounding_box()
    assert box == discs.last.bounding_box()


def test_a_picture_of_another_origin_is_never_asked_for(shared_site, seat, pair):
    ana, ben, hall = pair
    say(ana, hall, "one")
    other = seat(shared_site, ben, **DESKTOP)
    asked = []
    other.page.on("request", lambda request: asked.append(request.url))
    users = [ana.user | {"name": "Ana", "version": 5, "picture": "//evil.example/x.png"}]
    other.page.route("**/chat/users?*", lambda route: route.fulfill(json={"users": users}))

    other.open(hall)

    expect(author(other, "one")).to_have_text("Ana")
    expect(other["#log .disc"].first).to_have_text("A")
    assert [url for url in asked if "evil" in url] == []


# --- My profile -------------------------------------------------------------------------------------------------------


def test_the_profile_is_changed_by_the_keyboard_alone(shared_site, seat, pair):
    ana, ben, hall = pair
    say(ana, hall, "one")
    one, other = seat(shared_site, ana, **DESKTOP).open(hall), seat(shared_site, ben, **DESKTOP).open(hall)
    expect(author(other, "one")).to_have_text(ana.user["username"])
    keys = one.page.keyboard

    one["#open-profile"].focus()
    expect(one["#open-profile"]).to_have_accessible_name(f"{ana.user['username']} Your profile")
    keys.press("Enter")
    expect(one.page.get_by_role("dialog", name="Your profile")).to_be_visible()
    expect(one.page.get_by_label("Name", exact=True)).to_be_focused()
    keys.type("Ana García")
    expect(one["#profile-name"]).to_have_text(f"Ana García @{ana.user['username']}")
    expect(one["#profile-disc"]).to_have_text("AG")
    keys.press("Tab")
    expect(one.page.get_by_role("radio").first).to_be_focused()
    keys.press("ArrowRight")
    keys.press("ArrowRight")
    expect(one.page.get_by_role("radio", name="Orange")).to_be_focused()
    expect(one.page.get_by_role("radio", name="Orange")).to_be_checked()
    assert one["#profile-disc"].evaluate("(it) => it.style.getPropertyValue('--hue')") == "60"
    keys.press("Enter")

    expect(one["#profile-dialog"]).to_be_hidden()
    expect(one["#open-profile"]).to_be_focused()
    expect(one["#toast"]).to_have_text("Profile saved.")
    expect(one["#me-name"]).to_have_text(f"Ana García @{ana.user['username']}")
    expect(author(other, "one")).to_have_text("Ana García")
    user = ana.get("/chat/session").json()["user"]
    assert (user["name"], user["picture"]) == ("Ana García", "hue:60")

    # And back: an empty name shows the username.
    keys.press("Enter")
    expect(one["#profile-dialog [name=name]"]).to_have_value("Ana García")
    expect(one.page.get_by_role("radio", name="Orange")).to_be_checked()
    one["#profile-dialog [name=name]"].fill("")
    keys.press("Enter")
    expect(author(other, "one")).to_have_text(ana.user["username"])
    expect(one["#me-name"]).to_have_text(ana.user["username"])


def test_after_the_end_of_a_session_nothing_of_the_profile_is_in_the_page(make_site, seat):
    site = make_site()
    ana = site.person("ana")
    show(site, ana, "Someone Special", "hue:30")
    one = seat(site, ana, **DESKTOP).open(found(ana))
    expect(one["#me-name"]).to_contain_text("Someone Special")
    one["#open-profile"].click()
    expect(one["#profile-name"]).to_contain_text("Someone Special")

    ana.post("/chat/logout", json={})

    one.is_at("ended")
    assert "Special" not in one.page.evaluate("() => document.documentElement.outerHTML")
    expect(one["#profile-dialog [name=name]"]).to_have_value("")
    expect(one["#profile-dialog :checked"]).to_have_count(0)
    assert one.page.evaluate("() => [...document.querySelectorAll('.disc')].map((it) => it.textContent).join('')") == ""


def test_who_changes_nothing_asks_for_nothing(shared_site, seat, people):
    ana = people("ana")
    one = seat(shared_site, ana, **DESKTOP).open(found(ana))
    asked = []
    one.page.on("request", lambda request: request.method == "PATCH" and asked.append(request.url))

    one["#open-profile"].click()
    one["#profile-dialog [name=name]"].fill("somebody else")
    one.page.keyboard.press("Escape")
    one["#open-profile"].click()
    expect(one["#profile-dialog [name=name]"]).to_have_value("")
    one.page.keyboard.press("Enter")

    expect(one["#profile-dialog"]).to_be_hidden()
    assert asked == []
    assert ana.get("/chat/session").json()["user"]["version"] == 0


def test_what_is_refused_is_said_in_the_dialog_in_the_readers_language(make_site, seat):
    site = make_site()
    ana, ben = site.person("ana"), site.person("ben")
    one = seat(site, ana, **DESKTOP, locale="es-ES").open(found(ana))
    one["#open-profile"].click()
    expect(one.page.get_by_role("dialog", name="Tu perfil")).to_be_visible()
    expect(one.page.get_by_role("radio", name="Naranja")).to_be_attached()
    error = one["#profile-dialog .form-error"]

    def save(name):
        one["#profile-dialog [name=name]"].fill(name)
        one.page.keyboard.press("Enter")

    save("ben")
    expect(error).to_have_text(re.compile("se parece al nombre de usuario de otra persona"))
    expect(one["#profile-dialog [name=name]"]).to_be_focused()
    assert one.findings() == []
    save("x" * 101)
    expect(error).to_have_text(re.compile("hasta 100 caracteres"))
    save("Tú")
    expect(error).to_have_text(re.compile("una palabra que usa Halls"))
    answers = [ana.patch("/chat/me", json={"name": f"Ana {number}"}).status_code for number in range(11)]
    assert answers == [200] * 10 + [429]
    save("Ana García")
    expect(error).to_have_text(re.compile("demasiadas veces"))
    expect(one["#profile-dialog"]).to_be_visible()


# --- What it looks like -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", LONG)
def test_the_longest_name_widens_nothing_on_the_smallest_phone(shared_site, seat, pair, name):
    ana, ben, hall = pair
    show(shared_site, ana, LONG[name])
    show(shared_site, ben, LONG[name])
    say(ana, hall, "one")
    say(ben, hall, "two")
    other = seat(shared_site, ben, **SMALL_PHONE).open(hall)
    wide = """() => [document.documentElement, ...document.querySelectorAll("#app section, #app main, .scroller, .member-list, dialog[open]")]
        .filter((it) => it.clientWidth > 0 && it.scrollWidth > it.clientWidth).map((it) => it.id || it.tagName)"""

    head = author(other, "one")
    expect(head.locator(".handle")).to_have_text(f"@{ana.user['username']}")
    assert other.page.evaluate(wide) == []
    assert not head.locator(".handle").evaluate("(it) => it.scrollWidth > it.clientWidth"), "the username is whole"
    assert head.locator("bdi").first.bounding_box()["width"] > 60
    assert other["#log time"].first.bounding_box()["x"] < 320 - 30
    assert other["#log .message-head"].first.bounding_box()["height"] < 40, "one line"
    other["#members-toggle"].click()
    expect(other["#members .member"]).to_have_count(2)
    assert other.page.evaluate(wide) == []
    other["#members-close"].click()
    other["#back"].click()
    expect(other["#me-name .handle"]).to_be_visible()
    assert other.page.evaluate(wide) == []
    other["#open-profile"].tap()
    expect(other["#profile-dialog"]).to_be_visible()
    assert other.page.evaluate(wide) == []
    assert all(box["height"] >= 44 and box["width"] >= 44 for box in (each.bounding_box() for each in other["#profile-hues input"].all()))


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_what_is_shown_of_people_breaks_no_rule_of_accessibility(make_site, seat, scheme):
    site = make_site()
    ana, ben = site.person("ana"), site.person("ben")
    hall = found(ana, "Garden")
    enter(hall, ben)
    say(ana, hall, "one")
    say(ben, hall, "two")
    for person, picture in ((ana, "hue:90"), (ben, "/static/img/favicon.svg")):
        show(site, person, "Ana García", picture)
    one = seat(site, ana, **DESKTOP, color_scheme=scheme).open(hall)
    one["#members-toggle"].click()
    expect(member(one, "@ben")).to_have_count(1)
    expect(author(one, "two")).to_have_text("Ana García @ben")
    wrong = {}

    def look(state):
        if findings := one.findings():
            wrong[state] = findings

    look("messages and members")
    one["#open-profile"].click()
    look("the profile")
    one.page.get_by_role("radio", name="Purple").check()
    one["#profile-dialog [name=name]"].fill("ben")
    one.page.keyboard.press("Enter")
    expect(one["#profile-dialog .form-error"]).to_be_visible()
    look("a name that is refused")
    assert wrong == {}
