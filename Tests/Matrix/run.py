"""The bridge against a real homeserver: run.py PROGRAM FOLDER [WORD]…; with words, the trials that have one in their name.

For scripts/test-matrix.
"""

import asyncio
import re
import signal
import sys
import time
import traceback
from collections.abc import Awaitable, Callable
from pathlib import Path

from nio import UploadResponse

from person import Person, until
from processes import BOT, Bridge, Homeserver, free_port

AS_TOKEN = "as-token-of-the-test"
HS_TOKEN = "hs-token-of-the-test"


class World:
    """The servers, a person, and the room in which most of it happens."""

    def __init__(self, homeserver: Homeserver, bridge: Bridge, ida: Person, bo: Person):
        self.homeserver = homeserver
        self.bridge = bridge
        self.ida = ida
        self.bo = bo
        self.room = ""

    async def row(self, what: str, check: Callable[[dict], object], room: str | None = None) -> dict:
        """The first row of the log that passes, once there is one."""
        return await until(
            what, lambda: next((row for row in self.bridge.rows(room or self.room) if check(row)), None), 30)

    async def answer(self, text: str, room: str | None = None) -> dict:
        """The content of the bot's answer that says this, once there is one."""
        room = room or self.room
        return await until(
            f"an answer {text!r}",
            lambda: next((one for one in self.ida.answers(room, BOT) if one.get("body") == text), None))

    async def meet(self, room: str) -> None:
        await self.ida.client.room_invite(room, BOT)
        await until("the bot comes in", lambda: any(
            event["state_key"] == BOT and event["content"]["membership"] == "join"
            for event in self.ida.events(room, BOT, "m.room.member")))


def expect(condition: object, what: str) -> None:
    if not condition:
        raise AssertionError(what)


# --- What is tried, in this order ----------------------------------------------------------------------------------


async def doctor_knows_the_homeserver(world: World) -> str:
    said = await asyncio.to_thread(world.bridge.run, "doctor")
    lines = [line.strip() for line in said.splitlines() if BOT in line or "speaks Matrix" in line]
    expect(len(lines) >= 2, f"doctor said:\n{said}")
    return "; ".join(lines)


async def a_simulated_message_is_answered(world: World) -> str:
    said = await asyncio.to_thread(world.bridge.run, "simulate", "matrix", "is anybody there?")
    expect(said.startswith("is anybody there?"), f"simulate said:\n{said}")
    return said.splitlines()[-1].strip()


async def an_invitation_is_followed(world: World) -> str:
    world.room = await world.ida.create(is_direct=True)
    await world.meet(world.room)
    row = await world.row("the invitation in the log", lambda row: row["metadata"].get("membership") == "invite")
    expect(row["sender_id"] == world.ida.client.user_id, f"the invitation is of {row['sender_id']}")
    return "invited, joined, logged"


async def a_message_is_answered(world: World) -> str:
    started = time.monotonic()
    asked = await world.ida.say(world.room, "**good** <morning> & 🌅 مرحبا")
    content = await world.answer("**good** <morning> & 🌅 مرحبا")
    took = time.monotonic() - started
    expect(content["msgtype"] == "m.notice", f"msgtype {content['msgtype']}")
    expect(
        content["formatted_body"] == "<strong>good</strong> &lt;morning&gt; &amp; 🌅 مرحبا",
        f"formatted: {content['formatted_body']}")
    row = await world.row("the question in the log", lambda row: row["metadata"].get("message_id") == asked)
    expect(row["direction"] == "inbound" and row["content_type"] == "text", f"logged as {row}")
    await world.row("the answer in the log", lambda row: row["direction"] == "outbound" and row["status"] == "sent")
    return f"answered after {took * 1000:.0f} ms, formatted, both logged"


async def an_edit_is_recorded(world: World) -> str:
    first = await world.ida.say(world.room, "teh tide")
    await world.answer("teh tide")
    await world.ida.say(
        world.room, "* the tide", **{
            "m.new_content": {"msgtype": "m.text", "body": "the tide"},
            "m.relates_to": {"rel_type": "m.replace", "event_id": first}})
    row = await world.row("the edit in the log", lambda row: row["content_type"] == "edited")
    expect(row["content_text"] == "the tide", f"edited to {row['content_text']!r}")
    expect(row["metadata"]["target"] == first, f"an edit of {row['metadata'].get('target')}")
    await world.ida.say(world.room, "after the edit")
    await world.answer("after the edit")
    expect(
        not any("the tide" == one["body"] for one in world.ida.answers(world.room, BOT)), "the edit was answered too")
    return "recorded with its message, not answered"


async def a_redaction_is_recorded(world: World) -> str:
    first = await world.ida.say(world.room, "a mistake")
    await world.answer("a mistake")
    await world.ida.client.room_redact(world.room, first, reason="mistaken")
    row = await world.row("the redaction in the log", lambda row: row["content_type"] == "deleted")
    expect(row["metadata"]["target"] == first, f"a redaction of {row['metadata'].get('target')}")
    return "recorded with its message"


async def a_reaction_and_a_receipt_are_recorded(world: World) -> str:
    first = await world.ida.say(world.room, "react to this")
    await world.answer("react to this")
    await world.ida.send(
        world.room, {"m.relates_to": {"rel_type": "m.annotation", "event_id": first, "key": "👍"}}, "m.reaction")
    row = await world.row("the reaction in the log", lambda row: row["content_type"] == "reaction")
    expect(row["content_text"] == "👍" and row["metadata"]["target"] == first, f"logged as {row}")
    last = world.ida.events(world.room, BOT)[-1]["event_id"]
    await world.ida.client.room_read_markers(world.room, last, last)
    await world.row("the read receipt in the log", lambda row: row["status"] == "read" or (
        row["content_type"] == "status" and row["metadata"].get("target") == last))
    return "👍 and read, each with its message"


async def threads_mentions_and_notices(world: World) -> str:
    root = await world.ida.say(world.room, "the root")
    await world.answer("the root")
    await world.ida.say(
        world.room, "in a thread", **{"m.relates_to": {
            "rel_type": "m.thread", "event_id": root, "is_falling_back": True,
            "m.in_reply_to": {"event_id": root}}})
    content = await world.answer("in a thread")
    relation = content["m.relates_to"]
    expect((relation["rel_type"], relation["event_id"]) == ("m.thread", root), f"answered in {relation}")
    called = await world.ida.say(world.room, "bot, are you there?", **{"m.mentions": {"user_ids": [BOT]}})
    content = await world.answer("bot, are you there?")
    expect(content["m.relates_to"]["m.in_reply_to"]["event_id"] == called, "a call by name is answered by a reply")
    expect(content["m.mentions"]["user_ids"] == [world.ida.client.user_id], "who called is called")
    await world.ida.say(world.room, "bo, and you?", **{"m.mentions": {"user_ids": ["@bo:matrix.test"]}})
    await world.ida.send(world.room, {"msgtype": "m.notice", "body": "a program speaks"})
    await world.ida.say(world.room, "after them")
    await world.answer("after them")
    bodies = [one["body"] for one in world.ida.answers(world.room, BOT)]
    expect("bo, and you?" not in bodies, "answered what was meant for somebody else")
    expect("a program speaks" not in bodies, "answered a notice")
    await world.row("the notice in the log", lambda row: row["content_text"] == "a program speaks")
    return "answered in the thread, by a reply; others' calls and notices left alone"


async def a_picture_is_recorded(world: World) -> str:
    # The smallest PNG: one grey point.
    picture = bytes.fromhex(
        "89504e470d0a1a0a0000000d4948445200000001000000010800000000"
        "3a7e9b550000000a49444154789c6360000000020001e221bc330000000049454e44ae426082")
    path = world.homeserver.folder / "point.png"
    path.write_bytes(picture)
    with path.open("rb") as file:
        answer, _ = await world.ida.client.upload(
            file, content_type="image/png", filename="point.png", filesize=len(picture))
    expect(isinstance(answer, UploadResponse), f"upload: {answer}")
    await world.ida.send(world.room, {
        "msgtype": "m.image", "body": "point.png", "url": answer.content_uri,
        "info": {"mimetype": "image/png", "size": len(picture), "w": 1, "h": 1}})
    await world.answer("[image: point.png]")
    row = await world.row("the picture in the log", lambda row: row["content_type"] == "image")
    kept = row["attachments"][0]
    expect(kept["reference"] == answer.content_uri and kept["size"] == len(picture), f"kept as {kept}")
    return "kept by its mxc address"


def long_markdown() -> tuple[str, list[str]]:
    """Some 20,000 characters with everything that is hard to cut, and the words in it that are told apart."""
    parts = []
    for number in range(105):
        mark = f"mark{number:03}"
        match number % 5:
            case 0: parts.append(f"## Heading {mark}\n\nWords **bold {number}** and 👩‍👩‍👧‍👦 " + "long words " * 20)
            case 1: parts.append(f"````markdown\n{mark}\n```swift\nlet a = \"{number}\" // <&>\n```\n````\n" + "ä" * 150)
            case 2: parts.append(f"| a | b |\n|---|---|\n| {mark} | *x* |\n| 🇮🇸 | `code` |")
            case 3: parts.append(f"- {mark}\n  - inner 1\n    - innermost\n- [link](https://example.org/{number})" + " x" * 80)
            case 4: parts.append(f"> {mark} quoted\n> > twice\n\nمرحبا بالعالم " * 4)
    text = "\n\n".join(parts)
    # The word itself stands in some of them more than once.
    return text, re.findall(r"mark\d{3}", text)


async def a_long_answer_is_complete(world: World) -> str:
    text, marks = long_markdown()
    expect(len(text) >= 18_000, f"only {len(text)} characters")
    room = await world.ida.create()
    await world.meet(room)
    await world.ida.say(room, text)
    await world.ida.say(room, "the end")
    await world.answer("the end", room)
    pieces = [one for one in world.ida.answers(room, BOT)][:-1]

    def words(text: str) -> list[str]:
        return [word for word in text.split() if not word.startswith("```")]

    joined = "\n".join(piece["body"] for piece in pieces)
    expect(words(joined) == words(text), "the pieces, joined, are not the text")
    for name in ["body", "formatted_body"]:
        found = re.findall(r"mark\d{3}", "\n".join(piece[name] for piece in pieces))
        expect(found == marks, f"{name}: {len(found)} of {len(marks)} marks, or in another order")
    return f"{len(text)} characters in {len(pieces)} messages, every word in its order"


async def an_encrypted_room_is_refused(world: World) -> str:
    room = await world.ida.create(initial_state=[
        {"type": "m.room.encryption", "state_key": "", "content": {"algorithm": "m.megolm.v1.aes-sha2"}}])
    await world.meet(room)
    for number in range(3):
        await world.ida.send(room, {
            "algorithm": "m.megolm.v1.aes-sha2", "ciphertext": f"AwgAEnACgAkL{number}", "session_id": "s",
            "device_id": "D", "sender_key": "k"}, "m.room.encrypted")
    notes = await until("a note", lambda: world.ida.answers(room, BOT))
    await until("three encrypted messages in the log", lambda: 3 == sum(
        row["metadata"].get("type") == "m.room.encrypted" for row in world.bridge.rows(room)), 30)
    # Another room that is encrypted later on.
    later = await world.ida.create()
    await world.meet(later)
    await world.ida.client.room_put_state(later, "m.room.encryption", {"algorithm": "m.megolm.v1.aes-sha2"})
    await until("a note in a room that becomes encrypted", lambda: world.ida.answers(later, BOT))
    expect(len(world.ida.answers(room, BOT)) == 1, "more than one note")
    expect("encrypted" in notes[0]["body"], f"the note says {notes[0]['body']}")
    return f"one note: {notes[0]['body']}"


async def odd_transactions_block_nothing(world: World) -> str:
    odd = [
        {"events": [None, 7, "x", [], {}, {"type": 7, "content": "odd", "room_id": {}}]}, {"events": "none"}, {},
        {"events": [{"type": "m.room.message", "room_id": world.room, "event_id": "$odd", "sender": "@x:y",
                     "content": {"msgtype": {"a": 1}, "body": ["b"]}}]},
    ]
    for body in odd:
        status = await asyncio.to_thread(world.bridge.transaction, HS_TOKEN, body)
        expect(status == 200, f"{body} was answered {status}")
    status = await asyncio.to_thread(world.bridge.transaction, "wrong", {"events": []})
    expect(status == 401, f"a wrong token was answered {status}")
    await world.ida.say(world.room, "after odd ones")
    await world.answer("after odd ones")
    return f"{len(odd)} odd ones acknowledged, a wrong token refused"


async def all_are_answered_in_order(world: World, room: str, texts: list[str], seconds: float = 150) -> None:
    """Waits until the bot has said these, and checks that it said nothing else."""
    await until(
        f"the answer to {texts[-1]!r}", lambda: texts[-1] in [one["body"] for one in world.ida.answers(room, BOT)],
        seconds)
    said = [one["body"] for one in world.ida.answers(room, BOT)]
    if said == texts:
        return
    lost = [text for text in texts if text not in said]
    twice = sorted({text for text in said if said.count(text) > 1})
    expect(False, f"{len(said)} answers to {len(texts)} messages; lost {lost[:5]}; twice {twice[:5]}; order: {said[:9]}…")


async def two_hundred_messages_while_the_homeserver_restarts(world: World) -> str:
    room = await world.ida.create()
    await world.meet(room)
    texts = [f"message {number}" for number in range(200)]
    away = []

    async def restart(how: signal.Signals) -> None:
        started = time.monotonic()
        await asyncio.to_thread(world.homeserver.stop, how)
        await asyncio.to_thread(world.homeserver.start)
        away.append(time.monotonic() - started)

    already = await asyncio.to_thread(world.bridge.taken)
    restarting = []
    for number, text in enumerate(texts):
        if number in [70, 140]:
            # Synapse keeps what it has not handed on in memory alone, and loses it with its process. So it ends as soon as
            # the bridge has been handed all, which is while the answers to the last are on their way.
            while await asyncio.to_thread(world.bridge.taken) < already + number:
                await asyncio.sleep(0.001)
            how = signal.SIGTERM if number == 70 else signal.SIGKILL
            restarting.append(asyncio.create_task(restart(how)))
        await world.ida.send(room, {"msgtype": "m.text", "body": text}, name=f"burst{number}")
    await asyncio.gather(*restarting)
    await all_are_answered_in_order(world, room, texts)
    times = " and ".join(f"{seconds:.1f} s" for seconds in away)
    return f"each answered once and in order; the homeserver was stopped and then killed, away for {times}"


async def messages_wait_for_a_killed_bridge(world: World) -> str:
    room = await world.ida.create()
    await world.meet(room)
    await world.ida.say(room, "before")
    await world.answer("before", room)
    await asyncio.to_thread(world.bridge.stop, signal.SIGKILL)
    texts = [f"while away {number}" for number in range(20)]
    for text in texts:
        await world.ida.say(room, text)
    await asyncio.to_thread(world.bridge.start)
    texts.append("after")
    await world.ida.say(room, "after")
    await all_are_answered_in_order(world, room, ["before", *texts])
    return "killed with kill -9; 20 messages sent meanwhile answered once and in order"


TRIALS: list[Callable[[World], Awaitable[str]]] = [
    doctor_knows_the_homeserver,
    a_simulated_message_is_answered,
    an_invitation_is_followed,
    a_message_is_answered,
    an_edit_is_recorded,
    a_redaction_is_recorded,
    a_reaction_and_a_receipt_are_recorded,
    threads_mentions_and_notices,
    a_picture_is_recorded,
    a_long_answer_is_complete,
    an_encrypted_room_is_refused,
    odd_transactions_block_nothing,
    two_hundred_messages_while_the_homeserver_restarts,
    messages_wait_for_a_killed_bridge,
]


async def try_all(homeserver: Homeserver, bridge: Bridge, trials: list[Callable[[World], Awaitable[str]]]) -> int:
    failed = 0
    async with Person(homeserver.url, "ida") as ida, Person(homeserver.url, "bo") as bo:
        world = World(homeserver, bridge, ida, bo)
        for trial in trials:
            name = trial.__name__.replace("_", " ")
            started = time.monotonic()
            try:
                found = await trial(world)
                print(f"ok      {name} ({time.monotonic() - started:.1f} s): {found}", flush=True)
            except Exception as error:
                failed += 1
                print(f"FAIL    {name} ({time.monotonic() - started:.1f} s): {error}", flush=True)
                if not isinstance(error, AssertionError):
                    traceback.print_exc(file=sys.stdout)
    return failed


def main(program: str, folder: Path, words: list[str]) -> int:
    started = time.monotonic()
    trials = [trial for trial in TRIALS if not words or any(word in trial.__name__ for word in words)]
    # Later ones need the room into which the bot is invited.
    if an_invitation_is_followed not in trials:
        trials.insert(0, an_invitation_is_followed)
    port = free_port()
    homeserver = Homeserver(folder / "homeserver", port, AS_TOKEN, HS_TOKEN)
    bridge = Bridge(folder / "bridge", program, port, homeserver.url, AS_TOKEN, HS_TOKEN)
    failed = 1
    try:
        print(f"ok      the homeserver answers after {homeserver.start():.1f} s", flush=True)
        print(f"ok      the bridge answers after {bridge.start():.1f} s", flush=True)
        failed = asyncio.run(try_all(homeserver, bridge, trials))
    finally:
        bridge.stop()
        homeserver.stop()
        if failed:
            for server in [homeserver, bridge]:
                print(f"--- the end of the {server.name}'s log\n{server.last_words()}")
    print(f"matrix: {len(trials) - failed} passed, {failed} failed, {time.monotonic() - started:.0f} s", flush=True)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], Path(sys.argv[2]), sys.argv[3:]))
