# SPDX-License-Identifier: Apache-2.0
"""A small site with a login of its own, as docs/operating.md tells it to stand beside the chat."""

import contextlib
import threading

import flask
import werkzeug.serving

FORM = """<!doctype html><title>The site</title>
<form method="post"><input name="name"><input name="password" type="password"><button>Let me in</button></form>"""
HOME = '<!doctype html><title>The site</title><form method="post" action="/logout"><button>Let me out</button></form>'


def make_app(check):
    """The site; `check` is the source of its answer to nginx, which the document has."""
    app = flask.Flask(__name__)
    app.secret_key = "known to the test alone"
    exec(check, {"app": app, "session": flask.session})

    @app.route("/login", methods=["GET", "POST"])
    def login():
        if flask.request.method == "GET" or flask.request.form["password"] != "right":
            return FORM
        flask.session["name"] = flask.request.form["name"]
        return flask.redirect(flask.request.args.get("next", "/"))

    @app.post("/logout")
    def logout():
        flask.session.clear()
        return flask.redirect("/login")

    @app.get("/")
    def home():
        return HOME if "name" in flask.session else flask.redirect("/login")

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
