# SPDX-License-Identifier: Apache-2.0
"""A small site with a login of its own, as docs/operating.md tells it to stand beside the chat."""

import contextlib
import dataclasses
import threading
import time
import urllib.parse

import flask
import werkzeug.serving

FORM = """<!doctype html><title>The site</title>
<form method="post"><input name="name"><input name="password" type="password"><button>Let me in</button></form>"""
HOME = '<!doctype html><title>The site</title><form method="post" action="/logout"><button>Let me out</button></form>'


@dataclasses.dataclass
class User:
    """Somebody as the site knows them."""

    id: str
    nick: str
    name: str = ""
    avatar: str = ""

    def __post_init__(self):
        self.name = self.name or f"{self.nick.capitalize()} García"


def make_app(check):
    """The site; `check` is the source of its answer to nginx, which the document has."""
    app = flask.Flask(__name__)
    app.secret_key = "known to the test alone"
    users = {}
    app.people = users
    # How long a login lasts, in seconds; without it, for ever.
    app.lifetime = None
    exec(check, {"app": app, "session": flask.session, "users": users, "quote": urllib.parse.quote})

    @app.before_request
    def end():
        if flask.session.get("expires", float("inf")) < time.time():
            flask.session.clear()

    def prolong():
        flask.session.pop("expires", None)
        if app.lifetime is not None:
            flask.session["expires"] = int(time.time()) + app.lifetime

    @app.route("/login", methods=["GET", "POST"])
    def login():
        if flask.request.method == "GET" or flask.request.form["password"] != "right":
            return FORM
        nick = flask.request.form["name"]
        user = next((user for user in users.values() if user.nick == nick), None) or User(str(100 + len(users)), nick)
        users[user.id] = user
        flask.session["user_id"] = user.id
        prolong()
        return flask.redirect(flask.request.args.get("next", "/"))

    @app.post("/logout")
    def logout():
        flask.session.clear()
        return flask.redirect("/login")

    @app.get("/stay")
    def stay():
        prolong()
        return "You stay."

    @app.get("/")
    def home():
        return HOME if "user_id" in flask.session else flask.redirect("/login")

    return app


@contextlib.contextmanager
def served(app):
    """Serves the site in a thread; gives its port."""
    server = werkzeug.serving.make_server("127.0.0.1", 0, app, threaded=True)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield server.port
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
