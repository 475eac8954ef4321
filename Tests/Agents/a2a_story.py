"""What the A2A servers of these tests do with a message, whichever version of the SDK they are made of.

The first word decides:
  say X       a message, X
  task X      a task with one artifact that comes in two pieces, after a word on the way
  ask X       a task that needs input, X
  reply X     goes on with the task that asked, if it is named
  fail X      a task that fails, with X
  slow X      a task that goes on after its first response, and is done a while later
  context     a message that tells what came along with the message
  picture     a task with a picture
"""

import asyncio

PICTURE = b"\x89PNG\r\n\x1a\n fake"


class Story:
    """Tells a story by these methods of a subclass: `context`, `message(text)`, `start(text)`, `piece(text, append)`,
    `picture(bytes)`, `complete()`, `ask(text)`, `fail(text)`."""

    async def tell(self, text, context_id, metadata, files):
        # The first line: those after it name what came with the words.
        word, _, rest = text.split("\n")[0].partition(" ")
        match word:
            case "task":
                await self.start("on my way")
                await self.piece(rest[: len(rest) // 2], append=False)
                await self.piece(rest[len(rest) // 2 :], append=True)
                await self.complete()
            case "ask":
                await self.start("hm")
                await self.ask(rest)
            case "reply":
                await self.piece(f"{rest}, of {'your' if self.context.current_task else 'no'} task", append=False)
                await self.complete()
            case "fail":
                await self.start("hm")
                await self.fail(rest)
            case "slow":
                await self.start("working")
                await asyncio.sleep(1.5)
                await self.piece(rest, append=False)
                await self.complete()
            case "context":
                known = " ".join(f"{name}={metadata[name]}" for name in sorted(metadata) if name != "message_id")
                await self.message(f"{context_id}: {known}; files: {', '.join(files) or 'none'}")
            case "picture":
                await self.start("painting")
                await self.piece("here", append=False)
                await self.picture(PICTURE)
                await self.complete()
            case _:
                await self.message(rest)
