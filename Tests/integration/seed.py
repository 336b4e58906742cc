# SPDX-License-Identifier: Apache-2.0
"""A hall that looks like one: two hundred messages by seven people over three days."""

import datetime
import random
import sqlite3

from listener import enter, found

NAMES = ["ana", "Benjamín", "carla.ruiz", "dmitri", "Ελένη", "farid", "小林"]
HALLS = ["Garden", "Kitchen and coffee", "Proyectos de la asociación de vecinos del barrio", "Release 2.0", "音楽"]

LINES = [
    "Good morning!", "Morning 🌞", "¿Alguien ha visto mis llaves?", "On the shelf by the door, I think.", "👍", "🎉🎉🎉",
    "The tomatoes need water today, it will be 34 degrees.", "I can do it after lunch.", "Gracias, Carla ❤️", "ok",
    "Has anyone got the minutes of the last meeting? I would like to send them to the new members before Friday, "
    "together with the plan of the beds and the list of who waters when. If not I can write something down from memory, but it "
    "will not be complete.",
    "https://example.org/garden/minutes/2026-11-03?version=final", "Here: https://example.org/plan.pdf (page 3)",
    "`make test` fails for me since yesterday, with\n```\n"
    "error: no such module 'Foundation'\n  at Sources/main.swift:3\n```\nany idea?",
    "Try `swift package clean` first.", "That was it, thank you!", "صباح الخير جميعًا، هل نلتقي غدًا؟", "明天下午三点可以吗？",
    "Three o'clock is fine.", "Sí, pero yo llego diez minutos tarde.", "No hurry.",
    "Shopping:\n- soil, two bags\n- string\n- labels\n- cake",
    "What about the cake?", "Donaudampfschifffahrtselektrizitätenhauptbetriebswerkbauunterbeamtengesellschaft",
    "The door sticks again. Could someone with a plane have a look at it at the weekend?", "I have one.", "😂",
    "Does 5 < 6 && 7 > 3 still hold? <b>Yes</b>.", "I am off, see you tomorrow.", "¡Hasta mañana!", "Bye 👋",
]  # fmt: skip


def seed(site, count=200):
    """Fills a site that runs with --sends-per-second and --sends-burst high. Returns the people and the hall."""
    people = [site.person(name) for name in NAMES]
    halls = [found(people[0], name, private=name.startswith("Release")) for name in HALLS]
    for hall in halls:
        if not hall["private"]:
            enter(hall, *people[1:])
    hall = halls[0]
    chance = random.Random(7)
    speaker = people[1]
    speakers = []
    for number in range(count):
        if chance.random() < 0.6:
            speaker = chance.choice(people)
        speakers.append(speaker)
        content = LINES[number % len(LINES)] if chance.random() < 0.7 else chance.choice(LINES)
        answer = speaker.post(f"/chat/messages/{hall['id']}", json={"content": content})
        assert answer.status_code == 201, answer.text
    people[1].post(f"/chat/messages/{halls[1]['id']}", json={"content": "Coffee is ready."})
    _spread(site, hall, chance)
    return people, hall


def _spread(site, hall, chance):
    """Sets the messages' times: three days, the last of them today."""
    database = sqlite3.connect(site.database, timeout=10)
    with database:
        rows = database.execute("SELECT id FROM messages WHERE hall_id = ? ORDER BY id", (hall["id"],))
        ids = [row[0] for row in rows]
        now = datetime.datetime.now(datetime.UTC)
        for day in range(3):
            part = ids[len(ids) * day // 3 : len(ids) * (day + 1) // 3]
            before = datetime.timedelta(days=2 - day, hours=6) if day < 2 else datetime.timedelta(minutes=len(part) * 3)
            time = now - before
            for message in part:
                time += datetime.timedelta(seconds=chance.choice([15, 40, 90, 120, 360 if day < 2 else 150]))
                stamp = time.strftime("%Y-%m-%dT%H:%M:%S.") + f"{time.microsecond // 1000:03}Z"
                database.execute("UPDATE messages SET created_at = ? WHERE id = ?", (stamp, message))
    database.close()
