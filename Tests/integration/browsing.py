# SPDX-License-Identifier: Apache-2.0
"""People at the page, in Chromium: each has a context of their own, and what the browser complains of is kept."""

import functools
import importlib.resources
import shutil
import time
import urllib.parse

from playwright.sync_api import expect, sync_playwright

from halls_site import PASSWORD

expect.set_options(timeout=20_000)

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")

# What Chromium itself says of a network that is not there, and of a status that the page asked for and understands.
_NETWORK = ("Failed to load resource:", "WebSocket connection to ")

# What axe finds, as "rule: the element". A tree of its own for each thing that is hidden on purpose is no finding.
_FINDINGS = """() => axe.run(document, { resultTypes: ["violations"] }).then(({ violations }) =>
    violations.flatMap(({ id, nodes }) => nodes.map(({ target, failureSummary }) =>
        `${id}: ${target.join(" ")} (${failureSummary.split("\\n").slice(1).join("").trim()})`)))"""

_CONTENTS = """() => [...document.querySelectorAll("#log article")]
    .map((article) => [article.dataset.state, article.querySelector(".message-body").textContent])"""


@functools.cache
def _axe():
    """The rules of accessibility by Deque, as a script."""
    return importlib.resources.files("axe_playwright_python").joinpath("axe.min.js").read_text()


class Browser:
    """Chromium, and the people at it."""

    def __init__(self):
        self._playwright = sync_playwright().start()
        self._chromium = self._playwright.chromium.launch(
            executable_path=CHROMIUM, args=["--no-sandbox", "--disable-dev-shm-usage", "--force-color-profile=srgb"]
        )
        self.seats = []

    def seat(self, site, session=None, script=None, **context):
        """A person at the page; signed in with the session, if there is one. `script` stands in for socket.js."""
        seat = Seat(self._chromium, site, session, script, context)
        self.seats.append(seat)
        return seat

    def leave(self):
        """Everybody goes; returns what the browser complained of."""
        complaints = [complaint for seat in self.seats for complaint in seat.complaints]
        for seat in self.seats:
            seat.context.close()
        self.seats = []
        return complaints

    def close(self):
        self._chromium.close()
        self._playwright.stop()


class Seat:
    """One person at one page."""

    def __init__(self, chromium, site, session, script, options):
        self.site = site
        self.complaints = []
        self.is_touch = options.get("has_touch", False)
        self.context = chromium.new_context(**({"locale": "en-GB", "timezone_id": "Europe/Madrid"} | options))
        self.context.expose_binding("halls_violation", lambda _, text: self.complaints.append(f"CSP: {text}"))
        self.context.add_init_script(
            """addEventListener("securitypolicyviolation", (event) =>
                halls_violation(`${event.violatedDirective} ${event.blockedURI}`));"""
        )
        if session is not None:
            self.take_session(session)
        self.page = self.context.new_page()
        self.page.on("console", self._console)
        self.page.on("pageerror", lambda error: self.complaints.append(f"error: {error}"))
        self.page.on("dialog", lambda dialog: (self.complaints.append(f"dialog: {dialog.message}"), dialog.dismiss()))
        if script is not None:
            self.page.route(
                "**/static/js/socket.js",
                lambda route: route.fulfill(body=script, content_type="text/javascript"),
            )

    def take_session(self, session):
        """The browser has somebody's session, in the place of the one it had."""
        host = urllib.parse.urlsplit(self.site.url).hostname
        cookies = [{"name": c.name, "value": c.value, "domain": host, "path": "/"} for c in session.cookies]
        self.context.add_cookies(cookies)

    def _console(self, message):
        if message.type in ("error", "warning") and not message.text.startswith(_NETWORK):
            self.complaints.append(f"{message.type}: {message.text}")

    def __getitem__(self, selector):
        return self.page.locator(selector)

    def until(self, condition, seconds=30, what="the condition"):
        """Waits until `condition()` is true; the page goes on meanwhile."""
        deadline = time.monotonic() + seconds
        while not (result := condition()):
            assert time.monotonic() < deadline, f"{what} did not come true within {seconds} s"
            self.page.wait_for_timeout(30)
        return result

    # --- What a person does ------------------------------------------------------------------------------------------

    def open(self, hall=None):
        self.page.goto(self.site.url + "/chat.html" + (f"#/halls/{hall['id']}" if hall else ""))
        return self

    def register(self, username, password=PASSWORD):
        self["#to-register"].click()
        self["#new-username"].fill(username)
        self["#new-password"].fill(password)
        self["#register button.primary"].click()
        self.is_at("chat")

    def sign_in(self, username, password=PASSWORD):
        self["#username"].fill(username)
        self["#password"].fill(password)
        self["#login button.primary"].click()

    def make_hall(self, name, private=False):
        self["#new-hall"].click()
        self["#hall-name-input"].fill(name)
        self["#hall-private"].set_checked(private)
        self["#create-hall"].click()
        expect(self["#hall-name"]).to_have_text(name)

    def join_hall(self, name):
        self["#join-hall"].click()
        self["#join-filter"].fill(name)
        self["#join-dialog .choice"].filter(has_text=name).click()
        expect(self["#hall-name"]).to_have_text(name)

    def write(self, text):
        self["#composer-text"].fill(text)
        if self.is_touch:
            self["#send"].tap()
        else:
            self["#composer-text"].press("Enter")

    # --- What a person sees ------------------------------------------------------------------------------------------

    def is_at(self, screen):
        expect(self[f'body[data-screen="{screen}"]']).to_be_attached()

    def findings(self):
        """What is wrong with the page as it stands for people who do not see it, or need contrast, or have no mouse."""
        if not self.page.evaluate("() => 'axe' in window"):
            self.page.evaluate(_axe())
        # What is about to appear, or fades in, has its colours only then.
        self.page.evaluate("() => Promise.all(document.getAnimations().map(({ finished }) => finished.catch(() => {})))")
        return self.page.evaluate(_FINDINGS)

    @property
    def rows(self):
        """The messages on the page as (state, content)."""
        return [tuple(row) for row in self.page.evaluate(_CONTENTS)]

    @property
    def contents(self):
        return [content for _, content in self.rows]

    def sees(self, *contents):
        """Waits until the page shows exactly these messages, all of them confirmed."""
        expected = [("sent", content) for content in contents]
        try:
            self.until(lambda: self.rows == expected)
        except AssertionError:
            assert self.rows == expected
            raise
