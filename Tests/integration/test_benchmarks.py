# SPDX-License-Identifier: Apache-2.0
"""The benchmark (Benchmarks/): that it runs, that each row is there, and that its load finds what is planted.

No time is held against anything: what is fast here is slow elsewhere.
"""

import json
import subprocess

import pytest

from halls_site import BIN, ROOT, clean_environment, free_port, wait_until

SOURCES = ROOT / "Benchmarks"


@pytest.fixture(scope="module")
def results():
    """What a quick run says."""
    command = [ROOT / "chat", "bench", "--quick", "--json"]
    done = subprocess.run(
        command, env=clean_environment() | {"HALLS_BIN": str(BIN)}, text=True, capture_output=True, timeout=110
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_each_row_is_there(results):
    lines = {line["name"]: line for line in results["lines"]}

    assert lines.keys() - {"history 304", "sidebar 304"} == {
        "fan-out", "halls", "paced", "senders 1", "senders 10", "senders 100", "join", "idle",
        "idle-path", "heartbeat", "history", "sidebar", "cold-start chat-push", "cold-start chat-fcgi",
    }  # fmt: skip
    assert all(line["halls"]["value"][0] > 0 for line in lines.values())
    assert all(line["floor"]["value"][0] > 0 for line in lines.values() if line["floor"])


def test_each_curve_is_there(results):
    points = {curve["name"]: len(curve["points"]) for curve in results["curves"]}

    assert points.keys() == {"grow-fan-out", "grow-halls", "grow-history", "grow-sidebar", "grow-memory"}
    assert all(points.values())


def test_what_was_checked_is_what_was_there(results):
    checked = {line["name"]: line["halls"]["checked"][0] for line in results["lines"]}

    # A run with a delivery lost, doubled or out of order is none; here it is whether there were any.
    assert checked["fan-out"] > 0 and checked["fan-out"] % 50 == 0
    assert checked["halls"] > 0 and checked["halls"] % 5 == 0
    # 50 messages a second for half a second, to 50 members.
    assert 1_000 <= checked["paced"] <= 1_500
    assert checked["join"] == 250
    assert checked["idle"] == 500
    assert checked["idle-path"] == 200
    assert checked["heartbeat"] >= 500


def test_a_second_opinion_wants_to_be_named():
    done = subprocess.run(
        [ROOT / "chat", "bench", "--quick", "--row", "wsload"], env=clean_environment() | {"HALLS_BIN": str(BIN)},
        text=True, capture_output=True, timeout=60,
    )  # fmt: skip
    assert done.returncode == 1 and "HALLS_WSLOAD=FILE" in done.stderr


@pytest.fixture(scope="module")
def programs(tmp_path_factory):
    """The folder of the compiled programs; a warning is an error here."""
    folder = tmp_path_factory.mktemp("benchmarks")
    for source in SOURCES.glob("*.c"):
        subprocess.run(["cc", "-O2", "-Wall", "-Wextra", "-Werror", "-o", folder / source.stem, source], check=True)
    return folder


@pytest.fixture
def load(programs, tmp_path):
    """Starts a floor, lets so many of the five members in each of two halls talk, and returns the totals."""
    floors = []

    def run(senders, mode, *plant):
        port = free_port()
        floors.append(subprocess.Popen([programs / "floor", str(port), mode, *plant]))
        cookies = tmp_path / "cookies"
        cookies.write_text("none\n" * 10)
        command = [programs / "load", str(port), "2", "1", str(senders), "120", cookies]
        orders = "connect 10\npace 1000 0.6\ndrain\n"  # 600 messages, each to four others

        def finished():
            done = subprocess.run(command, input=orders, text=True, capture_output=True, timeout=60)
            return done if "cannot connect" not in done.stderr else None

        done = wait_until(finished, what="an answer of the floor")
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout.splitlines()[-1])

    yield run
    for floor in floors:
        floor.kill()
        floor.wait()


@pytest.mark.parametrize("mode", ["write", "batch"])
def test_the_load_counts_each_delivery_once(load, mode):
    totals = load(3, mode)

    assert totals["sent"] == totals["acknowledged"] == 600
    assert totals["expected"] == totals["delivered"] == 600 * 5
    assert totals["doubled"] == totals["disordered"] == totals["astray"] == totals["refused"] == 0


@pytest.mark.parametrize(("plant", "doubled", "disordered", "lost"), [
    ("drop", 0, 0, 2), ("double", 2, 0, 0), ("swap", 0, 2, 0),
])  # fmt: skip
def test_the_load_finds_what_is_planted(load, plant, doubled, disordered, lost):
    # Swapped are messages to the same member; of one sender they have to be for that to be wrong.
    totals = load(1, "write", plant)

    assert totals["doubled"] == doubled
    assert totals["disordered"] == disordered
    assert totals["expected"] - totals["delivered"] == lost
