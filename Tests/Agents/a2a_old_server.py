"""An A2A agent on the SDK of version 0.3: `a2a_old_server.py PORT`."""

import base64
import sys

import uvicorn
from a2a.server.agent_execution import AgentExecutor
from a2a.server.apps import A2AStarletteApplication
from a2a.server.request_handlers import DefaultRequestHandler
from a2a.server.tasks import InMemoryTaskStore, TaskUpdater
from a2a.types import AgentCapabilities, AgentCard, AgentSkill, FilePart, FileWithBytes, Part, TextPart
from a2a.utils import new_agent_text_message, new_task

from a2a_story import Story


class Teller(Story):
    def __init__(self, context, queue):
        self.context = context
        self.queue = queue
        self.updater = TaskUpdater(queue, context.task_id, context.context_id)

    def words(self, text):
        return self.updater.new_agent_message([Part(root=TextPart(text=text))])

    async def message(self, text):
        await self.queue.enqueue_event(new_agent_text_message(text, self.context.context_id))

    async def start(self, text):
        if not self.context.current_task:
            await self.queue.enqueue_event(new_task(self.context.message))
        await self.updater.start_work(self.words(text))

    async def piece(self, text, append):
        await self.updater.add_artifact([Part(root=TextPart(text=text))], artifact_id="answer", append=append)

    async def picture(self, content):
        file = FileWithBytes(bytes=base64.b64encode(content).decode(), mime_type="image/png", name="p.png")
        await self.updater.add_artifact([Part(root=FilePart(file=file))], artifact_id="picture")

    async def complete(self):
        await self.updater.complete()

    async def ask(self, text):
        await self.updater.requires_input(self.words(text))

    async def fail(self, text):
        await self.updater.failed(self.words(text))


class Executor(AgentExecutor):
    async def execute(self, context, event_queue):
        parts = [part.root for part in context.message.parts]
        files = [part.file for part in parts if part.kind == "file"]
        shown = [
            f"{file.mime_type} {file.name} {getattr(file, 'uri', None) or len(base64.b64decode(file.bytes))}"
            for file in files
        ]
        text = "".join(part.text for part in parts if part.kind == "text")
        await Teller(context, event_queue).tell(text, context.context_id, context.message.metadata or {}, shown)

    async def cancel(self, context, event_queue):
        raise NotImplementedError


def main():
    port = int(sys.argv[1])
    card = AgentCard(
        name="Story", description="Tells stories", version="1", url=f"http://127.0.0.1:{port}/",
        capabilities=AgentCapabilities(streaming=True), default_input_modes=["text/plain", "image/*", "application/pdf"],
        default_output_modes=["text/plain"],
        skills=[AgentSkill(id="tell", name="Tell", description="Tells", tags=["story"])],
    )
    handler = DefaultRequestHandler(agent_executor=Executor(), task_store=InMemoryTaskStore())
    app = A2AStarletteApplication(agent_card=card, http_handler=handler).build()
    uvicorn.run(app, host="127.0.0.1", port=port, log_level="warning")


main()
