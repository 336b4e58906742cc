# SPDX-License-Identifier: Apache-2.0
"""A site in plain PHP with a login of its own, set up with the very words of docs/operating.md."""

import glob
import os
import pathlib
import subprocess

import pytest

from halls_site import wait_until
from listener import Listener, enter, found
from test_own_login import FORGED, cookie_header, server_directives, signed_in, snippet

PHP = next(iter(sorted(glob.glob("/usr/sbin/php-fpm*"))), None)
PARAMS = pathlib.Path("/etc/nginx/fastcgi_params")

pytestmark = pytest.mark.skipif(
    PHP is None or not PARAMS.exists(), reason="there is no php-fpm here"
)

LOGIN = """<?php
session_start();
if ($_SERVER['REQUEST_METHOD'] === 'POST' && $_POST['password'] === 'right') {
    $ids = ['ana' => '100', 'ben' => '101'];
    $_SESSION['user'] = ['id' => $ids[$_POST['name']], 'nick' => $_POST['name'], 'name' => ucfirst($_POST['name']) . ' García'];
    header('Location: /chat.html', true, 302);
}
"""
LOGOUT = "<?php session_start(); session_destroy(); header('Location: /login.php', true, 302);"
# The site itself, which is there before the chat comes.
SCRIPTS = """
    location ~ ^/(login|logout)$ {{
        include fastcgi_params;
        fastcgi_param SCRIPT_FILENAME {folder}/$1.php;
        fastcgi_pass unix:{folder}/php.sock;
    }}
"""
POOL = """
[global]
error_log = {folder}/php.log
daemonize = no
[site]
{user}
listen = {folder}/php.sock
pm = static
pm.max_children = 4
php_admin_value[session.save_path] = {folder}
"""


@pytest.fixture
def php_site(make_site, tmp_path):
    """nginx, the daemons, php-fpm and three files of the site."""
    folder = tmp_path
    for name, text in (("login", LOGIN), ("logout", LOGOUT), ("halls-check", snippet("php", "session_start"))):
        (folder / f"{name}.php").write_text(text)
    root = os.geteuid() == 0
    (folder / "fpm.conf").write_text(POOL.format(folder=folder, user="user = root\ngroup = root" if root else ""))
    fpm = subprocess.Popen([PHP, "--nodaemonize", *(["--allow-to-run-as-root"] if root else []), "-y", folder / "fpm.conf"])
    try:
        wait_until((folder / "php.sock").exists)
        directives = server_directives(snippet("nginx", "SCRIPT_FILENAME"))
        for before, after in (("/var/www/site/", f"{folder}/"), ("unix:/run/php/php-fpm.sock", f"unix:{folder}/php.sock")):
            assert directives.count(before) == 1
            directives = directives.replace(before, after)
        site = make_site.unstarted(flags={"auth": "site"}, server=directives + SCRIPTS.format(folder=folder))
        (site.folder / "nginx/halls/own/login.conf").write_text(snippet("nginx", "auth_request_set"))
        (site.folder / "nginx/fastcgi_params").write_text(PARAMS.read_text())
        site.start()
        yield site
    finally:
        fpm.terminate()
        fpm.wait()


def test_whom_a_php_site_knows_talks_under_the_sites_names(php_site):
    site = php_site
    assert site.get("/chat/session").json()["user"] is None
    ana, ben = signed_in(site, "ana"), signed_in(site, "ben")
    me = ana.get("/chat/session").json()["user"]
    assert (me["username"], me["name"]) == ("ana", "Ana García")

    hall = found(ana, "Garden")
    enter(hall, ben)
    listener = Listener(ben, headers=cookie_header(ben))
    assert listener.join(hall)["ok"]
    said = ana.post(f"/chat/messages/{hall['id']}", json={"content": "hello from PHP"})
    assert said.status_code == 201
    wait_until(lambda: [message["content"] for message in listener.messages] == ["hello from PHP"])
    listener.close()

    # Neither a header of one's own nor the script's address makes somebody of nobody.
    assert site.get("/chat/session", headers=FORGED).json()["user"] is None
    assert site.get("/login-check").status_code == 404
    assert ana.post("/logout", allow_redirects=False).status_code == 302
    assert ana.get("/chat/session").json()["user"] is None
