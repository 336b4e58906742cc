# SPDX-License-Identifier: Apache-2.0
"""Fills a database with people, halls and messages, in seconds: the programs would hash a password for each person."""

import base64
import contextlib
import hashlib
import os
import sqlite3

THEN = "2026-01-01T00:00:00.000Z"
FAR = "2999-01-01T00:00:00.000Z"


class Seed:
    """A database that no daemon has open yet; what is made here is there once the `with` ends."""

    def __init__(self, path):
        self.database = sqlite3.connect(path)
        # Nobody needs what a power cut would take here.
        self.database.execute("PRAGMA synchronous = OFF")
        self.database.execute("PRAGMA cache_size = -200000")

    def __enter__(self):
        return self

    def __exit__(self, *error):
        with contextlib.closing(self.database):
            self.database.commit()

    def people(self, count):
        """Makes users 1 to `count`, each with a session, and returns their cookies."""
        tokens = [base64.urlsafe_b64encode(os.urandom(32)).rstrip(b"=") for _ in range(count)]
        self.database.executemany(
            "INSERT INTO users (id, username, username_key, created_at) VALUES (?, ?, ?, ?)",
            ((i, f"member{i}", f"member{i}", THEN) for i in range(1, count + 1)),
        )
        self.database.executemany(
            "INSERT INTO sessions (user_id, token_hash, created_at, expires_at) VALUES (?, ?, ?, ?)",
            ((i, hashlib.blake2b(token, digest_size=32).digest(), THEN, FAR) for i, token in enumerate(tokens, 1)),
        )
        return [f"halls_session={token.decode()}" for token in tokens]

    def halls(self, count):
        """Makes halls 1 to `count`."""
        self.database.executemany(
            "INSERT INTO halls (id, name, name_key, private, created_at) VALUES (?, ?, ?, 0, ?)",
            ((i, f"Hall {i}", f"hall {i}", THEN) for i in range(1, count + 1)),
        )

    def seats(self, pairs):
        """Makes people members of halls: pairs of a user's and a hall's id."""
        self.database.executemany(
            "INSERT INTO user_halls (user_id, hall_id, role, joined_at) VALUES (?, ?, 'member', ?)",
            ((user, hall, THEN) for user, hall in pairs),
        )

    def messages(self, hall, count, speakers):
        """Makes messages of a hall, by its first speakers in turn, of 40 to 139 characters."""
        self.database.execute(
            """
            WITH RECURSIVE number (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM number WHERE n < ?)
            INSERT INTO messages (hall_id, sender_id, content, created_at, rev)
            SELECT ?, 1 + n % ?, substr(?, 1, 40 + n * 7919 % 100), ?, n FROM number
            """,
            (count, hall, speakers, "The tomatoes need water today, it will be 34 degrees. " * 3, THEN),
        )
        last = self.database.execute("SELECT MAX(id) FROM messages").fetchone()[0]
        self.database.execute(
            "UPDATE messages SET previous_id = id - 1 WHERE hall_id = ? AND rev > 1", (hall,)
        )
        self.database.execute(
            "UPDATE halls SET rev = ?, last_message_id = ? WHERE id = ?", (count, last, hall)
        )
