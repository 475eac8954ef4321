"""A model for LiteLLM that tells what it was asked: how many messages of whom, how many pictures, and the last words."""

from litellm import CustomLLM, ModelResponse
from litellm.types.utils import GenericStreamingChunk


def answer(messages):
    if any(message.get("content") == "fail" for message in messages):
        raise RuntimeError("this model is out of order")
    roles = " ".join(message["role"] for message in messages)
    pictures = [
        part["image_url"]["url"] if isinstance(part["image_url"], dict) else part["image_url"]
        for message in messages
        if isinstance(message["content"], list)
        for part in message["content"]
        if part["type"] == "image_url"
    ]
    last = messages[-1]["content"]
    if isinstance(last, list):
        last = "".join(part["text"] for part in last if part["type"] == "text")
    shown = "".join(f" [{picture[:22]}… {len(picture)}]" for picture in pictures)
    if pictures and last.startswith("blind"):
        raise RuntimeError("this model has no eyes")
    return f"{roles}: {last}{shown}"


class Echo(CustomLLM):
    def completion(self, model, messages, model_response: ModelResponse, **_):
        model_response.choices[0].message.content = answer(messages)
        model_response.choices[0].finish_reason = "stop"
        return model_response

    async def acompletion(self, *arguments, **options):
        return self.completion(*arguments, **options)

    async def astreaming(self, model, messages, **_):
        text = answer(messages)
        # A character a chunk: the hardest way to send it.
        for index, piece in enumerate(text):
            yield GenericStreamingChunk(
                finish_reason="", index=0, is_finished=False, text=piece, tool_use=None, usage=None
            )
        usage = {"prompt_tokens": 1, "completion_tokens": len(text), "total_tokens": 1 + len(text)}
        yield GenericStreamingChunk(
            finish_reason="stop", index=0, is_finished=True, text="", tool_use=None, usage=usage
        )


handler = Echo()
