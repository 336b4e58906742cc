// SPDX-License-Identifier: Apache-2.0

import GRDB

extension ChatDatabase {
    /// The schema, oldest step first. A step that was shipped is never edited; a new one is appended.
    static var migrator: DatabaseMigrator {
        var migrator = DatabaseMigrator()
        migrator.registerMigration("1 halls") { db in
            try db.execute(
                sql: """
                    CREATE TABLE users (
                        id INTEGER PRIMARY KEY AUTOINCREMENT,
                        username TEXT NOT NULL,
                        -- what two names have in common that count as the same
                        username_key TEXT NOT NULL UNIQUE,
                        -- NULL for who comes by the site's own login
                        password_hash TEXT,
                        disabled_at TEXT,
                        created_at TEXT NOT NULL
                    ) STRICT;

                    CREATE TABLE halls (
                        id INTEGER PRIMARY KEY AUTOINCREMENT,
                        name TEXT NOT NULL,
                        name_key TEXT NOT NULL,
                        private INTEGER NOT NULL CHECK (private IN (0, 1)),
                        -- counts every change to the hall's messages
                        rev INTEGER NOT NULL DEFAULT 0,
                        archived_at TEXT,
                        created_at TEXT NOT NULL
                    ) STRICT;
                    -- Private halls may share a name: that one exists is nobody's business.
                    CREATE UNIQUE INDEX halls_by_open_name ON halls (name_key)
                        WHERE private = 0 AND archived_at IS NULL;

                    CREATE TABLE user_halls (
                        user_id INTEGER NOT NULL REFERENCES users (id),
                        hall_id INTEGER NOT NULL REFERENCES halls (id),
                        role TEXT NOT NULL CHECK (role IN ('owner', 'member')),
                        -- the position up to which the member has read
                        read_rev INTEGER NOT NULL DEFAULT 0,
                        joined_at TEXT NOT NULL,
                        PRIMARY KEY (user_id, hall_id)
                    ) STRICT, WITHOUT ROWID;
                    CREATE INDEX user_halls_by_hall ON user_halls (hall_id, user_id);

                    CREATE TABLE messages (
                        id INTEGER PRIMARY KEY AUTOINCREMENT,
                        hall_id INTEGER NOT NULL REFERENCES halls (id),
                        sender_id INTEGER NOT NULL REFERENCES users (id),
                        content TEXT NOT NULL,
                        created_at TEXT NOT NULL,
                        -- the hall's position when it was said; stays as it is
                        rev INTEGER NOT NULL,
                        client_key TEXT
                    ) STRICT;
                    -- In a hall, positions and ids grow together: one index serves both orders. Each index more is a
                    -- page more to write for almost every message.
                    CREATE UNIQUE INDEX messages_by_rev ON messages (hall_id, rev);
                    CREATE UNIQUE INDEX messages_by_client_key ON messages (sender_id, client_key)
                        WHERE client_key IS NOT NULL;

                    CREATE TABLE sessions (
                        id INTEGER PRIMARY KEY AUTOINCREMENT,
                        user_id INTEGER NOT NULL REFERENCES users (id),
                        token_hash BLOB NOT NULL UNIQUE,
                        created_at TEXT NOT NULL,
                        expires_at TEXT NOT NULL
                    ) STRICT;
                    CREATE INDEX sessions_by_user ON sessions (user_id);
                    CREATE INDEX sessions_by_end ON sessions (expires_at);

                    CREATE TABLE changes (
                        id INTEGER PRIMARY KEY AUTOINCREMENT,
                        kind TEXT NOT NULL,
                        hall_id INTEGER,
                        message_id INTEGER,
                        user_id INTEGER,
                        session_id INTEGER
                    ) STRICT;

                    CREATE TABLE attempts (
                        -- whom the failed logins are counted for: an account or an address
                        subject TEXT PRIMARY KEY,
                        count INTEGER NOT NULL,
                        window_ends_at TEXT NOT NULL
                    ) STRICT, WITHOUT ROWID;
                    CREATE INDEX attempts_by_end ON attempts (window_ends_at);
                    """)
        }
        migrator.registerMigration("2 messages know the one before") { db in
            try db.execute(
                sql: """
                    -- the hall's message before this one, and the hall's last one: history is read backwards
                    ALTER TABLE messages ADD COLUMN previous_id INTEGER;
                    ALTER TABLE halls ADD COLUMN last_message_id INTEGER;
                    UPDATE messages SET previous_id = (
                        SELECT older.id FROM messages older
                        WHERE older.hall_id = messages.hall_id AND older.rev < messages.rev
                        ORDER BY older.rev DESC LIMIT 1);
                    UPDATE halls SET last_message_id = (
                        SELECT id FROM messages WHERE hall_id = halls.id
                        ORDER BY messages.rev DESC LIMIT 1);
                    -- Of many halls, each message had a page of this index to itself.
                    DROP INDEX messages_by_rev;
                    -- Where to begin with ids of other halls; ids and positions grow together.
                    CREATE INDEX messages_by_hall ON messages (hall_id) WHERE rev % 64 = 0;
                    -- A daemon of the version before may still have the file open. What it wrote would follow on
                    -- nothing; in a later step it could come between the two.
                    CREATE TRIGGER halls_of_this_version BEFORE UPDATE OF rev ON halls
                        WHEN NEW.last_message_id IS OLD.last_message_id
                    BEGIN
                        SELECT RAISE(ABORT, 'written by an older version');
                    END;
                    """)
        }
        migrator.registerMigration("3 one entry for many messages") { db in
            try db.execute(
                sql: """
                    -- where an entry tells of all messages of a transaction: the last of them
                    ALTER TABLE changes ADD COLUMN last_message_id INTEGER;
                    """)
        }
        migrator.registerMigration("4 older versions are refused by a name") { db in
            try db.execute(
                sql: """
                    -- The trigger costs each message a fifth of its time in SQLite. Whatever an older daemon writes of
                    -- messages, members and the state of halls, it also logs, in the same transaction: under this name
                    -- it finds nothing, and nothing of the transaction is kept.
                    -- Who took the second step before it had a trigger has none.
                    DROP TRIGGER IF EXISTS halls_of_this_version;
                    ALTER TABLE changes RENAME COLUMN kind TO event;
                    """)
        }
        migrator.registerMigration("5 instances are told apart") { db in
            try db.execute(
                sql: """
                    -- what tells this chat from others on the same host
                    CREATE TABLE instance (id TEXT NOT NULL) STRICT;
                    INSERT INTO instance (id) VALUES (lower(hex(randomblob(4))));
                    """)
        }
        migrator.registerMigration("6 names that look the same") { db in
            try db.execute(
                sql: """
                    -- what a name looks like, as Names.looks has it; a name may look like two things
                    CREATE TABLE user_looks (
                        look TEXT NOT NULL,
                        user_id INTEGER NOT NULL REFERENCES users (id) ON DELETE CASCADE,
                        PRIMARY KEY (look, user_id)
                    ) STRICT, WITHOUT ROWID;
                    CREATE TABLE hall_looks (
                        look TEXT NOT NULL,
                        hall_id INTEGER NOT NULL REFERENCES halls (id) ON DELETE CASCADE,
                        PRIMARY KEY (look, hall_id)
                    ) STRICT, WITHOUT ROWID;
                    """)
            try ChatDatabase.keepAllLooks(db)
        }
        migrator.registerMigration("7 messages change") { db in
            try db.execute(
                sql: """
                    -- counts what became of messages after they were said; rev goes on counting the messages
                    ALTER TABLE halls ADD COLUMN change INTEGER NOT NULL DEFAULT 0;
                    -- a row for each message that is no longer as it was said, and none for the others
                    CREATE TABLE message_changes (
                        hall_id INTEGER NOT NULL REFERENCES halls (id),
                        message_id INTEGER NOT NULL REFERENCES messages (id),
                        -- the hall's counter at the latest change
                        change INTEGER NOT NULL,
                        edited_at TEXT,
                        -- who deleted it, as Deletion has it
                        deleted TEXT,
                        PRIMARY KEY (hall_id, message_id)
                    ) STRICT, WITHOUT ROWID;
                    CREATE UNIQUE INDEX message_changes_by_change ON message_changes (hall_id, change);

                    -- who did it, when (milliseconds since 1970), and what else an entry says, as JSON
                    ALTER TABLE changes ADD COLUMN actor_id INTEGER;
                    ALTER TABLE changes ADD COLUMN at INTEGER;
                    ALTER TABLE changes ADD COLUMN data TEXT;
                    -- A daemon of an older version that is still running knows nothing of changed messages: as in step 4.
                    ALTER TABLE changes RENAME COLUMN event TO entry;

                    -- The same without the list of roles, which the program knows.
                    CREATE TABLE seats (
                        user_id INTEGER NOT NULL REFERENCES users (id),
                        hall_id INTEGER NOT NULL REFERENCES halls (id),
                        role TEXT NOT NULL,
                        -- the position up to which the member has read
                        read_rev INTEGER NOT NULL DEFAULT 0,
                        joined_at TEXT NOT NULL,
                        PRIMARY KEY (user_id, hall_id)
                    ) STRICT, WITHOUT ROWID;
                    INSERT INTO seats (user_id, hall_id, role, read_rev, joined_at)
                        SELECT user_id, hall_id, role, read_rev, joined_at FROM user_halls
                        ORDER BY user_id, hall_id;
                    DROP TABLE user_halls;
                    ALTER TABLE seats RENAME TO user_halls;
                    CREATE INDEX user_halls_by_hall ON user_halls (hall_id, user_id);
                    """)
        }
        migrator.registerMigration("8 halls have topics") { db in
            try db.execute(sql: "ALTER TABLE halls ADD COLUMN topic TEXT NOT NULL DEFAULT ''")
        }
        migrator.registerMigration("9 people are not their names") { db in
            try db.execute(
                sql: """
                    -- what is shown; NULL for who has no other name than the username
                    ALTER TABLE users ADD COLUMN name TEXT;
                    ALTER TABLE users ADD COLUMN picture TEXT;
                    -- grows with each change of what is shown
                    ALTER TABLE users ADD COLUMN version INTEGER NOT NULL DEFAULT 0;
                    -- the site's own id for who comes by its login: so far, that was the name
                    ALTER TABLE users ADD COLUMN external_id TEXT;
                    UPDATE users SET external_id = username WHERE password_hash IS NULL;
                    CREATE UNIQUE INDEX users_by_external_id ON users (external_id)
                        WHERE external_id IS NOT NULL;

                    -- counts changes of usernames: what was kept that has one in it is good for one number
                    ALTER TABLE instance ADD COLUMN renames INTEGER NOT NULL DEFAULT 0;

                    -- who was in a hall: whoever is in it may still see who that is
                    CREATE TABLE former_members (
                        user_id INTEGER NOT NULL REFERENCES users (id),
                        hall_id INTEGER NOT NULL REFERENCES halls (id),
                        PRIMARY KEY (user_id, hall_id)
                    ) STRICT, WITHOUT ROWID;
                    INSERT INTO former_members (user_id, hall_id)
                        SELECT DISTINCT m.sender_id, m.hall_id FROM messages m WHERE NOT EXISTS (
                            SELECT 1 FROM user_halls uh
                            WHERE uh.user_id = m.sender_id AND uh.hall_id = m.hall_id);
                    """)
        }
        migrator.registerMigration("10 earlier texts") { db in
            try db.execute(
                sql: """
                    -- what messages said before their edits, where the operator wants that kept
                    CREATE TABLE earlier_texts (
                        message_id INTEGER NOT NULL REFERENCES messages (id),
                        -- the hall's counter at the edit that replaced it
                        change INTEGER NOT NULL,
                        content TEXT NOT NULL,
                        until TEXT NOT NULL,
                        PRIMARY KEY (message_id, change)
                    ) STRICT, WITHOUT ROWID;
                    """)
        }
        migrator.registerMigration("11 how far members have read") { db in
            try db.execute(
                sql: """
                    -- It stood where a member had joined; only browsers knew more. NULL: nobody has said so yet.
                    ALTER TABLE user_halls DROP COLUMN read_rev;
                    ALTER TABLE user_halls ADD COLUMN read_rev INTEGER;
                    """)
        }
        migrator.registerMigration("12 bans") { db in
            try db.execute(
                sql: """
                    CREATE TABLE bans (
                        hall_id INTEGER NOT NULL REFERENCES halls (id),
                        user_id INTEGER NOT NULL REFERENCES users (id),
                        -- NULL: the operator
                        actor_id INTEGER REFERENCES users (id),
                        banned_at TEXT NOT NULL,
                        PRIMARY KEY (hall_id, user_id)
                    ) STRICT, WITHOUT ROWID;
                    """)
        }
        return migrator
    }
}
