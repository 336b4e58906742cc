# SPDX-License-Identifier: Apache-2.0
"""What the documents say of the programs is what holds: their flags, how they are installed."""

import os
import re
import shlex
import shutil
import subprocess

import pytest

from halls_site import BIN, ROOT, clean_environment

PROGRAMS = ("chat-fcgi", "chat-push", "chat-admin")


def help_of(*command):
    done = subprocess.run(
        [BIN / command[0], *command[1:], "--help"], env=clean_environment(), text=True, capture_output=True, timeout=30
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def helps_of(*command):
    """The help of a program and of all its subcommands."""
    text = help_of(*command)
    yield text
    part = re.search(r"^SUBCOMMANDS:\n(.*?)(?:\n\n|\Z)", text, re.MULTILINE | re.DOTALL)
    for name in re.findall(r"^  ([a-z][a-z-]*)", part[1], re.MULTILINE) if part else ():
        yield from helps_of(*command, name)


def flags_of(text):
    """Each flag of a help text with its default, or None."""
    for option in re.split(r"^  (?=-)", text, flags=re.MULTILINE)[1:]:
        words = " ".join(option.split())
        default = re.search(r"[(; ]default: ([^)]*)\)", words)
        for flag in re.findall(r"--[a-z][a-z0-9-]*", words.split(" <")[0].split(" (")[0])[:1]:
            if flag not in ("--help", "--version"):
                yield flag, default and default[1]


def documented(program):
    """Each flag with a row in docs/operating.md and the row's second cell: the shared ones and the program's own."""
    rows = {}
    for section in re.split(r"^#+ ", (ROOT / "docs/operating.md").read_text(), flags=re.MULTILINE):
        heading = section.split("\n")[0]
        if heading == program or heading not in PROGRAMS:
            rows |= dict(re.findall(r"^\| `(--[a-z0-9-]+)` \| ([^|]*?) \|", section, re.MULTILINE))
    return {flag: default.strip("`") for flag, default in rows.items()}


@pytest.mark.parametrize("program", PROGRAMS)
def test_every_flag_is_documented_with_its_default(program):
    rows = documented(program)
    missing = {}
    for text in helps_of(program):
        for flag, default in flags_of(text):
            if flag not in rows or (default and rows[flag] != default):
                missing[flag] = f"| `{flag}` | {default or '–'} | |"

    assert not missing, f"docs/operating.md lacks these rows of {program}:\n" + "\n".join(missing.values())


@pytest.mark.parametrize("program", PROGRAMS)
def test_no_flag_is_documented_that_the_programs_do_not_have(program):
    known = {flag for name in PROGRAMS for text in helps_of(name) for flag, _ in flags_of(text)}

    assert set(documented(program)) <= known


def test_each_route_has_a_row_in_the_protocol():
    text = re.sub(r"<[^>]+>", "<id>", (ROOT / "docs/protocol.md").read_text())
    sources = "".join(path.read_text() for path in (ROOT / "Sources/chat-fcgi").glob("*.swift"))
    routes = re.findall(r'Route\(\.(\w+), "([^"]+)"', sources)
    assert len(routes) > 25
    assert [route for route in routes if f"`{route[0].upper()} /chat/{route[1]}" not in text] == []


def install(root):
    """Runs what docs/operating.md says under Install, up to what speaks to systemd, with all files under a folder."""
    commands = re.search(r"^```sh\n(install .*?)```", (ROOT / "docs/operating.md").read_text(), re.M | re.S)[1]
    for line in commands.splitlines():
        words = shlex.split(line.split(" && ")[0])
        if words[0] in ("install", "cp", "mkdir", "./chat"):
            here = " ".join(f"{root}{word}" if word.startswith("/") else word for word in words)
            built = re.sub(r"\.build[a-z-]*/release", str(BIN), here)
            subprocess.run(["bash", "-c", built], cwd=ROOT, check=True)


def test_an_upgrade_leaves_what_is_the_operators_and_replaces_the_rest(tmp_path):
    for folder in ("usr/local/bin", "usr/lib/systemd/system", "usr/lib/sysusers.d", "usr/lib/tmpfiles.d", "etc/nginx"):
        (tmp_path / folder).mkdir(parents=True)
    install(tmp_path)
    files = [path for path in tmp_path.rglob("*") if path.is_file()]
    ours = set((tmp_path / "etc/nginx/halls").glob("*.conf"))
    yours = {path for path in files if path.is_relative_to(tmp_path / "etc")} - ours
    yours.add(tmp_path / "usr/share/halls/site/static/halls/theme.css")
    assert {path.name for path in yours} == {
        "halls.env", "chat.conf", "headers.conf", "login.conf", "secret.conf", "socket.io.conf", "theme.css",
    }  # fmt: skip
    for path in files:
        path.write_text("edited")

    install(tmp_path)

    assert {path for path in files if path.read_bytes() == b"edited"} == yours


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="there is no systemd-analyze")
@pytest.mark.parametrize("name", ["", "@support"], ids=["the only one", "one of several"])
def test_systemd_understands_the_units_and_says_where_they_are(tmp_path, name):
    for folder in ("usr/local/bin", "usr/lib/systemd/system", "usr/lib/sysusers.d", "usr/lib/tmpfiles.d", "etc/nginx"):
        (tmp_path / folder).mkdir(parents=True)
    install(tmp_path)
    units = tmp_path / "usr/lib/systemd/system"
    for unit in units.glob("*.service"):
        # The programs are where this test put them.
        unit.write_text(unit.read_text().replace("/usr/local/bin/", f"{tmp_path}/usr/local/bin/"))
    for kind in ("chat-fcgi{}.service", "chat-fcgi{}.socket", "chat-push{}.service", "halls-backup{}.timer", "halls-backup{}.service"):
        done = subprocess.run(
            ["systemd-analyze", "verify", "--man=no", "--recursive-errors=one", units / kind.format(name)],
            env={"SYSTEMD_UNIT_PATH": f"{units}:", "PATH": os.environ["PATH"]}, capture_output=True, text=True,
        )  # fmt: skip
        said = [line for line in done.stderr.splitlines() if str(units) in line]
        assert (done.returncode, said) == (0, []), kind


def test_the_unit_of_chat_push_allows_the_descriptors_that_its_connections_take():
    sessions = int(dict(flags_of(help_of("chat-push")))["--connections-max"])
    allowed = int(re.search(r"^LimitNOFILE=(\d+)$", (ROOT / "packaging/chat-push.service").read_text(), re.M)[1])

    # One that polls has two connections, and some have no session yet.
    assert allowed > 2 * sessions + 1_000


def imports_of_targets():
    """The dependencies of each target in Package.swift; of packages with several products, the package's name."""
    names = {"swift-nio": "SwiftNIO", "GRDB.swift": "GRDB", "swift-log": None, "swift-argument-parser": None}
    text = (ROOT / "Package.swift").read_text()
    for name, rest in re.findall(r'arget\(\s*name: "([^"]+)",\s*dependencies: \[(.*?)\]', text, re.S):
        products = {names[package] for package in re.findall(r'\.product\([^)]*package: "([^"]+)"\)', rest)}
        yield name, set(re.findall(r'"([^"]+)"', re.sub(r"\.product\([^)]*\)", "", rest))) | products - {None}


def test_the_arrows_of_the_architecture_are_those_of_the_package():
    code_map = (ROOT / "ARCHITECTURE.md").read_text().split("## Code map")[1].split("```")[1]
    arrows = {name: set(targets.split(", ")) for name, targets in re.findall(r"^(\S+) +──▶ (.+)$", code_map, re.M)}
    in_sources = {name for name in dict(imports_of_targets()) if (ROOT / "Sources" / name).is_dir()}

    assert arrows == {name: targets for name, targets in imports_of_targets() if name in in_sources}
