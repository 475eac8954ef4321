"""An AG-UI agent on `ag-ui-protocol`, which validates what it is asked: `agui_server.py PORT`.

The first word of the last message decides:
  say X     one message, in pieces
  chunks X  the same by chunk events
  two       two messages with a tool call between them
  snapshot X  X in a snapshot of the conversation alone
  ask X     an interrupt with the question X
  reply X   what the interrupts of the last run are answered with
  fail X    words, then an error with X
  context   what came along with the message
"""

import sys

import uvicorn
from ag_ui.core import (
    AssistantMessage, EventType, Interrupt, MessagesSnapshotEvent, RunAgentInput, RunErrorEvent, RunFinishedEvent,
    RunFinishedInterruptOutcome, RunStartedEvent, TextMessageChunkEvent, TextMessageContentEvent, TextMessageEndEvent,
    TextMessageStartEvent, TokenUsage, ToolCallArgsEvent, ToolCallEndEvent, ToolCallStartEvent,
)
from ag_ui.encoder import EventEncoder
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, StreamingResponse
from starlette.routing import Route


def message(name, text):
    yield TextMessageStartEvent(type=EventType.TEXT_MESSAGE_START, message_id=name, role="assistant")
    for letter in text:
        yield TextMessageContentEvent(type=EventType.TEXT_MESSAGE_CONTENT, message_id=name, delta=letter)
    yield TextMessageEndEvent(type=EventType.TEXT_MESSAGE_END, message_id=name)


def tell(asked):
    content = asked.messages[-1].content
    parts = [] if isinstance(content, str) else [part for part in content if part.type != "text"]
    if not isinstance(content, str):
        content = "".join(part.text for part in content if part.type == "text")
    # The first line: those after it name what came with the words.
    word, _, rest = content.split("\n")[0].partition(" ")
    name = f"{asked.run_id}-m"
    outcome = None
    yield RunStartedEvent(type=EventType.RUN_STARTED, thread_id=asked.thread_id, run_id=asked.run_id)
    match word:
        case "chunks":
            for index, letter in enumerate(rest):
                first = {"message_id": name, "role": "assistant"} if index == 0 else {}
                yield TextMessageChunkEvent(type=EventType.TEXT_MESSAGE_CHUNK, delta=letter, **first)
        case "two":
            yield from message(name + "1", "one")
            yield ToolCallStartEvent(type=EventType.TOOL_CALL_START, tool_call_id="c", tool_call_name="weather")
            yield ToolCallArgsEvent(type=EventType.TOOL_CALL_ARGS, tool_call_id="c", delta="{}")
            yield ToolCallEndEvent(type=EventType.TOOL_CALL_END, tool_call_id="c")
            yield from message(name + "2", "two")
        case "snapshot":
            said = AssistantMessage(id=name, role="assistant", content=rest)
            yield MessagesSnapshotEvent(type=EventType.MESSAGES_SNAPSHOT, messages=[*asked.messages, said])
        case "ask":
            interrupt = Interrupt(id="i", reason="input", message=rest)
            outcome = RunFinishedInterruptOutcome(type="interrupt", interrupts=[interrupt])
        case "reply":
            resumed = [f"{entry.interrupt_id}: {entry.payload.split()[-1]}" for entry in asked.resume]
            yield from message(name, ", ".join(resumed))
        case "fail":
            yield from message(name, "hm")
            yield RunErrorEvent(type=EventType.RUN_ERROR, message=rest, code="test")
            return
        case "context":
            known = " ".join(f"{item.description}={item.value}" for item in asked.context
                             if item.description != "message_id")
            roles = " ".join(item.role for item in asked.messages)
            files = ", ".join(f"{part.type} {part.source.mime_type} {part.source.type} {len(part.source.value)}"
                              for part in parts)
            yield from message(name, f"{asked.thread_id} [{roles}]: {known}; files: {files or 'none'}")
        case _:
            yield from message(name, rest)
    usage = [TokenUsage(provider="test", model="test", input_tokens=1, output_tokens=2)]
    yield RunFinishedEvent(
        type=EventType.RUN_FINISHED, thread_id=asked.thread_id, run_id=asked.run_id, outcome=outcome, usage=usage)


async def run(request: Request):
    try:
        asked = RunAgentInput.model_validate_json(await request.body())
    except ValueError as error:
        return JSONResponse({"detail": str(error)}, status_code=422)
    encoder = EventEncoder(accept=request.headers.get("accept"))
    return StreamingResponse((encoder.encode(event) for event in tell(asked)), media_type=encoder.get_content_type())


uvicorn.run(
    Starlette(routes=[Route("/run/", run, methods=["POST"])]), host="127.0.0.1", port=int(sys.argv[1]),
    log_level="warning")
