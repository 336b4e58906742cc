# SPDX-License-Identifier: Apache-2.0
"""The script `chat`: what a person sees who tries Halls for the first time, and what is left behind afterwards."""

import contextlib
import fcntl
import os
import pathlib
import shutil
import signal
import socket
import sqlite3
import subprocess
import tempfile
import time

import pytest
import requests

from halls_site import BIN, ROOT, clean_environment, free_port, wait_until

SCRIPT = ROOT / "chat"


def environment(**more):
    """With the programs that are built already: what `./chat build` does is checked by `./chat test` itself."""
    return clean_environment() | {"HALLS_BIN": str(BIN)} | more


def chat(*arguments, **options):
    """Runs the script to its end."""
    options = {"env": environment(), "script": SCRIPT} | options
    script = options.pop("script")
    return subprocess.run(
        [*options.pop("by", ()), script, *map(str, arguments)],
        stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60, **options,
    )  # fmt: skip


def assert_refused(done, *words):
    """It failed with a single sentence that holds the words."""
    assert done.returncode != 0
    lines = done.stderr.splitlines()
    assert len(lines) == 1 and lines[0].startswith("chat: "), done.stderr
    for word in words:
        assert word in lines[0]


class Run:
    """A `./chat run` in the background."""

    def __init__(self, data, *arguments, **options):
        self.data = pathlib.Path(data)
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.output = tempfile.TemporaryFile("w+")
        self.process = subprocess.Popen(
            [SCRIPT, "run", "--port", str(self.port), "--data", self.data, *arguments],
            stdin=subprocess.DEVNULL, stdout=self.output, stderr=self.output, env=options.get("env", environment()),
            preexec_fn=heed_signals,
        )  # fmt: skip

    def text(self):
        self.output.seek(0)
        return self.output.read()

    def wait_until_ready(self):
        def ready():
            assert self.process.poll() is None, self.text()
            return "Ctrl-C" in self.text()

        wait_until(ready, 30, "the start")
        return self

    def health(self):
        try:
            return requests.get(self.url + "/chat/health", timeout=5).status_code
        except requests.ConnectionError:
            return None

    def pids(self, word=""):
        """The processes that were started on this data."""
        found = []
        for entry in pathlib.Path("/proc").iterdir():
            with contextlib.suppress(OSError):
                command = entry.name.isdigit() and (entry / "cmdline").read_text().replace("\0", " ")
                if command and str(self.data) in command and word in command and int(entry.name) != self.process.pid:
                    found.append(int(entry.name))
        return found

    def end(self, number=signal.SIGTERM):
        self.process.send_signal(number)
        return self.process.wait(20)

    def assert_nothing_left(self):
        assert self.pids() == []
        assert not list(self.data.rglob("*.sock")) and not list(self.data.rglob("*.pid"))
        with open(self.data / "lock") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        with socket.socket() as listener:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listener.bind(("127.0.0.1", self.port))


def heed_signals():
    """A shell cannot trap what it was started to ignore, as nohup and background jobs have it."""
    for number in (signal.SIGHUP, signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_DFL)


@pytest.fixture
def run(tmp_path):
    """Starts `./chat run` in a folder of the test; ended with it."""
    runs = []

    def start(*arguments, data=tmp_path / "data", **options):
        runs.append(Run(data, *arguments, **options))
        return runs[-1]

    yield start
    for one in runs:
        if one.process.poll() is None:
            one.end()
        print(one.text())


@pytest.fixture
def bare_path():
    """A function that makes a PATH with everything of this machine but the programs named."""
    with tempfile.TemporaryDirectory() as folder:
        os.chmod(folder, 0o755)

        def without(*names):
            for place in ("/usr/bin", "/bin", "/usr/sbin", "/sbin"):
                for program in pathlib.Path(place).iterdir():
                    link = pathlib.Path(folder) / program.name
                    if program.name not in names and not link.exists() and not link.is_symlink():
                        link.symlink_to(program)
            return folder

        yield without


# --- Words -----------------------------------------------------------------------------------------------------------


def test_help_lists_the_verbs():
    done = chat("help")

    assert done.returncode == 0 and done.stderr == ""
    for verb in ("setup", "build", "run", "page", "test", "lint", "format"):
        assert f"\n  {verb} " in done.stdout
    assert chat().stdout == done.stdout


def test_an_unknown_verb_or_option_is_refused(tmp_path):
    assert_refused(chat("dance"), "'dance'", "./chat help")
    assert_refused(chat("build", "--fast"), "'--fast'", "./chat help")
    assert_refused(chat("run", "8080", "--data", tmp_path), "'8080'")
    assert_refused(chat("run", "--data", tmp_path, "--port"), "--port")
    assert_refused(chat("run", "--data", tmp_path, "--port", "65536"), "65536")
    assert_refused(chat("run", "--data", tmp_path, "--listen", "x"), "--listen")
    assert_refused(chat("run", "--data", tmp_path, "--port", free_port(), "--no-such-flag", 1), "--no-such-flag")


@pytest.mark.parametrize("options", [[], ["--static"]], ids=["", "static"])
def test_build_says_where_the_programs_are_and_builds_none_that_are_brought_along(options):
    done = chat("build", *options)

    assert (done.returncode, done.stdout) == (0, f"The programs are in {BIN}.\n"), done.stderr


# --- A run -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP], ids=lambda number: number.name)
def test_a_run_answers_and_leaves_nothing_when_it_is_ended(run, number):
    site = run().wait_until_ready()
    assert f"{site.url}/chat.html" in site.text()
    assert requests.get(site.url + "/", timeout=5).status_code == 200
    assert site.health() == 200

    assert site.end(number) == 0

    site.assert_nothing_left()


def test_a_run_that_is_killed_takes_its_processes_along_and_the_next_one_starts(run):
    site = run().wait_until_ready()

    site.end(signal.SIGKILL)

    wait_until(lambda: not site.pids(), 15, "the end of every process")
    assert run().wait_until_ready().health() == 200


@pytest.mark.parametrize("word", ["chat-push", "chat-fcgi", "master process nginx"])
def test_a_process_that_is_killed_comes_back(run, word):
    site = run().wait_until_ready()
    (before,) = site.pids(word)

    os.kill(before, signal.SIGKILL)

    wait_until(lambda: site.pids(word) not in ([], [before]), 5, f"another {word}")
    wait_until(lambda: site.health() == 200, 5, "the site")
    wait_until(lambda: "ended unexpectedly" in site.text(), 5, "a word about it")
    assert site.end() == 0
    site.assert_nothing_left()


@pytest.mark.parametrize("pause", [0, 0.03, 0.08])
def test_processes_that_are_killed_one_right_after_the_other_all_come_back(run, pause):
    site = run().wait_until_ready()
    words = ["chat-push", "chat-fcgi", "master process nginx"]
    before = [site.pids(word)[0] for word in words]

    for pid in before:
        os.kill(pid, signal.SIGKILL)
        time.sleep(pause)

    for word, pid in zip(words, before, strict=True):
        wait_until(lambda word=word, pid=pid: site.pids(word) not in ([], [pid]), 5, f"another {word}")
    wait_until(lambda: site.health() == 200, 5, "the site")
    assert site.text().count("ended unexpectedly (status 137)") == 3
    assert "Killed" not in site.text()


def test_a_daemon_that_does_not_start_ends_the_run_with_its_last_words(run, tmp_path):
    programs = tmp_path / "bin"
    shutil.copytree(BIN, programs, ignore=lambda folder, names: {name for name in names if not name.startswith("chat-")}
                    | {name for name in names if (pathlib.Path(folder) / name).is_dir()})  # fmt: skip
    broken = programs / "chat-fcgi"
    broken.rename(programs / "real")
    broken.write_text(f'#!/bin/sh\n[ "$1" = --help ] && exec {programs}/real --help\necho "out of luck" >&2\nexit 3\n')
    broken.chmod(0o755)
    site = run(env=environment(HALLS_BIN=str(programs)))

    assert site.process.wait(30) != 0

    assert "out of luck" in site.text() and "chat: chat-fcgi ended as it started" in site.text()
    site.assert_nothing_left()


def test_flags_reach_the_daemons(run):
    site = run("--message-length-max", "7").wait_until_ready()
    account = {"username": "ana", "password": "correct horse battery staple"}
    session = requests.Session()
    session.headers["Origin"] = site.url

    assert session.post(site.url + "/chat/register", json=account).status_code == 201
    assert session.get(site.url + "/chat/me").json()["limits"]["message_length_max"] == 7


def test_a_data_folder_with_a_long_or_odd_path_works(run, tmp_path):
    sockets = set(pathlib.Path("/tmp").glob("halls.??????"))
    site = run(data=tmp_path / ("a folder & more " + "x" * 90)).wait_until_ready()
    assert site.health() == 200

    assert site.end() == 0

    site.assert_nothing_left()
    assert set(pathlib.Path("/tmp").glob("halls.??????")) <= sockets


# --- Refusals --------------------------------------------------------------------------------------------------------


def test_a_second_run_on_the_same_data_is_refused(run):
    site = run().wait_until_ready()

    assert_refused(chat("run", "--data", site.data, "--port", free_port()), str(site.data), "in use")

    assert site.health() == 200


def test_a_port_in_use_is_refused_before_anything_is_made(tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]

        assert_refused(chat("run", "--data", tmp_path / "data", "--port", port), f"Port {port}", "in use")

    assert not (tmp_path / "data").exists()


def test_a_database_of_a_newer_version_is_refused_and_kept(run, tmp_path):
    site = run().wait_until_ready()
    site.end()
    with contextlib.closing(sqlite3.connect(site.data / "halls.db")) as database:
        database.execute("INSERT INTO grdb_migrations VALUES ('of a time to come')")
        database.commit()

    done = chat("run", "--data", site.data, "--port", free_port())

    assert done.returncode != 0
    assert "newer" in done.stderr and len(done.stderr.splitlines()) == 2
    site.assert_nothing_left()
    with contextlib.closing(sqlite3.connect(site.data / "halls.db")) as database:
        assert database.execute("SELECT count(*) FROM halls").fetchone()


def test_without_swift_one_sentence_says_so(bare_path, tmp_path):
    path = bare_path("swift")

    done = chat("run", "--data", tmp_path / "data", "--port", free_port(), env=clean_environment() | {"PATH": path})

    assert_refused(done, "Swift 6.2", "swift.org")
    assert not (tmp_path / "data").exists()


def test_an_older_swift_is_refused_in_one_sentence(bare_path):
    path = bare_path("swift")
    old = pathlib.Path(path) / "swift"
    old.write_text("#!/bin/sh\necho 'Swift version 6.1.2 (swift-6.1.2-RELEASE)'\n")
    old.chmod(0o755)

    assert_refused(chat("build", env=clean_environment() | {"PATH": path}), "Swift 6.2", "6.1")


def test_what_is_missing_is_named_where_it_cannot_be_installed(bare_path):
    # Somebody who is not root, on a machine without sudo.
    path = bare_path("nginx", "sudo")
    script = shutil.copy(SCRIPT, path)
    by = ["setpriv", "--reuid=65534", "--clear-groups"] if os.geteuid() == 0 else []

    # The script adds these itself, which is where nginx is.
    more = "PATH=$PATH:/usr/sbin:/sbin\n"
    text = pathlib.Path(script).read_text()
    assert more in text
    pathlib.Path(script).write_text(text.replace(more, ""))
    done = chat("setup", script=script, by=by, env=environment(PATH=path))

    assert_refused(done, "sudo apt-get install", "nginx-light")
