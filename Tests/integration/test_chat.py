# SPDX-License-Identifier: Apache-2.0
"""Talking: what a stock Socket.IO client meets behind the real nginx."""

import re
import threading

import pytest

from halls_site import wait_until
from listener import Listener, contents, enter, found, unique

TRANSPORTS = {"polling": ["polling"], "websocket": ["websocket"], "upgrading": None}


@pytest.fixture(params=TRANSPORTS.values(), ids=TRANSPORTS.keys())
def transports(request):
    return request.param


@pytest.fixture
def ana(people):
    return people("ana")


@pytest.fixture
def ben(people):
    return people("ben")


@pytest.fixture
def hall(ana, ben):
    """A hall of ana's that ben is in, too."""
    hall = found(ana)
    enter(hall, ben)
    return hall


def history(session, hall, query=""):
    answer = session.get(f"/chat/messages/{hall['id']}{query}")
    assert answer.status_code == 200, answer.text
    return answer.json()


# --- Two people ------------------------------------------------------------------------------------------------------


def test_two_people_talk_and_each_sees_everything_once_and_in_order(ana, ben, hall, transports):
    one, other = ana.listen(hall, transports=transports), ben.listen(hall, transports=transports)

    for number in range(8):
        one.say(hall, f"ana {number}")
        other.say(hall, f"ben {number}")
    one.say(hall, "that is all")

    expected = [f"{name} {number}" for number in range(8) for name in ("ana", "ben")] + ["that is all"]
    for listener in (one, other):
        listener.wait_for("that is all")
        assert contents(listener.messages) == expected
        assert [message["rev"] for message in listener.messages] == list(range(1, 18))
        assert listener.transport == ("polling" if transports == ["polling"] else "websocket")
    assert one.messages == other.messages
    assert contents(history(ana, hall)["messages"]) == expected


def test_what_several_say_at_the_same_time_comes_to_all_in_one_order_without_a_hole(ana, ben, hall, transports):
    one, other = ana.listen(hall, transports=transports), ben.listen(hall, transports=transports)
    acknowledged = []

    for number in range(15):
        for listener in (one, other):
            payload = {"hall_id": hall["id"], "content": f"{listener.user['username']} {number}"}
            listener.emit("send_message", payload, callback=acknowledged.append)
        ana.post(f"/chat/messages/{hall['id']}", json={"content": f"rest {number}"})

    wait_until(lambda: len(one.messages) >= 45 and len(other.messages) >= 45 and len(acknowledged) == 30, 20)
    assert all(answer["ok"] for answer in acknowledged)
    assert one.messages == other.messages
    assert [message["rev"] for message in one.messages] == list(range(1, 46))
    for who in (ana.user["username"], ben.user["username"], "rest"):
        said = [content for content in contents(one.messages) if content.startswith(f"{who} ")]
        assert said == [f"{who} {number}" for number in range(15)]


def test_a_stock_polling_client_survives_a_burst(shared_site, ana, ben, hall):
    """python-engineio takes sixteen packets with one poll and drops the connection over more."""
    polling = ana.listen(hall, transports=["polling"])
    quick = ben.listen(hall, transports=["websocket"])

    for number in range(20):
        quick.emit("send_message", {"hall_id": hall["id"], "content": str(number)})
    for number in range(40):
        polling.emit("leave_hall", {"hall_id": 1}, callback=lambda *_: None)
        polling.emit("nonsense")

    polling.wait_for("19")
    wait_until(lambda: len(polling.errors) == 40, 20, "all errors")
    assert contents(polling.messages) == [str(number) for number in range(20)]
    assert (polling.connected, polling.disconnected) == (1, 0)


# --- What is answered ------------------------------------------------------------------------------------------------


def test_the_acknowledgement_is_the_message_and_the_others_get_it_without_the_key(ana, ben, hall):
    one, other = ana.listen(hall), ben.listen(hall)

    answer = one.call("send_message", {"hall_id": hall["id"], "content": "good day", "client_key": "k-1"})

    assert set(answer) == {"ok", "message"} and answer["ok"] is True
    message = answer["message"]
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", message["created_at"])
    assert message == {
        "id": message["id"], "hall_id": hall["id"], "rev": 1, "sender_id": ana.user["id"],
        "username": ana.user["username"], "content": "good day", "created_at": message["created_at"],
        "client_key": "k-1",
    }  # fmt: skip
    other.wait_for("good day")
    message.pop("client_key")
    assert other.messages == [message]


def test_the_acknowledgement_of_a_join_has_the_hall_and_its_position(ana, hall):
    one = ana.listen()
    one.say(hall, "first")

    # Marks are in the list of halls alone.
    shown = {name: value for name, value in hall.items() if name != "read"}
    assert one.join(hall) == {"ok": True, "hall": {**shown, "rev": 1}, "rev": 1, "change": 0}
    answer = one.join(hall, since_rev=0)
    assert (answer["rev"], answer["complete"], contents(answer["messages"])) == (1, True, ["first"])


def test_a_join_without_an_acknowledgement_is_answered_by_an_event(ana, hall, transports):
    one = ana.listen(hall, transports=transports)
    one.say(hall, "missed")

    one.emit("join_hall", {"hall_id": hall["id"], "since_rev": 0})

    wait_until(lambda: one.halls_joined, 20, "the answer")
    assert one.halls_joined == [one.join(hall, since_rev=0)]
    assert contents(one.halls_joined[0]["messages"]) == ["missed"]


def test_without_an_acknowledgement_an_error_comes_as_an_event_and_a_sent_message_needs_no_word(ana, hall, transports):
    one = ana.listen(hall, transports=transports)

    one.emit("send_message", {"hall_id": hall["id"], "content": ""})
    one.emit("send_message", {"hall_id": hall["id"], "content": "this goes"})
    one.emit("join_hall", {"hall_id": 1 << 50})

    wait_until(lambda: len(one.errors) == 2, 20, "two errors")
    assert [(error["code"], error["event"]) for error in one.errors] == [
        ("message_empty", "send_message"), ("not_found", "join_hall"),
    ]  # fmt: skip
    assert all(error["message"] for error in one.errors)
    one.wait_for("this goes")


# --- Other ways in ---------------------------------------------------------------------------------------------------


def test_what_is_posted_reaches_open_sockets(ana, ben, hall, transports):
    other = ben.listen(hall, transports=transports)

    answer = ana.post(f"/chat/messages/{hall['id']}", json={"content": "by REST", "client_key": "k"})

    assert answer.status_code == 201
    message = answer.json()["message"]
    assert message.pop("client_key") == "k"
    other.wait_for("by REST")
    assert other.messages == [message]


def test_what_the_operator_sends_reaches_open_sockets(shared_site, ana, ben, hall, transports):
    other = ben.listen(hall, transports=transports)

    shared_site.admin("messages", "send", hall["id"], ana.user["username"], input="Back at noon.\n")

    other.wait_for("Back at noon.")
    assert other.messages[0]["username"] == ana.user["username"]


def test_text_arrives_as_it_was_written(ana, ben, hall, transports):
    one, other = ana.listen(hall, transports=transports), ben.listen(hall, transports=transports)
    texts = [
        "<script>alert(1)</script> & \"quotes\" \\ 'and' /slashes/",
        "two\nlines\tand a tab", "  spaces around  ", "日本語 中文 한국어", "السلام عليكم", "👩‍👩‍👧‍👦 🇪🇺 e\u0301 é",
        "a\u2028b \u2029 c\u200d", "\x1e between packets", "\u0001 control",
    ]  # fmt: skip

    for text in texts:
        assert one.say(hall, text)["content"] == text
    one.say(hall, "end")

    other.wait_for("end")
    assert contents(other.messages)[:-1] == texts
    assert contents(history(ben, hall)["messages"])[:-1] == texts


# --- Coming back -----------------------------------------------------------------------------------------------------


def test_who_comes_back_gets_exactly_what_was_said_meanwhile(ana, ben, hall, transports):
    one, other = ana.listen(hall, transports=transports), ben.listen(hall, transports=transports)
    one.say(hall, "before")
    other.wait_for("before")
    other.close()
    meanwhile = [one.say(hall, f"meanwhile {number}", client_key=f"k{number}") for number in range(3)]

    again = ben.listen(transports=transports)
    answer = again.join(hall, since_rev=1)
    one.say(hall, "after")

    for message in meanwhile:
        message.pop("client_key")
    assert (answer["complete"], answer["rev"], answer["messages"]) == (True, 4, meanwhile)
    assert again.join(hall, since_rev=4)["complete"] is True
    again.wait_for("after")
    assert contents(again.messages) == ["after"]
    assert history(ben, hall, "?since_rev=1")["messages"][:-1] == meanwhile


def test_who_comes_back_again_and_again_also_to_a_quiet_hall_gets_what_was_missed_each_time(ana, ben, hall, transports):
    """Whether anything was said before, or lately, or the client has come back already, does not matter."""
    rev = 0
    for missed in (0, 2, 0, 0, 1, 3):
        expected = [f"{rev} {number}" for number in range(missed)]
        for content in expected:
            assert ana.post(f"/chat/messages/{hall['id']}", json={"content": content}).status_code == 201

        again = ben.listen(transports=transports)
        answer = again.join(hall, since_rev=rev)

        rev += missed
        assert (answer["complete"], answer["rev"]) == (True, rev)
        assert contents(answer["messages"]) == expected
        again.close()


def test_a_position_that_is_too_old_or_of_another_database_is_told_from_a_whole_answer(make_site):
    site = make_site(flags={"page-size-max": 5, "page-size-default": 3})
    ana = site.person("ana")
    hall = found(ana)
    one = Listener(ana)
    for number in range(1, 8):
        one.say(hall, str(number))
    # The daemon that knows the last messages by heart is gone: what it says now comes from the database.
    one.close()
    for is_restarted in (True, False):
        if is_restarted:
            site.restart("chat-push")
        one = Listener(ana)
        whole = one.join(hall, since_rev=2)
        assert (whole["complete"], contents(whole["messages"])) == (True, ["3", "4", "5", "6", "7"])
        for since in (1, 0, 8, 1 << 40):
            answer = one.join(hall, since_rev=since)
            assert answer["rev"] == 7
            rest = history(ana, hall, f"?since_rev={since}")
            assert rest["rev"] == 7
            for each in (answer, rest):
                # Whole, or openly not: never a part that looks like the whole.
                expected = [str(number) for number in range(since + 1, 8)] if each["complete"] else ["5", "6", "7"]
                # A position that is not there costs the socket no read.
                is_unread = each is answer and since > 7
                assert contents(each["messages"]) == ([] if is_unread else expected)
            assert rest["complete"] is False
            if is_restarted:
                assert answer["complete"] is False
        one.close()


def test_what_is_said_while_somebody_joins_comes_either_with_the_answer_or_after_it(ana, ben, hall):
    """Nothing between the answer's position and the first event is lost or doubled."""
    one = ana.listen(hall)
    done = threading.Event()

    def talk():
        for number in range(60):
            ana.post(f"/chat/messages/{hall['id']}", json={"content": str(number)})
            if done.is_set():
                return

    talking = threading.Thread(target=talk)
    talking.start()
    try:
        for _ in range(12):
            other = ben.listen()
            answer = other.join(hall, since_rev=0)
            wait_until(lambda: len(other.messages) >= 1 or not talking.is_alive(), 20)
            other.close()
            revs = [message["rev"] for message in answer["messages"] + other.messages]
            assert revs == list(range(1, len(revs) + 1))
            assert answer["rev"] == len(answer["messages"])
    finally:
        done.set()
        talking.join()
    assert one.is_connected


# --- Saying it again -------------------------------------------------------------------------------------------------


def test_a_retry_with_the_same_key_is_the_same_message(ana, ben, hall, transports):
    one, other = ana.listen(hall, transports=transports), ben.listen(hall, transports=transports)

    first = one.say(hall, "once", client_key="the-key")
    assert one.say(hall, "once", client_key="the-key") == first
    rest = ana.post(f"/chat/messages/{hall['id']}", json={"content": "once", "client_key": "the-key"})
    assert (rest.status_code, rest.json()["message"]) == (200, first)
    one.say(hall, "end")

    for listener in (one, other):
        listener.wait_for("end")
        assert contents(listener.messages) == ["once", "end"]
    assert contents(history(ben, hall)["messages"]) == ["once", "end"]


def test_the_same_key_many_times_at_once_is_one_message(ana, ben, hall):
    one, second, other = ana.listen(hall), ana.listen(hall), ben.listen(hall)
    answers = []

    for _ in range(4):
        for listener in (one, second):
            payload = {"hall_id": hall["id"], "content": "once", "client_key": "k"}
            listener.emit("send_message", payload, callback=answers.append)
    wait_until(lambda: len(answers) == 8, 20, "all answers")
    one.say(hall, "end")

    assert all(answer == answers[0] and answer["ok"] for answer in answers)
    other.wait_for("end")
    assert contents(other.messages) == ["once", "end"]


def test_a_key_is_not_used_for_two_messages_and_belongs_to_its_sender(ana, ben, hall):
    one, other = ana.listen(hall), ben.listen(hall)
    second_hall = found(ana)
    one.say(hall, "mine", client_key="k")

    for elsewhere, content in ((hall, "another text"), (second_hall, "mine")):
        payload = {"hall_id": elsewhere["id"], "content": content, "client_key": "k"}
        assert one.call("send_message", payload)["error"]["code"] == "client_key_reused"
        answer = ana.post(f"/chat/messages/{elsewhere['id']}", json={"content": content, "client_key": "k"})
        assert (answer.status_code, answer.json()["code"]) == (409, "client_key_reused")
    other.say(hall, "also mine", client_key="k")

    assert contents(history(ana, hall)["messages"]) == ["mine", "also mine"]


# --- Many halls ------------------------------------------------------------------------------------------------------


def test_who_leaves_a_hall_hears_no_more_of_it_and_is_still_a_member(ana, ben, hall, transports):
    quiet, other_hall = hall, found(ana)
    enter(other_hall, ben)
    one, other = ana.listen(), ben.listen(quiet, transports=transports)
    other.join(other_hall)
    one.say(quiet, "heard")
    other.wait_for("heard")

    assert other.call("leave_hall", {"hall_id": quiet["id"]}) == {"ok": True}
    assert other.call("leave_hall", {"hall_id": quiet["id"]}) == {"ok": True}
    one.say(quiet, "not heard")
    one.say(other_hall, "heard elsewhere")

    other.wait_for("heard elsewhere")
    assert contents(other.messages) == ["heard", "heard elsewhere"]
    other.say(quiet, "still here")
    assert contents(other.join(quiet, since_rev=1)["messages"]) == ["not heard", "still here"]
    assert quiet["id"] in [each["id"] for each in ben.get("/chat/halls").json()["halls"]]


def test_one_socket_hears_many_halls(ana, ben, transports):
    halls = [found(ana) for _ in range(12)]
    for each in halls:
        enter(each, ben)
    one, other = ana.listen(), ben.listen(transports=transports)
    for each in halls:
        assert other.join(each)["ok"]

    for each in halls:
        one.say(each, f"in {each['name']}")

    other.wait_for(f"in {halls[-1]['name']}")
    assert [message["hall_id"] for message in other.messages] == [each["id"] for each in halls]
    assert contents(other.messages) == [f"in {each['name']}" for each in halls]


def test_several_windows_of_one_person_all_hear_it_and_one_that_joined_twice_hears_it_once(ana, ben, hall):
    windows = [ana.listen(hall) for _ in range(3)]
    assert windows[0].join(hall)["ok"]

    ben.listen().say(hall, "hello")
    windows[1].say(hall, "end")

    for window in windows:
        window.wait_for("end")
        assert contents(window.messages) == ["hello", "end"]


def test_who_makes_joins_or_leaves_a_hall_is_told_in_every_window(ana, ben):
    windows = [ben.listen(), ben.listen()]
    hall = found(ana)

    enter(hall, ben)
    assert ben.post("/chat/halls/leave", json={"hall_id": hall["id"]}).status_code == 204

    expected = [{"hall_id": hall["id"], "change": change} for change in ("joined", "left")]
    for window in windows:
        wait_until(lambda window=window: len(window.halls_changed) == 2, 20, "halls_changed")
        assert window.halls_changed == expected


def test_a_renamed_and_an_archived_hall_is_told_and_an_archived_one_takes_nothing_more(shared_site, ana, ben, hall):
    one, other = ana.listen(hall), ben.listen(hall)

    name = unique("Renamed ")
    shared_site.admin("halls", "rename", hall["id"], name)
    wait_until(lambda: other.halls_changed == [{"hall_id": hall["id"], "change": "renamed"}], 20, "renamed")
    assert one.join(hall)["hall"]["name"] == name
    shared_site.admin("halls", "archive", hall["id"])
    wait_until(lambda: len(other.halls_changed) == 2, 20, "archived")

    assert other.halls_changed[1] == {"hall_id": hall["id"], "change": "archived"}
    answer = one.call("send_message", {"hall_id": hall["id"], "content": "too late"})
    assert answer["error"]["code"] == "hall_archived"
    answer = ana.post(f"/chat/messages/{hall['id']}", json={"content": "too late"})
    assert (answer.status_code, answer.json()["code"]) == (409, "hall_archived")
    assert one.join(hall, since_rev=0)["hall"]["archived"] is True


def test_a_hall_comes_back_from_the_archive_and_a_deleted_one_is_left_by_all(shared_site, ana, ben, hall):
    one, other = ana.listen(hall), ben.listen(hall)
    shared_site.admin("halls", "archive", hall["id"])
    shared_site.admin("halls", "unarchive", hall["id"])
    wait_until(lambda: len(other.halls_changed) == 2, 20, "unarchived")
    one.say(hall, "here again")
    other.wait_for("here again")

    shared_site.admin("halls", "delete", hall["id"], "--yes", "--purge")
    for window in (one, other):
        wait_until(lambda window=window: len(window.halls_changed) == 3, 20, "left")
        changes = [{"hall_id": hall["id"], "change": change} for change in ("archived", "unarchived", "left")]
        assert window.halls_changed == changes
        assert window.join(hall)["error"]["code"] == "not_found"
        assert window.connected == 1
    assert ana.get(f"/chat/messages/{hall['id']}").status_code == 404
    assert hall["id"] not in [each["id"] for each in ana.get("/chat/halls").json()["halls"]]
    for file in ("halls.db", "halls.db-wal"):
        assert b"here again" not in (shared_site.folder / file).read_bytes()


# --- Bounds ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({"content": "x" * 4000}, None),
        ({"content": "🙂" * 4000}, None),
        ({"content": "x" * 4001}, "message_too_long"),
        ({"content": "🙂" * 4001}, "message_too_long"),
        ({"content": ""}, "message_empty"),
        ({"content": " \n\t\u00a0\u200b"}, "message_empty"),
        ({"content": "a", "client_key": "k" * 64}, None),
        ({"content": "a", "client_key": "aZ09_-"}, None),
        ({"content": "a", "client_key": "k" * 65}, "invalid_client_key"),
        ({"content": "a", "client_key": ""}, "invalid_client_key"),
        ({"content": "a", "client_key": "ä"}, "invalid_client_key"),
        ({"content": "a", "client_key": "a b"}, "invalid_client_key"),
        ({"content": "a", "client_key": None}, None),
        ({"content": "a\0b"}, "invalid_request"),
    ],
    ids=lambda value: value if isinstance(value, str) else None,
)
def test_what_may_be_said_has_the_same_bounds_by_both_ways(ana, hall, fields, code):
    one = ana.listen(hall)

    answer = one.call("send_message", {"hall_id": hall["id"], **fields})
    rest = ana.post(f"/chat/messages/{hall['id']}", json=fields)

    if code is None:
        assert answer["ok"], answer
        assert rest.status_code in (200, 201), rest.text
        assert answer["message"]["content"] == rest.json()["message"]["content"] == fields["content"]
        return
    assert (answer["ok"], answer["error"]["code"]) == (False, code)
    assert rest.status_code == (400 if code == "invalid_request" else 422)
    problem = rest.json()
    assert problem["code"] == code
    assert answer["error"].get("limit") == problem.get("limit")
    assert (code == "message_too_long") == (problem.get("limit") == 4000)
    assert history(ana, hall)["messages"] == []


def test_the_bounds_are_the_operators(make_site):
    site = make_site(flags={"message-length-max": 5})
    ana = site.person("ana")
    hall = found(ana)
    one = Listener(ana)

    assert one.say(hall, "12345")
    assert one.call("send_message", {"hall_id": hall["id"], "content": "123456"})["error"]["limit"] == 5
    assert ana.post(f"/chat/messages/{hall['id']}", json={"content": "123456"}).json()["limit"] == 5
    assert ana.get("/chat/me").json()["limits"] == {"message_length_max": 5}
    one.close()


@pytest.mark.parametrize("windows", [1, 2], ids=["one window", "two windows"])
def test_who_talks_too_fast_is_told_when_to_go_on(ana, ben, hall, windows):
    """Two windows of one person have no more than one."""
    talking = [ana.listen(hall, transports=["websocket"]) for _ in range(windows)]
    other = ben.listen(hall)
    answers = []

    for number in range(120):
        payload = {"hall_id": hall["id"], "content": f"spam {number}"}
        talking[number % windows].emit("send_message", payload, callback=answers.append)
    wait_until(lambda: len(answers) == 120, 30, "all answers")

    refused = [answer["error"] for answer in answers if not answer["ok"]]
    assert len(answers) - len(refused) >= 20
    assert refused and {error["code"] for error in refused} == {"rate_limited"}
    assert all(isinstance(error["retry_after"], int) and 1 <= error["retry_after"] <= 10 for error in refused)
    # The others are not concerned.
    other.say(hall, "from ben")
    wait_until(
        lambda: talking[0].call("send_message", {"hall_id": hall["id"], "content": "calm"})["ok"], 20, "another turn"
    )
    other.wait_for("calm")
    assert len(other.messages) == len(answers) - len(refused) + 2


def test_who_posts_too_fast_is_told_when_to_go_on(ana, hall):
    answers = []

    def post(number):
        for each in range(number, number + 30):
            answers.append(ana.post(f"/chat/messages/{hall['id']}", json={"content": f"spam {each}"}))

    posting = [threading.Thread(target=post, args=(1000 * each,)) for each in range(4)]
    for thread in posting:
        thread.start()
    for thread in posting:
        thread.join()

    refused = [answer for answer in answers if answer.status_code != 201]
    assert refused and {answer.status_code for answer in refused} == {429}
    for answer in refused:
        problem = answer.json()
        assert problem["code"] == "rate_limited" and problem["retry_after"] >= 1
        assert answer.headers["Retry-After"] == str(problem["retry_after"])


# --- Nonsense --------------------------------------------------------------------------------------------------------

NO_IDS = [None, True, "1", 1.5, 0, -1, 1 << 53, 1 << 70, [], {}, [1], {"id": 1}]
ARGUMENTS = [(), (None,), ([],), ({},), ("text",), (1,), (True,), ([1, 2],), ([[[[{}]]]],), ({"hall": 1},)]


@pytest.mark.parametrize("event", ["join_hall", "leave_hall", "send_message"])
def test_malformed_arguments_are_refused_and_the_socket_lives_on(ana, ben, hall, event, transports):
    one, other = ana.listen(hall, transports=transports), ben.listen(hall)
    arguments = ARGUMENTS + [({"hall_id": value, "content": "text"},) for value in NO_IDS]
    if event == "send_message":
        arguments += [({"hall_id": hall["id"], "content": value},) for value in (None, True, 1, 1.5, [], {}, ["a"])]
        arguments += [({"hall_id": hall["id"]},)]
        arguments += [
            ({"hall_id": hall["id"], "content": "text", "client_key": value},) for value in (True, 1, 1.5, [], {})
        ]
    if event == "join_hall":
        arguments += [
            ({"hall_id": hall["id"], "since_rev": value},) for value in (True, "0", 1.5, -1, 1 << 53, 1 << 70, [], {})
        ]

    answers = []
    for argument in arguments:
        one.emit(event, argument, callback=lambda answer, argument=argument: answers.append((argument, answer)))
    wait_until(lambda: len(answers) == len(arguments), 20, "all answers")

    for argument, answer in answers:
        assert answer["ok"] is False, argument
        assert answer["error"]["code"] == "invalid_request" and answer["error"]["message"], argument
    other.say(hall, "still there?")
    one.wait_for("still there?")
    assert one.connected == 1 and one.errors == []


@pytest.mark.parametrize("event", ["delete_everything", "", "message", "new_message", "join", "x" * 5000, "\u0000"])
def test_an_unknown_event_is_refused_and_the_socket_lives_on(ana, ben, hall, event):
    one, other = ana.listen(hall), ben.listen(hall)

    answer = one.call(event, {"hall_id": hall["id"], "content": "text"})
    one.emit(event, {"hall_id": hall["id"], "content": "text"})

    assert (answer["ok"], answer["error"]["code"]) == (False, "invalid_request")
    one.say(hall, "still here")
    other.wait_for("still here")
    assert contents(other.messages) == ["still here"]
    wait_until(lambda: one.errors, 20, "the error")
    assert (one.errors[0]["code"], one.errors[0]["event"]) == ("invalid_request", event)


def test_more_arguments_and_unknown_members_do_no_harm(ana, hall):
    one = ana.listen(hall)

    answer = one.call("send_message", ({"hall_id": hall["id"], "content": "text", "colour": {"r": [1]}}, "more", None))

    assert answer["ok"]


def test_binary_where_text_belongs_is_refused_and_the_socket_lives_on(ana, hall, transports):
    one = ana.listen(hall, transports=transports)

    answer = one.call("send_message", {"hall_id": hall["id"], "content": b"\x00\xff"})

    assert (answer["ok"], answer["error"]["code"]) == (False, "invalid_request")
    assert one.say(hall, "still here")


# --- What becomes of a message ---------------------------------------------------------------------------------------


def test_what_is_edited_and_deleted_reaches_everybody_and_the_history(ana, ben, hall, transports):
    writer, reader = ana.listen(hall, transports=transports), ben.listen(hall, transports=transports)
    one, other = writer.say(hall, "frist"), reader.say(hall, "secret")
    path = f"/chat/messages/{hall['id']}"

    # By the socket and by REST, one's own; and, as the owner, another's.
    edited = writer.call("edit_message", {"hall_id": hall["id"], "id": one["id"], "content": "first"})["message"]
    refused = reader.call("edit_message", {"hall_id": hall["id"], "id": one["id"], "content": "mine"})
    deleted = ana.delete(f"{path}/{other['id']}").json()["message"]
    again = ana.patch(f"{path}/{one['id']}", json={"content": "very first"}).json()["message"]

    assert refused["error"]["code"] == "not_allowed"
    assert (edited["content"], deleted["content"], deleted["deleted"]) == ("first", "", "moderator")
    for listener in (writer, reader):
        wait_until(lambda: listener.changes and listener.changes[-1]["change"] == 3, 20, "the last change")
        assert listener.changes[0]["after"] == 0
        assert [change["after"] for change in listener.changes[1:]] == [c["change"] for c in listener.changes[:-1]]
        assert listener.changes[-1]["message"] == again
    assert history(ana, hall)["messages"] == [again, deleted]
    assert history(ben, hall, "?since_rev=2&since_change=2")["changed"] == [again]
    assert reader.join(hall, since_rev=2, since_change=1)["changed"] == [deleted, again]
    assert ben.patch(f"{path}/{other['id']}", json={"content": "x"}).json()["code"] == "message_gone"


def test_a_client_of_before_goes_on_while_messages_change(ana, ben, hall):
    reader = ben.listen(hall)
    for number in range(4):
        ana.post(f"/chat/messages/{hall['id']}", json={"content": str(number)})
    reader.wait_for("3")
    last = reader.messages[-1]
    assert ana.delete(f"/chat/messages/{hall['id']}/{last['id']}").status_code == 200
    wait_until(lambda: reader.changes, 20, "the deletion")

    # It asks without since_change, and positions have no hole: nothing makes it load afresh.
    answer = reader.join(hall, since_rev=last["rev"] - 1)
    assert (answer["complete"], contents(answer["messages"]), answer["rev"]) == (True, [""], last["rev"])
    assert "changed" not in answer
    ana.post(f"/chat/messages/{hall['id']}", json={"content": "on"})
    reader.wait_for("on")
    assert reader.messages[-1]["rev"] == last["rev"] + 1
