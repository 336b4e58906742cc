# SPDX-License-Identifier: Apache-2.0
"""The delivery checker (Tests/Torture, docs/delivery.md): short runs, and that it finds what is planted."""

import json
import os
import random
import subprocess

import pytest

from halls_site import BIN, ROOT, clean_environment


@pytest.fixture(scope="module")
def torture():
    """Runs the checker and returns its exit status, its result, and what it said of its plan."""
    program = BIN / "halls-torture"
    if not program.exists():
        if "HALLS_BIN" in os.environ:
            pytest.skip(f"there is no {program}")
        build = ["swift", "build", "-c", "release", "--product", "halls-torture"]
        subprocess.run(build, cwd=ROOT, check=True, timeout=600)

    def run(*options, kind="faults"):
        command = [ROOT / "chat", "torture", kind, "--json", "--clients", "100", *map(str, options)]
        done = subprocess.run(
            command, cwd=ROOT, env=clean_environment() | {"HALLS_BIN": str(BIN)}, text=True, capture_output=True,
            timeout=110,
        )  # fmt: skip
        print(done.stderr)
        lines = done.stdout.splitlines()
        assert lines, done.stderr
        return done.returncode, json.loads(lines[-1]), done.stderr

    return run


@pytest.mark.timeout(700)
@pytest.mark.parametrize(
    "seed",
    # In the first a worker of nginx that was told to go cuts its clients ten seconds later, after the last fault.
    [199773, random.randrange(1, 10**6)],
    ids=["a worker leaves late", "random seed"],
)
def test_nothing_acknowledged_is_lost_doubled_or_out_of_order(torture, seed):
    status, result, plan = torture("--minutes", 0.25, "--seed", seed)

    again = f"again with: ./chat torture --minutes 0.25 --clients 100 --seed {seed}"
    assert (status, result["findings"]) == (0, []), again
    assert result["counts"]["acknowledged"] > 200
    assert result["counts"]["edits acknowledged"] > 30
    assert result["counts"]["deletions acknowledged"] > 15
    assert result["counts"]["states held by members"] > 500
    assert result["counts"]["disconnections"] > 20
    assert result["counts"]["renames acknowledged"] > 10
    assert result["counts"]["names acknowledged"] > 3
    # Also who was away.
    assert result["counts"]["people learned of"] > 100
    assert result["counts"]["people known in the end"] == 60 * 100
    assert result["faults"], plan


@pytest.mark.parametrize(
    ("plant", "breach", "faults"), [
        ("drop", "lost", "none"), ("double", "doubled", "none"), ("swap", "disordered", "none"),
        ("untold", "lost", "none"), ("undead", "undead", "none"), ("back", "disordered", "none"),
        ("alias", "misnamed", "people"), ("unheard", "unheard", "people"),
    ]
)  # fmt: skip
def test_the_checker_finds_what_is_planted(torture, plant, breach, faults):
    options = ["--minutes", 0.08, "--changes", 60, "--seed", 1, "--faults", faults]
    status, result, _ = torture(*options, "--plant", plant)

    assert status == 1
    assert result["breaches"][breach] == 1


def test_who_is_cut_off_again_and_again_gets_everything_once(torture):
    options = ["--seconds", 5, "--every", 2, "--away", 0.5, "--rate", 10]
    status, result, _ = torture(*options, kind="jitter")

    assert (status, result["findings"]) == (0, [])
    pairs = result["figures"]["pairs"]
    assert pairs["count"] == pairs["delivered"] == 100 * result["counts"]["acknowledged"] > 2_000
    assert pairs["repeated"] == 0
    assert result["figures"]["cuts"] > 100
    assert result["figures"]["replayed"]["count"] > 100


@pytest.mark.parametrize(("ending", "way"), [("term", "nginx"), ("kill", "direct")])
def test_everybody_comes_back_when_chat_push_restarts_and_has_missed_nothing(torture, ending, way):
    # As many at once as chat-push takes in two seconds: some have to come again.
    options = ["--ending", ending, "--way", way, "--handshakes-per-second", 50]
    status, result, _ = torture(*options, kind="avalanche")

    assert (status, result["findings"]) == (0, [])
    figures = result["figures"]
    assert (figures["back_percent"], figures["back"]["count"]) == (100, 100)
    assert figures["pairs"]["count"] == figures["pairs"]["delivered"] == 100 * result["counts"]["acknowledged"]
    assert figures["pairs"]["repeated"] == 0
    # Each session is read once, the hall once for each event loop, and what was missed not for each who missed it.
    assert figures["chat-push_reads"]["sessions"] == 100
    assert figures["chat-push_reads"]["halls"] <= 2
    assert figures["chat-push_reads"]["changes"] < 50


def test_the_same_seed_makes_the_same_plan(torture):
    def plan(seed):
        command = [BIN / "halls-torture", "--dry-run", "--seed", str(seed)]
        return subprocess.run(command, text=True, capture_output=True, check=True, timeout=30).stderr

    assert plan(5) == plan(5)
    assert plan(5) != plan(6)
