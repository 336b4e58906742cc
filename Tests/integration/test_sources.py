# SPDX-License-Identifier: Apache-2.0
"""What stands where in the sources: the rules of ARCHITECTURE.md that no compiler holds."""

import re

import pytest

from halls_site import ROOT

SWIFT = {path.relative_to(ROOT).as_posix(): path.read_text() for path in sorted((ROOT / "Sources").rglob("*.swift"))}
ENGINE = "Sources/ChatModels/SQLite/"
STATEMENT = re.compile(r"\b(SELECT|INSERT (OR \w+ )?INTO|DELETE FROM|UPDATE \w+ SET|CREATE (TABLE|INDEX)|PRAGMA)\b")

# The writer of each noun's JSON, and the members that nobody else may write.
WRITERS = {
    "Sources/ChatModels/Messages/MessageJSON.swift": {"hall_id", "sender_id", "content", "created_at", "client_key", "edited_at", "deleted"},
    "Sources/ChatModels/Halls/Hall.swift": {"private", "archived", "topic", "role", "read", "banned_by", "banned_at"},
    "Sources/ChatModels/Halls/ReadMark.swift": {"unread"},
    "Sources/ChatModels/People/User.swift": {"picture", "version"},
}  # fmt: skip
FRAMEWORKS = {"Foundation", "Glibc", "Dispatch", "Synchronization"}


def code(text):
    """The lines without comments."""
    return "\n".join(line for line in text.splitlines() if not line.lstrip().startswith("//"))


def statements_outside(sources):
    return [path for path, text in sources.items() if not path.startswith(ENGINE) and STATEMENT.search(code(text))]


def members_outside(sources):
    for path, text in sources.items():
        written = set(re.findall(r'\\"(\w+)\\":', code(text)))
        for writer, members in WRITERS.items():
            if path != writer and written & members:
                yield path, written & members


def sentences_twice(sources):
    place = "Sources/ChatModels/ChatError.swift"
    for sentence in re.findall(r'case [^:\n]+: "([^"]+\.)"$', sources[place], re.M):
        for path, text in sources.items():
            if path != place and sentence in text:
                yield path, sentence


def foreign_imports(sources, allowed):
    for path, text in sources.items():
        target = path.split("/")[1]
        for module in re.findall(r"^(?:@\w+ |public |private |internal )*import (\w+)$", text, re.M):
            if module not in FRAMEWORKS | allowed[target]:
                yield path, module
        if re.search(r"import (GRDB|GRDBSQLite|CSQLite)\b", text) and not path.startswith(ENGINE):
            yield path, "an engine's library"


def defaults_twice(sources):
    """Numbers that stand in an options file although a configuration with a member of that name has one."""
    owners = ("Sources/SocketIOServer/ServerConfiguration.swift", "Sources/ChatModels/Limits.swift")
    owned = {name for path in owners for name in re.findall(r"var (\w+)(?:: Int64)? = [0-9]", sources[path])}
    for path, text in sources.items():
        if path.endswith("Options.swift"):
            for name in re.findall(r"^ +var (\w+)(?:: \w+)? = [0-9]", text, re.M):
                if name in owned:
                    yield path, name


def modules_of_targets():
    text = (ROOT / "Package.swift").read_text()
    for name, rest in re.findall(r'arget\(\s*name: "([^"]+)"(.*?)\n        \.', text, re.S):
        products = set(re.findall(r'\.product\(name: "([^"]+)"', rest))
        own = set(re.findall(r'"([\w-]+)"', (re.search(r"dependencies: \[(.*?)\]", rest, re.S) or [None, ""])[1]))
        yield name, {module.replace("-", "_") for module in products | own}


ALLOWED = {"Figures": {"Sockets"}} | dict(modules_of_targets())


def test_sql_stands_in_the_engine_alone():
    assert statements_outside(SWIFT) == []


def test_a_nouns_json_has_one_writer():
    assert list(members_outside(SWIFT)) == []


def test_the_sentence_of_an_error_stands_once():
    assert list(sentences_twice(SWIFT)) == []


def test_a_target_imports_what_it_may():
    assert list(foreign_imports(SWIFT, ALLOWED)) == []


def test_a_default_stands_once():
    assert list(defaults_twice(SWIFT)) == []


@pytest.mark.parametrize("path, line, rule", [
    ("Sources/chat-push/Metrics.swift", 'let sql = "SELECT id FROM halls"', lambda s: statements_outside(s)),
    ("Sources/chat-fcgi/HallRoutes.swift", r'json.raw(",\"archived\":")', lambda s: list(members_outside(s))),
    ("Sources/chat-fcgi/Router.swift", 'let why = "The message was deleted."', lambda s: list(sentences_twice(s))),
    ("Sources/SocketIO/Base64.swift", "import ChatModels", lambda s: list(foreign_imports(s, ALLOWED))),
    ("Sources/ChatModels/Messages/Message.swift", "import GRDB", lambda s: list(foreign_imports(s, ALLOWED))),
    ("Sources/chat-push/PushOptions.swift", "    var pingInterval: Int64 = 25_000", lambda s: list(defaults_twice(s))),
], ids=["SQL", "JSON", "sentence", "import", "engine", "default"])  # fmt: skip
def test_each_rule_finds_what_breaks_it(path, line, rule):
    assert rule(SWIFT | {path: SWIFT[path] + "\n" + line + "\n"})
