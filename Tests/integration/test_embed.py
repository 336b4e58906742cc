# SPDX-License-Identifier: Apache-2.0
"""The chat inside pages of a site: <halls-chat> and <halls-badge>, as docs/embedding.md says."""

import gzip
import importlib.metadata
import re
import subprocess

import pytest
from playwright.sync_api import expect

from halls_site import PASSWORD, ROOT, SiteSession
from listener import enter, found

EMBED = ROOT / "nginx/site/static/halls/embed.js"
# The strictest policy with which a page may have the chat in it.
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; frame-src 'self'; connect-src 'self'; "
    "base-uri 'none'; form-action 'self'"
)
PAGE = """<!doctype html><html lang="en"><head><meta charset="utf-8"><title>The garden club</title>
<meta name="viewport" content="width=device-width"><link rel="stylesheet" href="{style}"><script src="{prefix}/static/halls/embed.js" defer></script></head>
<body><main class="container"><h1>The garden club</h1><p>{text}</p><label>Search <input id="search"></label>
<button id="theirs" class="btn btn-primary">A button of the site</button> {chat}</main></body></html>"""
PLAIN = "body { margin: 0; font: 20px serif; color: #700; } button, iframe, span { border: 7px solid red; padding: 20px; }"
PHONE = {"viewport": {"width": 390, "height": 780}, "has_touch": True, "is_mobile": True}


def bootstrap():
    """Bootstrap's style sheet, from PyPI."""
    (file,) = [path for path in importlib.metadata.files("Bootstrap-Flask") if str(path).endswith("bootstrap5/css/bootstrap.min.css")]
    return file.locate().read_text()


class Host:
    """A site with pages of its own before the chat, on the same nginx."""

    def __init__(self, make_site, flags=None, **options):
        server = f"""
            location /club/ {{
                root @PAGES@;
                types {{ text/html html; text/css css; }}
                add_header Content-Security-Policy "{POLICY}";
            }}"""
        self.site = make_site.unstarted(flags=flags, server=server, **options)
        self.pages = self.site.folder / "club"
        self.pages.mkdir()
        self.site.folder.chmod(0o755)
        config = self.site.folder / "nginx/nginx.conf"
        config.write_text(config.read_text().replace("@PAGES@", str(self.site.folder)))
        (self.pages / "plain.css").write_text(PLAIN)
        (self.pages / "bootstrap.css").write_text(bootstrap())
        self.site.start()

    def write(self, name, chat, style="plain.css", text="Welcome."):
        (self.pages / name).write_text(PAGE.format(chat=chat, style=style, text=text, prefix=self.site.prefix))
        return f"{self.site.url}/club/{name}"

    def person(self, name):
        session = SiteSession(self.site)
        answer = session.post(f"{self.site.prefix}/chat/register", json={"username": name, "password": PASSWORD})
        assert answer.status_code == 201, answer.text
        return session


@pytest.fixture
def host(make_site):
    return Host(make_site)


@pytest.fixture
def garden(host):
    """Ana and Ben in a hall."""
    host.ana, host.ben = host.person("ana"), host.person("ben")
    host.hall = found(host.ana, "Garden")
    enter(host.hall, host.ben)
    host.bubble = f'<halls-chat hall="{host.hall["id"]}" layout="bubble"></halls-chat>'
    return host


def say(session, hall, text):
    answer = session.post(f"{session.site.prefix}/chat/messages/{hall['id']}", json={"content": text})
    assert answer.status_code == 201, answer.text


def contents(frame):
    return [body.text_content() for body in frame.locator("#log article .message-body").all()]


def focused(page):
    """What has the focus, through shadow roots: the last is the innermost."""
    return page.evaluate("""() => {
        let element = document.activeElement;
        while (element?.shadowRoot?.activeElement) element = element.shadowRoot.activeElement;
        return element?.className || element?.id || element?.tagName;
    }""")


def test_the_script_is_small_and_of_a_fixed_address(host):
    assert len(gzip.compress(EMBED.read_bytes(), 9)) <= 5 * 1024
    answer = host.site.get("/static/halls/embed.js")
    assert answer.status_code == 200 and answer.headers["Cache-Control"] == "no-cache"
    assert host.site.get("/static/halls/embed.js", headers={"If-None-Match": answer.headers["ETag"]}).status_code == 304


@pytest.mark.parametrize("style", ["plain.css", "bootstrap.css"])
def test_two_people_talk_in_a_page_of_the_site(garden, seat, style):
    url = garden.write("page.html", f'<halls-chat hall="{garden.hall["id"]}" layout="page"></halls-chat>', style)
    seats = [seat(garden.site, one) for one in (garden.ana, garden.ben)]
    frames = []
    for one in seats:
        one.page.goto(url)
        frames.append(one.page.frame_locator("halls-chat iframe"))
        expect(frames[-1].locator("#hall-name")).to_have_text("Garden")
    frames[0].locator("#composer-text").fill("hello from the page")
    frames[0].locator("#composer-text").press("Enter")
    expect(frames[1].locator("#log article .message-body")).to_have_text(["hello from the page"])
    # Nobody is in the chat until one goes there: the page's own focus and place stay.
    assert seats[1].page.evaluate("[document.activeElement.tagName, scrollY]") == ["BODY", 0]
    assert seats[1].page.title() == "The garden club"


def test_the_styles_of_page_and_chat_do_not_touch_each_other(garden, seat):
    bare = garden.write("bare.html", "", "plain.css")
    dressed = garden.write("dressed.html", f'{garden.bubble}<halls-badge></halls-badge>', "plain.css")
    one = seat(garden.site, garden.ana)
    look = """() => ["body", "h1", "p", "#search", "#theirs"].map((selector) => {
        const style = getComputedStyle(document.querySelector(selector));
        return [...style].map((name) => `${name}: ${style.getPropertyValue(name)}`).join("; "); })"""
    one.page.goto(bare)
    before = one.page.evaluate(look)
    one.page.goto(dressed)
    toggle = one.page.locator("halls-chat .toggle")
    expect(toggle).to_be_visible()
    toggle.click()
    frame = one.page.frame_locator("halls-chat iframe")
    expect(frame.locator("#hall-name")).to_have_text("Garden")
    assert one.page.evaluate(look) == before
    # The page's red borders and its letters are its own.
    drawn = one.page.evaluate("""() => ["iframe", ".toggle", ".bar button"].map((selector) => {
        const style = getComputedStyle(document.querySelector("halls-chat").shadowRoot.querySelector(selector));
        return [style.borderTopWidth, style.fontFamily]; })""")
    assert drawn[0][0] == drawn[1][0] == drawn[2][0] == "0px"
    assert "serif" not in [family.split(",")[0] for _, family in drawn]


@pytest.mark.parametrize("layout", ["bubble", "panel"])
def test_a_chat_that_floats_opens_and_closes_by_keys_and_the_focus_comes_back(garden, seat, layout):
    url = garden.write("float.html", garden.bubble.replace("bubble", layout), text="Long. " * 3000)
    one = seat(garden.site, garden.ana)
    asked = []
    one.page.on("request", lambda request: asked.append(request.url))
    one.page.goto(url)
    toggle = one.page.locator("halls-chat .toggle")
    expect(toggle).to_have_attribute("aria-expanded", "false")
    assert not [url for url in asked if "chat.html" in url], "who does not open the chat does not load it"
    one.page.evaluate("scrollTo(0, 300)")
    steps = one.page.evaluate("history.length")

    toggle.focus()
    one.page.keyboard.press("Enter")
    frame = one.page.frame_locator("halls-chat iframe")
    expect(frame.locator("#hall-name")).to_have_text("Garden")
    expect(frame.locator("#composer-text")).to_be_focused()
    expect(toggle).to_have_attribute("aria-expanded", "true")
    assert one.page.evaluate("scrollY") == 300
    # About in the halls and back: no step of the browser's own.
    frame.locator("#back").click()
    frame.locator("#hall-list a").first.click()
    expect(frame.locator("#hall-name")).to_be_visible()
    assert one.page.evaluate("history.length") == steps
    frame.locator("#composer-text").focus()
    one.page.keyboard.press("Escape")
    expect(one.page.locator("halls-chat .window")).to_be_hidden()
    expect(toggle).to_have_attribute("aria-expanded", "false")
    one.until(lambda: focused(one.page) == "toggle")
    # It is there again at once, as it was left.
    one.page.keyboard.press("Enter")
    expect(one.page.locator("halls-chat .window")).to_be_visible()
    assert len([url for url in asked if "chat.html" in url]) == 1


def test_what_comes_while_the_chat_is_closed_is_unread_and_counted_at_the_button(garden, seat):
    url = garden.write("bubble.html", f"{garden.bubble}<halls-badge></halls-badge>")
    one = seat(garden.site, garden.ana)
    one.page.goto(url)
    toggle, count, badge = (one.page.locator(f"{name}") for name in ("halls-chat .toggle", "halls-chat .count", "halls-badge span"))
    one.page.evaluate("""() => { window.heard = [];
        document.addEventListener("halls-unread", ({ detail }) => heard.push(detail.count)); }""")
    toggle.click()
    frame = one.page.frame_locator("halls-chat iframe")
    expect(frame.locator("#hall-name")).to_have_text("Garden")
    say(garden.ben, garden.hall, "while open")
    expect(frame.locator("#log article")).to_have_count(1)
    expect(badge).to_be_hidden()
    one.page.locator("halls-chat [part=close]").click()
    for number in range(3):
        say(garden.ben, garden.hall, f"while closed {number}")
    expect(count).to_have_text("3")
    expect(badge).to_have_text("3")
    expect(toggle).to_have_attribute("aria-label", "Open the chat, 3 unread")
    toggle.click()
    expect(badge).to_be_hidden()
    assert one.page.evaluate("heard")[-1] == 0 and 3 in one.page.evaluate("heard")


def test_the_badge_asks_once_and_hears_the_rest_from_a_chat_in_another_tab(garden, seat):
    url = garden.write("badge.html", "<halls-badge></halls-badge><halls-badge></halls-badge>")
    for number in range(2):
        say(garden.ben, garden.hall, f"number {number}")
    one = seat(garden.site, garden.ana)
    asked = []
    one.page.on("response", lambda response: "/chat/unread" in response.url and asked.append(response.status))
    one.page.goto(url)
    badge = one.page.locator("halls-badge span").first
    expect(badge).to_have_text("2")
    other = one.context.new_page()
    other.goto(f"{garden.site.url}/chat.html#/halls/{garden.hall['id']}")
    expect(other.locator("#log article")).to_have_count(2)
    expect(badge).to_be_hidden()
    assert asked == [200]
    one.page.reload()
    one.until(lambda: len(asked) == 2)
    expect(badge).to_be_hidden()


def test_the_badge_shows_nothing_to_who_is_nobody_and_no_more_than_fits(garden, seat):
    url = garden.write("badge.html", "<halls-badge></halls-badge>")
    one = seat(garden.site)
    one.page.goto(url)
    expect(one.page.locator("halls-badge span")).to_be_hidden()
    one.page.route("**/chat/unread", lambda route: route.fulfill(json={"unread": 120, "halls": 2}))
    one.page.goto(url)
    expect(one.page.locator("halls-badge span")).to_have_text("99+")
    expect(one.page.locator("halls-badge span")).to_have_attribute("aria-label", "120 unread")
    one.page.unroute("**/chat/unread")
    one.page.route("**/chat/unread", lambda route: route.fulfill(json={"unread": "<b>", "halls": 2}))
    one.page.goto(url)
    expect(one.page.locator("halls-badge span")).to_be_hidden()


def test_messages_that_are_not_of_the_chats_own_frame_or_page_count_for_nothing(garden, seat):
    url = garden.write("bubble.html", garden.bubble)
    one = seat(garden.site, garden.ana)
    one.page.goto(url)
    one.page.locator("halls-chat .toggle").click()
    frame = one.page.frame_locator("halls-chat iframe")
    expect(frame.locator("#hall-name")).to_have_text("Garden")
    window = one.page.locator("halls-chat .window")
    # The page itself, and a frame of another origin in it.
    one.page.evaluate("""() => { postMessage({ halls: 1, type: "close" }, "*");
        dispatchEvent(new MessageEvent("message", { data: { halls: 1, type: "close" }, origin: "https://evil.example", source: frames[0] })); }""")
    for odd in ("null", "1", "'close'", "{ halls: 1 }", "{ halls: 1, type: 'unread', count: 'x' }", "{ halls: 2, type: 'close' }"):
        frame.locator("body").evaluate(f"() => parent.postMessage({odd}, '*')")
    for odd in ("{ halls: 1, type: 'hall', hall: -1 }", "{ halls: 1, type: 'hall', hall: '#/x' }", "{ halls: 1, type: 'theme', theme: 'url(x)' }"):
        one.page.evaluate(f"() => document.querySelector('halls-chat').shadowRoot.querySelector('iframe').contentWindow.postMessage({odd}, '*')")
    # Nor does the chat hear what is not from the page around it.
    frame.locator("body").evaluate("() => postMessage({ halls: 1, type: 'shown', shown: false }, '*')")
    say(garden.ben, garden.hall, "hello")
    expect(frame.locator("#log article")).to_have_count(1)
    expect(window).to_be_visible()
    expect(one.page.locator("halls-chat .count")).to_be_hidden()
    assert frame.locator("html").get_attribute("data-theme") is None


def test_no_other_origin_may_have_the_chat_in_its_pages(garden, make_site, seat):
    url = Host(make_site).write("page.html", f'<iframe src="{garden.site.url}/chat.html"></iframe>')
    policy = garden.site.get("/chat.html").headers["Content-Security-Policy"]
    assert policy.endswith("frame-ancestors 'self'")
    one = seat(garden.site, garden.ana)
    one.page.goto(url)
    one.until(lambda: one.complaints)
    assert "frame" in one.complaints.pop()
    one.complaints.clear()


def test_theme_language_and_hall_follow_the_attributes(garden, seat):
    other = found(garden.ana, "Library")
    url = garden.write("page.html", f'<halls-chat hall="{garden.hall["id"]}" theme="dark" lang="es-MX"></halls-chat>')
    one = seat(garden.site, garden.ana)
    one.page.goto(url)
    frame = one.page.frame_locator("halls-chat iframe")
    expect(frame.locator("html")).to_have_attribute("data-theme", "dark")
    expect(frame.locator("html")).to_have_attribute("lang", "es")
    expect(frame.locator("#hall-name")).to_have_text("Garden")
    chat = one.page.locator("halls-chat")
    chat.evaluate(f"(chat) => {{ chat.setAttribute('theme', 'light'); chat.lang = 'en'; chat.setAttribute('hall', '{other['id']}'); }}")
    expect(frame.locator("html")).to_have_attribute("data-theme", "light")
    expect(frame.locator("html")).to_have_attribute("lang", "en")
    expect(frame.locator("#hall-name")).to_have_text("Library")
    # It is the page's word, and no choice of the reader's that the chat would remember elsewhere.
    assert not [key for key in one.page.evaluate("Object.keys(localStorage)") if key in ("halls.theme", "halls.language")]


def test_the_sites_own_style_sheet_dresses_the_chat_and_outlives_upgrades(garden, seat, tmp_path):
    page = tmp_path / "page"
    subprocess.run([ROOT / "chat", "page", page], check=True)
    theme = page / "site/static/halls/theme.css"
    theme.write_text(":root { --accent: rgb(120, 0, 120); }")
    subprocess.run([ROOT / "chat", "page", page], check=True)
    assert theme.read_text() == ":root { --accent: rgb(120, 0, 120); }"
    assert (page / "site/static/halls/embed.js").read_bytes() == EMBED.read_bytes()
    link = garden.site.folder / "nginx/site"
    link.unlink()
    link.symlink_to(page / "site")
    one = seat(garden.site, garden.ana).open(garden.hall)
    assert re.search(r'href="static/halls/theme.css"', garden.site.get("/chat.html").text)
    expect(one["#send"]).to_be_attached()
    assert one.page.evaluate("getComputedStyle(document.documentElement).getPropertyValue('--accent')") == "rgb(120, 0, 120)"


def test_who_is_nobody_signs_in_within_the_page(host, seat):
    host.person("ana")
    url = host.write("panel.html", '<halls-chat layout="panel"></halls-chat>')
    one = seat(host.site)
    one.page.goto(url)
    one.page.locator("halls-chat .toggle").click()
    frame = one.page.frame_locator("halls-chat iframe")
    expect(frame.locator("#username")).to_be_focused()
    frame.locator("#username").fill("ana")
    frame.locator("#password").fill(PASSWORD)
    frame.locator("#login button.primary").click()
    expect(frame.locator("#halls-none")).to_be_visible()
    frame.locator("#open-settings").click()
    frame.locator("#sign-out").click()
    # The page is another one then; the one before may say for a moment that its session ended.
    expect(frame.locator('body[data-screen="sign-in"]')).to_be_attached()
    expect(frame.locator("#username")).to_be_focused()
    one.page.keyboard.press("Escape")
    expect(one.page.locator("halls-chat .window")).to_be_hidden()


def test_the_sites_login_takes_the_place_of_the_whole_page_and_leads_back_to_it(make_site, seat):
    host = Host(make_site, flags={"auth": "site", "login-url": "/club/login.html?next=/chat.html&x=1"})
    host.write("login.html", "Here one signs in.")
    url = host.write("page.html", "<halls-chat></halls-chat>")
    one = seat(host.site)
    one.page.goto(url + "?topic=3")
    one.page.frame_locator("halls-chat iframe").locator("#site-login").click()
    expect(one.page.locator("main")).to_contain_text("Here one signs in.")
    assert one.page.url == f"{host.site.url}/club/login.html?next=%2Fclub%2Fpage.html%3Ftopic%3D3&x=1"


def test_below_a_prefix_the_chat_is_found_by_the_scripts_address(make_site, seat):
    host = Host(make_site, flags={"prefix": "/community"})
    ana = host.person("ana")
    url = host.write("page.html", "<halls-chat></halls-chat>")
    one = seat(host.site, ana)
    one.page.goto(url)
    expect(one.page.frame_locator("halls-chat iframe").locator("#halls-none")).to_be_visible()


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("shape", [{}, PHONE], ids=["desktop", "phone"])
def test_axe_finds_nothing_in_the_page_around_and_a_phone_has_the_whole_screen(garden, seat, theme, shape):
    url = garden.write(
        "bubble.html", garden.bubble.replace("halls-chat h", f'halls-chat theme="{theme}" h') + "<halls-badge></halls-badge>", "bootstrap.css")
    say(garden.ben, garden.hall, "hello")
    one = seat(garden.site, garden.ana, color_scheme=theme, **shape)
    one.page.goto(url)
    # The search field of the page lies in its label, and axe looks at the open shadow roots.
    assert one.findings() == []
    one.page.locator("halls-chat .toggle").click()
    frame = one.page.frame_locator("halls-chat iframe")
    expect(frame.locator("#log article")).to_have_count(1)
    assert one.findings() == []
    if shape:
        box = one.page.locator("halls-chat .window").bounding_box()
        assert (box["x"], box["y"], box["width"], box["height"]) == (0, 0, 390, 780)
        expect(one.page.locator("halls-chat [part=close]")).to_be_visible()
