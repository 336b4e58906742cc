# SPDX-License-Identifier: Apache-2.0
"""The echo server of Tests/EchoServer as fixtures: a port each, with two event loops.

`echo` has the short timings of the official suites, `patient_echo` pings as often and waits as long as the product, which
is what clients need that have to answer on a busy machine; `product_echo` has the product's, `engine_echo` speaks Engine.IO alone.
The program comes from HALLS_BIN, or from .build/release.
"""

import os
import pathlib
import subprocess

import pytest

FOLDER = pathlib.Path(__file__).parents[2] / ".build" / "release"
PROGRAM = pathlib.Path(os.environ.get("HALLS_BIN", FOLDER)) / "socketio-echo"


def _serve(*arguments):
    if not PROGRAM.exists():
        pytest.skip(f"{PROGRAM} is not built (swift build -c release --product socketio-echo)")
    server = subprocess.Popen([PROGRAM, "--port", "0", "--threads", "2", *arguments], stdout=subprocess.PIPE, text=True)
    port = next(int(line.split()[-1]) for line in server.stdout if line.startswith("listening on "))
    yield port
    server.terminate()
    output, _ = server.communicate(timeout=20)
    assert server.returncode == 0
    # Nothing is left of those who have gone.
    assert "sessions 0" in output


@pytest.fixture(scope="module")
def echo():
    yield from _serve()


@pytest.fixture(scope="module")
def patient_echo():
    yield from _serve("--timings", "patient")


@pytest.fixture(scope="module")
def product_echo():
    yield from _serve("--timings", "product")


@pytest.fixture(scope="module")
def engine_echo():
    yield from _serve("--profile", "engine")
