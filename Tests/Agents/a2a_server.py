"""An A2A agent on the SDK of version 1: `a2a_server.py PORT BINDING`, where BINDING says what its card offers.

BINDING: `1.0` (JSON-RPC), `rest` (HTTP+JSON 1.0 alone) or `0.3` (JSON-RPC of 0.3 by the SDK's compatibility layer).
"""

import sys

import uvicorn
from a2a.helpers.proto_helpers import new_raw_part, new_task_from_user_message, new_text_message, new_text_part
from a2a.server.agent_execution import AgentExecutor
from a2a.server.request_handlers import DefaultRequestHandler
from a2a.server.routes import create_agent_card_routes, create_jsonrpc_routes, create_rest_routes
from a2a.server.tasks import InMemoryTaskStore, TaskUpdater
from a2a.types import AgentCapabilities, AgentCard, AgentInterface, AgentSkill
from google.protobuf.json_format import MessageToDict
from starlette.applications import Starlette

from a2a_story import Story


class Teller(Story):
    def __init__(self, context, queue):
        self.context = context
        self.queue = queue
        self.updater = TaskUpdater(queue, context.task_id, context.context_id)

    def words(self, text):
        return self.updater.new_agent_message([new_text_part(text)])

    async def message(self, text):
        await self.queue.enqueue_event(new_text_message(text, context_id=self.context.context_id))

    async def start(self, text):
        if not self.context.current_task:
            task = new_task_from_user_message(self.context.message)
            task.id, task.context_id = self.context.task_id, self.context.context_id
            await self.queue.enqueue_event(task)
        await self.updater.start_work(self.words(text))

    async def piece(self, text, append):
        await self.updater.add_artifact([new_text_part(text)], artifact_id="answer", append=append)

    async def picture(self, content):
        part = new_raw_part(content, media_type="image/png", filename="p.png")
        await self.updater.add_artifact([part], artifact_id="picture")

    async def complete(self):
        await self.updater.complete()

    async def ask(self, text):
        await self.updater.requires_input(self.words(text))

    async def fail(self, text):
        await self.updater.failed(self.words(text))


class Executor(AgentExecutor):
    async def execute(self, context, event_queue):
        parts = context.message.parts
        files = [
            f"{part.media_type} {part.filename} {part.url or len(part.raw)}"
            for part in parts
            if part.HasField("url") or part.HasField("raw")
        ]
        text = "".join(part.text for part in parts)
        metadata = MessageToDict(context.message.metadata)
        await Teller(context, event_queue).tell(text, context.context_id, metadata, files)

    async def cancel(self, context, event_queue):
        raise NotImplementedError


def main():
    port, binding = sys.argv[1:]
    url = f"http://127.0.0.1:{port}"
    interface = {
        "1.0": AgentInterface(url=f"{url}/rpc", protocol_binding="JSONRPC", protocol_version="1.0"),
        "0.3": AgentInterface(url=f"{url}/rpc", protocol_binding="JSONRPC", protocol_version="0.3"),
        "rest": AgentInterface(url=f"{url}/rest", protocol_binding="HTTP+JSON", protocol_version="1.0"),
    }[binding]
    card = AgentCard(
        name="Story", description="Tells stories", version="1", supported_interfaces=[interface],
        capabilities=AgentCapabilities(streaming=True), default_input_modes=["text/plain", "image/*", "application/pdf"],
        default_output_modes=["text/plain"],
        skills=[AgentSkill(id="tell", name="Tell", description="Tells", tags=["story"])],
    )
    handler = DefaultRequestHandler(agent_executor=Executor(), task_store=InMemoryTaskStore(), agent_card=card)
    routes = create_agent_card_routes(card)
    if binding == "rest":
        routes += create_rest_routes(handler, path_prefix="/rest")
    else:
        routes += create_jsonrpc_routes(handler, rpc_url="/rpc", enable_v0_3_compat=binding == "0.3")
    uvicorn.run(Starlette(routes=routes), host="127.0.0.1", port=int(port), log_level="warning")


main()
