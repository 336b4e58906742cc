# SPDX-License-Identifier: Apache-2.0
"""The page of an older version, which somebody has kept open over the upgrade, in Chromium.

Its files come from the repository's history; a clone without that history skips this. `HALLS_BIN_THEN` names a folder with
the programs of that version, where somebody has them: then the daemons are upgraded beneath the open page, too.
"""

import os
import pathlib
import subprocess

import pytest
from playwright.sync_api import expect

from browsing import CHROMIUM
from halls_site import BIN, ROOT
from listener import enter, found

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="there is no Chromium; './chat setup' installs it")

# The last version whose pages know nothing of edits, deletions and other names.
THEN = "7b9e933"


@pytest.fixture
def older_files(tmp_path):
    """A folder with the page as it was."""
    archive = tmp_path / "site.tar"
    command = ["git", "archive", "--output", archive, THEN, "nginx/site"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    if done.returncode != 0:
        pytest.skip(f"there is no {THEN} in this clone: {done.stderr.strip()}")
    subprocess.run(["tar", "-xf", archive, "-C", tmp_path], check=True)
    return tmp_path / "nginx/site"


@pytest.fixture(params=["the page", "the page and the daemons"])
def programs(request):
    """What is of then: the programs with which a site begins."""
    if request.param == "the page":
        return BIN
    if "HALLS_BIN_THEN" not in os.environ:
        pytest.skip("HALLS_BIN_THEN names no folder with the programs of then")
    return pathlib.Path(os.environ["HALLS_BIN_THEN"])


def lay_out(site, files):
    """nginx serves the page from here."""
    (site.folder / "nginx/site").unlink()
    (site.folder / "nginx/site").symlink_to(files)


def say(session, hall, content):
    answer = session.post(f"/chat/messages/{hall['id']}", json={"content": content})
    assert answer.status_code == 201, answer.text
    return answer.json()["message"]


def test_a_page_that_was_open_over_the_upgrade_goes_on(make_site, seat, older_files, programs):
    site = make_site.unstarted()
    site.programs = programs
    lay_out(site, older_files)
    site.start()
    ana, ben = site.person("ana"), site.person("ben")
    hall = found(ana, "Garden")
    enter(hall, ben)
    page = seat(site).open(hall)
    page.sign_in("ana")
    page.write("one")
    page.sees("one")
    two = say(ben, hall, "two")
    page.sees("one", "two")

    for name in ("chat-push", "chat-fcgi", "nginx"):
        assert site.stop(name) == 0
    page.write("while nobody is there")
    expect(page["#offline"]).not_to_be_empty()
    site.programs = BIN
    lay_out(site, ROOT / "nginx/site")
    site.start()

    # It comes back by itself, and says what it could not say.
    page.sees("one", "two", "while nobody is there")
    three = say(ben, hall, "three")
    page.sees("one", "two", "while nobody is there", "three")

    # What it knows nothing of disturbs nothing.
    path = f"/chat/messages/{hall['id']}"
    assert ben.patch(f"{path}/{two['id']}", json={"content": "two, and a half"}).status_code == 200
    assert ben.delete(f"{path}/{three['id']}").status_code == 200
    assert ben.patch("/chat/me", json={"name": "Ben Castillo"}).status_code == 200
    site.admin("users", "rename", "ana", "anna")
    site.admin("users", "rename", "ben", "benedict")
    page.write("four")
    page.sees("one", "two", "while nobody is there", "three", "four")
    say(ben, hall, "five")
    page.sees("one", "two", "while nobody is there", "three", "four", "five")
    authors = page["#log article .author"].all_text_contents()
    assert (authors[-2:], page["#log article"].count()) == (["You", "benedict"], 6)

    # Nor does it what it missed of that.
    assert site.stop("chat-push") == 0
    six = say(ben, hall, "six")
    assert ben.patch(f"{path}/{six['id']}", json={"content": "six, at last"}).status_code == 200
    assert ben.delete(f"{path}/{say(ben, hall, 'seven')['id']}").status_code == 200
    site.start("chat-push")
    page.write("eight")
    before = ["one", "two", "while nobody is there", "three", "four", "five", "six, at last", ""]
    page.sees(*before, "eight")
    say(ben, hall, "nine")
    page.sees(*before, "eight", "nine")
    expect(page["#offline"]).to_be_empty()
    messages = ana.get(path).json()["messages"]
    assert [message["rev"] for message in messages] == list(range(1, 11))
    assert {message["username"] for message in messages} == {"anna", "benedict"}
