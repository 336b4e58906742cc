# SPDX-License-Identifier: Apache-2.0
"""The chat below a folder of the host: all of it lies there, and finds all it asks for from where it lies."""

import re
import subprocess
import types
import urllib.parse

import pytest
from playwright.sync_api import expect

from browsing import CHROMIUM
from halls_site import PASSWORD, ROOT, SiteSession

# The nginx of a chat at the root a second time, in front of itself: the same chat in two folders of a host.
COMMUNITY = r"""
    location ^~ /community/ {
        rewrite ^/community(/.*)$ $1 break;
        proxy_pass http://127.0.0.1:$server_port;
        proxy_http_version 1.1;
        proxy_set_header Host       $http_host;
        proxy_set_header Upgrade    $http_upgrade;
        proxy_set_header Connection $halls_connection;
    }
"""


PREFIXES = ["", "/community", "/chat", "/a/b/chat", "/static", "/v1.2/~x"]


def below(site):
    return types.SimpleNamespace(url=site.url + site.prefix)


def by_version(site):
    """The page as an installation has it, in the place of the developers' one."""
    (site.folder / "nginx/site").unlink()
    subprocess.run([ROOT / "chat", "page", site.folder / "nginx"], check=True)


def texts_of(site):
    """Every file of the page, as it is served."""
    html = site.get(f"{site.prefix}/chat.html")
    assert html.status_code == 200 and html.headers["Content-Type"].startswith("text/html")
    yield "chat.html", html.text
    names = sorted(set(re.findall(r'(?:src|href)="([^"#]+)"', html.text)))
    assert len(names) > 20
    for name in names:
        file = site.get(urllib.parse.urljoin(f"{site.prefix}/chat.html", name))
        assert file.status_code == 200, name
        yield name, file.text


@pytest.mark.skipif(CHROMIUM is None, reason="there is no Chromium; './chat setup' installs it")
@pytest.mark.parametrize("prefix", PREFIXES[:4])
@pytest.mark.parametrize("files", ["as they lie there", "by version"])
def test_two_people_talk_on_a_page_below_a_folder_of_the_host(make_site, seat, files, prefix):
    site = make_site.unstarted(flags={"prefix": prefix})
    if files == "by version":
        by_version(site)
    site.start()
    asked = []

    def person(name):
        one = seat(below(site))
        one.page.on("request", lambda request: asked.append(request.url))
        one.page.on("websocket", lambda socket: asked.append(socket.url.replace("ws://", "http://")))
        one.open().register(name)
        return one

    ana, ben = person("ana"), person("ben")
    ana.make_hall("Garden")
    ben.join_hall("Garden")
    ana.write("hello from below")
    ben.sees("hello from below")
    ben.write("and back")
    ana.sees("hello from below", "and back")
    # A reload stays there, and goes on in the hall.
    ben.page.reload()
    ben.sees("hello from below", "and back")
    expect(ben["#hall-name"]).to_have_text("Garden")

    assert any("/socket.io/" in url for url in asked) and any("/static/" in url for url in asked)
    assert [url for url in asked if not url.startswith(site.url + prefix + "/")] == []


@pytest.mark.parametrize("prefix", PREFIXES)
def test_the_chat_lies_below_its_folder_and_nowhere_else(make_site, prefix):
    site = make_site.unstarted(flags={"prefix": prefix})
    by_version(site)
    site.start()

    assert site.get("/").headers["Location"] == f"{prefix}/chat.html"
    if prefix:
        assert site.get(prefix + "/").headers["Location"] == f"{prefix}/chat.html"
    for path in ("/chat/health", "/socket.io/?EIO=4&transport=polling", "/chat.html"):
        assert site.get(prefix + path).status_code == 200, path
        # Neither at the root, nor once more below itself.
        for elsewhere in {path, prefix + prefix + path} - {prefix + path}:
            assert site.get(elsewhere).status_code == 404, elsewhere
    for name, text in texts_of(site):
        if name not in ("chat.html", "static/halls/theme.css"):
            version = site.get(urllib.parse.urljoin(f"{prefix}/chat.html", name))
            assert "immutable" in version.headers["Cache-Control"], name


def test_no_path_from_the_root_stands_in_the_page_or_in_an_answer(make_site):
    site = make_site.unstarted(flags={"prefix": "/community"})
    by_version(site)
    site.start()
    rooted = re.compile(r"""["'`(=](/(?:chat|static|socket\.io|chat\.html)(?![\w-]))""")
    assert rooted.search('<a href="/chat.html">') and rooted.search("fetch('/chat/me')")

    # By which the page finds the folder that it lies in.
    texts = [(name, text.replace('pathname.lastIndexOf("/static/")', "")) for name, text in texts_of(site)]
    session = SiteSession(site)
    account = {"username": "ana", "password": PASSWORD}
    answers = [session.post("/community/chat/register", json=account),
               session.post("/community/chat/halls", json={"name": "Garden"}),
               session.get("/community/chat/session"), session.get("/community/chat/halls"),
               session.get("/community/chat/absent"), session.get("/community/socket.io/?EIO=4&transport=polling")]  # fmt: skip
    assert [answer.status_code for answer in answers] == [201, 201, 200, 200, 404, 200]
    texts += [(answer.url, answer.text) for answer in answers]
    for answer in answers:
        texts += [(f"{name} of {answer.url}", f'"{value}') for name, value in answer.headers.items()]
    assert [(name, rooted.findall(text)) for name, text in texts if rooted.search(text)] == []


@pytest.mark.skipif(CHROMIUM is None, reason="there is no Chromium; './chat setup' installs it")
def test_what_the_browser_keeps_for_a_chat_is_not_another_chats_of_the_host(make_site, seat):
    # The same page behind the same host twice, at its root and below a folder.
    site = make_site(server=COMMUNITY)
    community = types.SimpleNamespace(url=site.url + "/community")
    one = seat(site)
    one.open().register("ana")
    one.make_hall("Garden")
    one["#composer-text"].fill("begun at the root")
    # The same person, the same hall, and the same browser: only the folder differs.
    one.page.goto(community.url + "/chat.html")
    expect(one["#hall-name"]).to_have_text("Garden")
    expect(one["#composer-text"]).to_have_value("")
    one["#composer-text"].fill("begun below")
    one.page.goto(site.url + "/chat.html")
    expect(one["#composer-text"]).to_have_value("begun at the root")
    kept = one.page.evaluate("Object.keys(localStorage)")
    assert {"halls.user", "halls.user/community/"} <= set(kept)
