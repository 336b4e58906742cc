# SPDX-License-Identifier: Apache-2.0
"""The fixtures of the integration tests: the product as people meet it, behind nginx.

    def test_a_message_reaches_the_other(site):
        ana, ben = site.person("ana"), site.person("ben")               # registered; requests.Session with paths
        hall = ana.post("/chat/halls", json={"name": "Garden"}).json()["hall"]
        socket = ben.socket()                                           # a connected socketio.Client
        ...

- `site`: a fresh site for this test. Its methods: `person(name)`, `get`/`post` without a session, `raw(bytes)`,
  `admin("users", "add", "ana", …)`, `stop`/`kill`/`start`/`restart("chat-push" | "chat-fcgi" | "nginx")`,
  `pid(name)`, `log(name)`; its values: `url`, `host`, `port`, `folder`, `database`.
- `shared_site`: one site for all tests of a run, for those that only need one to be there; take names of your own.
- `people`: makes people of the shared site with names of their own; `.listen(hall)` gives a connected Listener.
- `make_site(flags={"message-length-max": 100}, environment={…}, server="nginx directives", daemons=(…),
  activated=True)` (see Site): as many sites as the test wants, each started and ended for it. `make_site.unstarted(…)` leaves the start to the test.

The programs come from HALLS_BIN, or from .build/release (`./chat build`). A test that fails shows the logs of its sites.
`halls_site.wait_until(condition)` waits for what takes its time; nothing here sleeps for a fixed time.
`swarm` has bare clients that speak to chat-push past nginx: one that does what no proper client would, or thousands.
"""

import pytest

from browsing import Browser
from halls_site import Site
from listener import Listener, enter, found, unique

_open_sites = []


@pytest.fixture
def make_site():
    made = []

    def unstarted(**options):
        site = Site(**options)
        made.append(site)
        _open_sites.append(site)
        return site

    def started(**options):
        return unstarted(**options).start()

    started.unstarted = unstarted
    yield started
    for site in made:
        _open_sites.remove(site)
        site.close()


@pytest.fixture
def site(make_site):
    return make_site()


@pytest.fixture(scope="session")
def shared_site():
    # The people of a whole run come from one address.
    site = Site(flags={"logins-per-address": 100_000})
    _open_sites.append(site)
    try:
        yield site.start()
    finally:
        _open_sites.remove(site)
        site.close()


@pytest.fixture
def people(shared_site):
    """Makes people of the shared site: `people("ana").listen(hall)` is a connected Listener, closed at the end."""
    listeners = []

    def person(name):
        session = shared_site.person(unique(name))

        def listen(hall=None, **options):
            listener = Listener(session, **options)
            listeners.append(listener)
            if hall:
                assert listener.join(hall)["ok"]
            return listener

        session.listen = listen
        return session

    yield person
    for listener in listeners:
        listener.close()


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item, call):
    report = (yield).get_result()
    if report.failed:
        for site in _open_sites:
            for name in ("nginx", "chat-fcgi", "chat-push"):
                if log := site.log(name):
                    report.sections.append((f"{name} at {site.host}", log[-5000:]))


@pytest.fixture
def pair(people):
    """Two people in a hall: (ana, ben, hall). It is ana's."""
    ana, ben = people("ana"), people("ben")
    hall = found(ana)
    enter(hall, ben)
    return ana, ben, hall


@pytest.fixture(scope="session")
def chromium():
    browser = Browser()
    yield browser
    browser.close()


@pytest.fixture
def seat(chromium):
    """Seats people at the page; at the end the browser must have had nothing to complain of."""
    yield chromium.seat
    assert chromium.leave() == []
