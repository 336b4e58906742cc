# SPDX-License-Identifier: Apache-2.0
"""The page below a folder of the host: it finds all it asks for from where it lies."""

import subprocess
import types

import pytest
from playwright.sync_api import expect

from browsing import CHROMIUM
from halls_site import ROOT

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="there is no Chromium; './chat setup' installs it")

# The site's nginx a second time, in front of itself: what the daemons and the files are asked for is as at the root.
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


@pytest.mark.parametrize("files", ["as they lie there", "by version"])
def test_two_people_talk_on_a_page_below_a_folder_of_the_host(make_site, seat, files):
    site = make_site.unstarted(server=COMMUNITY)
    if files == "by version":
        (site.folder / "nginx/site").unlink()
        subprocess.run([ROOT / "chat", "page", site.folder / "nginx"], check=True)
    site.start()
    community = types.SimpleNamespace(url=site.url + "/community")
    asked = []

    def person(name):
        one = seat(community)
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
    assert [url for url in asked if not url.startswith(community.url + "/")] == []


def test_what_the_browser_keeps_for_a_chat_is_not_another_chats_of_the_host(make_site, seat):
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
