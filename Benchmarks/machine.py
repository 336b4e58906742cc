# SPDX-License-Identifier: Apache-2.0
"""Where and when something was measured."""

import datetime
import os
import pathlib
import platform
import subprocess
import tempfile

from daemons import ROOT


def description():
    memory = int(pathlib.Path("/proc/meminfo").read_text().split()[1]) / 2**20
    system = platform.freedesktop_os_release().get("PRETTY_NAME", "Linux")
    return (
        f"{os.cpu_count()} × {_processor()}, {memory:.0f} GB, {system}, Linux {platform.release()}, "
        f"database on {_file_system(tempfile.gettempdir())}"
    )


def today():
    return datetime.datetime.now(datetime.UTC).date().isoformat()


def commit():
    """The commit of the checkout, with a `+` where it has changes; nothing where there is no git."""
    try:
        command = ["git", "-C", ROOT, "describe", "--always", "--dirty=+", "--exclude=*"]
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        return ""


def _processor():
    for line in pathlib.Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.split(":", 1)[1].strip()
    return platform.machine()


def _file_system(folder):
    command = ["stat", "--file-system", "--format=%T", folder]
    return subprocess.run(command, capture_output=True, text=True).stdout.strip() or "?"
