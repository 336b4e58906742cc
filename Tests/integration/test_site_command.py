# SPDX-License-Identifier: Apache-2.0
"""`chat-admin site` without a web server: what it refuses, what it writes, what it shows."""

import subprocess

import pytest

from halls_site import BIN, ROOT, clean_environment

SERVERS = ("nginx", "apache", "lighttpd", "caddy")
SECRET = "s3cret" * 6


def site(*words):
    return subprocess.run([BIN / "chat-admin", "site", *map(str, words)], env=clean_environment(), capture_output=True, text=True)


@pytest.mark.parametrize(
    ("flag", "value"),
    [(flag, value) for flag, values in {
        "--host": ["a b", "a;b", 'a"b', "a{b", "a\nb", "$a", "-a", "", "a/b", "ä"],
        "--listen": ["80;", "0", "65536", "x y:80", "1.2.3.4:", "[::1]", "80 ssl", "+80", "[::1;]:80"],
        "--sockets": ["/run/a b", "/run/a;b", "/run/$x", '/run/"', "/run/{", "/run/|x", "", "-x", "/run/a\nb", "/run/#"],
        "--page": ["/usr/a b", "/usr/${x}", "/usr/'", "/usr/\\", "/usr/@{x}", "/usr/%{X}"],
        "--prefix": ["community", "/a b", "/a;b", "/a$b", "/a/../b", "/a//b", "/a\nb"],
        "--secret-file": ["/etc/a b", "/etc/a'b", "/etc/a\nb"],
        "--login": ["check", "basic:", "basic:/a b", "basic:/a;b", "check:ftp://x/", "check:http://x/a b", "check:http://x/$a", "check:http://x;/",
                    "check:http:///x", "check:http://x/{a}", "check:http://a@b/", "both"],
        "--instance": ["Support", "a-b", "a_b", "a b", "a/b", "", "x" * 33, "own"],
        "--frame-ancestors": ["'none'", "all", "*", "https://a; script-src *", 'https://a"', "https://a,https://b", "", "javascript:x", "https://"],
    }.items() for value in values],
)  # fmt: skip
def test_what_could_leave_a_quotation_is_refused(flag, value):
    for server in SERVERS:
        whole = [] if flag == "--host" else ["--host", "example.org"]
        done = site(server, *whole, f"{flag}={value}")
        assert (done.returncode, done.stdout) == (64, ""), (server, done.stdout[:300])


@pytest.mark.parametrize(("server", "login"), [("apache", "check:http://127.0.0.1/x"), ("lighttpd", "check:http://127.0.0.1/x"),
                                              ("nginx", "remote-user"), ("caddy", "remote-user")])  # fmt: skip
def test_a_login_that_a_server_cannot_do_is_refused_with_what_to_use(server, login):
    done = site(server, "--login", login)
    assert done.returncode == 64 and "Use basic:FILE" in done.stderr, done.stderr


@pytest.mark.parametrize("server", SERVERS)
def test_the_secret_is_in_a_file_of_roots_own_and_never_printed(server, tmp_path):
    (tmp_path / "secret").write_text(SECRET + "\n")
    words = (server, "--secret-file", tmp_path / "secret", "--prefix", "/community/")
    printed = site(*words)
    assert printed.returncode == 0, printed.stderr
    assert SECRET not in printed.stdout and str(tmp_path / "secret") in printed.stdout
    assert "umask 077" in printed.stdout
    # What is printed to make the file by makes what --into writes.
    done = site(*words, "--into", tmp_path / "into")
    assert done.returncode == 0 and SECRET not in done.stdout, done.stderr
    (line,) = [line for line in printed.stdout.splitlines() if "umask 077" in line]
    place = line.rsplit("> ", 1)[1].rstrip(")")
    (tmp_path / place).parent.mkdir(parents=True)
    subprocess.run(["sh", "-c", line.removeprefix("# ")], cwd=tmp_path, check=True)
    written = tmp_path / "into" / place
    made = [text for text in written.read_text().splitlines() if text and not text.startswith("#")]
    assert (tmp_path / place).read_text().splitlines() == made and SECRET in made[0]
    assert written.stat().st_mode & 0o777 == (tmp_path / place).stat().st_mode & 0o777 == 0o600
    # Nothing was left to fill in, and each file that is written is printed.
    for path in (path for path in (tmp_path / "into").rglob("*") if path.is_file()):
        assert f"--- {path.relative_to(tmp_path / 'into')}" in printed.stdout
        assert "@PREFIX@" not in path.read_text() and "@SECRET@" not in path.read_text()


def test_without_flags_nginx_gets_the_shipped_files_and_what_is_the_operators_stays(tmp_path):
    (tmp_path / "secret").write_text(SECRET)
    words = ("nginx", "--secret-file", tmp_path / "secret", "--into", tmp_path)
    assert site(*words).returncode == 0
    for name in ("halls", "halls-upstreams", "halls-headers", "halls-file", "own/chat", "own/headers", "own/login", "own/socket.io"):
        assert (tmp_path / f"halls/{name}.conf").read_text() == (ROOT / f"nginx/{name}.conf").read_text(), name
    for path in (tmp_path / "halls").rglob("*.conf"):
        path.write_text("edited")
    assert site(*words).returncode == 0
    kept = {path.name for path in (tmp_path / "halls").rglob("*.conf") if path.read_text() == "edited"}
    assert kept == {"chat.conf", "headers.conf", "login.conf", "socket.io.conf"}


def test_a_secret_that_is_none_or_not_there_is_refused(tmp_path):
    (tmp_path / "short").write_text("short")
    for name in ("short", "absent"):
        done = site("nginx", "--secret-file", tmp_path / name, "--into", tmp_path / "into")
        assert done.returncode != 0 and name in done.stderr
    assert not (tmp_path / "into").exists()


@pytest.mark.parametrize("server", SERVERS)
@pytest.mark.parametrize(("flag", "said"), [("none", "'none'"), ("self", "'self'"), ("https://a.org https://*.b.org:8443", "https://a.org https://*.b.org:8443")])
def test_the_pages_that_may_show_the_chat_in_a_frame_are_those_of_the_flag(server, flag, said):
    printed = site(server, "--frame-ancestors", flag).stdout
    if server == "nginx":
        # There it is a variable, so that a server block may have another.
        assert f'map $host $halls_frame_ancestors {{\n    default "{said}";\n}}' in printed
        said = "$halls_frame_ancestors"
    policies = [line for line in printed.splitlines() if "frame-ancestors" in line and not line.startswith("#")]
    assert policies and all(f'frame-ancestors {said}"' in line for line in policies)
