# SPDX-License-Identifier: Apache-2.0
"""Halls that people run: roles, who is taken out, who is kept out."""

import pytest

from halls_site import SiteSession, wait_until
from listener import contents, enter, found

TRANSPORTS = (["polling"], ["websocket"])


@pytest.fixture
def hall_of_three(people):
    """Ana's hall, in which Ben keeps order, and Cai is."""
    ana, ben, cai = people("ana"), people("ben"), people("cai")
    hall = found(ana)
    enter(hall, ben, cai)
    assert set_role(ana, hall, ben, "moderator").status_code == 200
    return ana, ben, cai, hall


def place(hall, person, folder="members"):
    return f"/chat/halls/{hall['id']}/{folder}/{person.user['id']}"


def set_role(actor, hall, person, role):
    return actor.patch(place(hall, person), json={"role": role})


def roles(session, hall):
    members = session.get(f"/chat/halls/{hall['id']}/members").json()["members"]
    return {member["id"]: member["role"] for member in members}


def code(answer):
    return answer.json()["code"]


def test_roles_change_hands_and_hold_at_once_on_open_sockets(hall_of_three):
    ana, ben, cai, hall = hall_of_three
    window = cai.listen(hall)
    message = ben.listen(hall).say(hall, "something rude")
    deletion = {"hall_id": hall["id"], "id": message["id"]}
    assert window.call("delete_message", deletion)["error"]["code"] == "not_allowed"

    answer = set_role(ana, hall, cai, "owner")
    assert answer.status_code == 200 and answer.json()["member"]["role"] == "owner"
    assert roles(ana, hall) == {ana.user["id"]: "moderator", ben.user["id"]: "moderator", cai.user["id"]: "owner"}
    assert window.call("delete_message", deletion)["ok"]
    wait_until(lambda: {"hall_id": hall["id"], "change": "joined"} in window.halls_changed, 20, "the new role")
    assert code(set_role(ana, hall, ben, "member")) == "not_allowed"
    assert set_role(cai, hall, ben, "member").status_code == 200


@pytest.mark.parametrize("way", ["remove", "ban"])
def test_who_is_taken_out_hears_nothing_more_and_what_is_pending_is_refused(hall_of_three, way):
    ana, ben, cai, hall = hall_of_three
    other = found(ana)
    enter(other, cai)
    windows = [cai.listen(hall, transports=transports) for transports in TRANSPORTS]
    for window in windows:
        window.join(other)
    one = ana.listen(hall)
    one.say(hall, "with cai")
    said = windows[0].say(hall, "of cai")

    answer = ben.delete(place(hall, cai)) if way == "remove" else ben.put(place(hall, cai, "bans"))
    assert answer.status_code == 204
    one.say(hall, "without cai")
    one.say(other, "with cai again")

    for window in windows:
        window.wait_for("with cai again")
        assert contents(window.messages) == ["with cai", "of cai", "with cai again"]
        wait_until(lambda window=window: window.halls_changed, 20, "halls_changed")
        assert window.halls_changed == [{"hall_id": hall["id"], "change": "left"}]
        for event, more in [
            ("join_hall", {}), ("send_message", {"content": "x"}),
            ("edit_message", {"id": said["id"], "content": "x"}), ("delete_message", {"id": said["id"]}),
        ]:  # fmt: skip
            answer = window.call(event, {"hall_id": hall["id"], **more})
            assert answer["error"]["code"] == "not_a_member", event
        assert window.connected == 1
    path = f"/chat/messages/{hall['id']}"
    assert code(cai.get(path)) == code(cai.post(path, json={"content": "x"})) == "not_a_member"
    assert contents(ana.get(path).json()["messages"]) == ["with cai", "of cai", "without cai"]


def test_who_is_banned_joins_by_no_way_until_it_is_lifted(hall_of_three):
    ana, ben, cai, hall = hall_of_three
    assert ben.put(place(hall, cai, "bans")).status_code == 204
    assert [ban["id"] for ban in ana.get(f"/chat/halls/{hall['id']}/bans").json()["bans"]] == [cai.user["id"]]

    wish = {"hall_id": hall["id"]}
    answer = cai.post("/chat/halls/join", json=wish)
    assert answer.status_code == 403 and code(answer) == "banned"
    for transports in TRANSPORTS:
        assert cai.listen(transports=transports).call("join_hall", wish)["error"]["code"] == "not_a_member"
    assert hall["id"] not in [each["id"] for each in cai.get("/chat/halls?scope=open").json()["halls"]]
    assert code(cai.delete(place(hall, cai, "bans"))) == "not_a_member"

    assert ana.delete(place(hall, cai, "bans")).status_code == 204
    enter(hall, cai)
    assert cai.listen().join(hall)["ok"]


def test_nobody_acts_on_an_equal_or_a_higher_role_nor_from_outside(shared_site, people, hall_of_three):
    ana, ben, cai, hall = hall_of_three
    stranger = people("dan")
    before = roles(ana, hall)
    for actor, other, expected in [
        (ben, ana, "not_allowed"), (ben, ben, "not_allowed"), (ana, ana, "not_allowed"), (cai, ben, "not_allowed"),
        (cai, cai, "not_allowed"), (stranger, cai, "not_a_member"), (ana, stranger, "not_found"),
    ]:  # fmt: skip
        for answer in (
            set_role(actor, hall, other, "member"), actor.delete(place(hall, other)), actor.put(place(hall, other, "bans")),
        ):  # fmt: skip
            assert code(answer) == expected, (answer.request.method, answer.request.path_url)
    nobody = SiteSession(shared_site)
    for answer in (
        set_role(nobody, hall, cai, "member"), nobody.delete(place(hall, cai)), nobody.put(place(hall, cai, "bans")),
    ):  # fmt: skip
        assert code(answer) == "unauthenticated"
    assert roles(ana, hall) == before


def test_when_the_owner_leaves_a_moderator_has_the_hall(hall_of_three):
    ana, ben, cai, hall = hall_of_three
    assert ana.post("/chat/halls/leave", json={"hall_id": hall["id"]}).status_code == 204
    assert roles(ben, hall) == {ben.user["id"]: "owner", cai.user["id"]: "member"}
