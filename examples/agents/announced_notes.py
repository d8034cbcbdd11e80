"""A tool with an effect, announced to retake: it appends to a file, and a replay need not do it again."""
import asyncio
import json
import os
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).parent.parent / "announce"))
import retake  # noqa: E402
from openai import AsyncOpenAI  # noqa: E402

NOTES = pathlib.Path(os.environ.get("NOTES", "notes.txt"))
TOOLS = [
    {
        "type": "function",
        "function": {
            "name": "save_note",
            "description": "Appends a note to the notes",
            "parameters": {"type": "object", "properties": {"text": {"type": "string"}}, "required": ["text"]},
        },
    }
]


@retake.tool
async def save_note(text):
    with NOTES.open("a") as notes:
        notes.write(text + "\n")
    return f"saved, {len(NOTES.read_text().splitlines())} notes now"


async def main():
    client = AsyncOpenAI()
    messages = [
        {"role": "system", "content": "You keep notes. Save one before you answer."},
        {"role": "user", "content": "Remember that the train leaves at nine."},
    ]
    while True:
        answer = await client.chat.completions.create(model="gpt-4o-mini", messages=messages, tools=TOOLS)
        message = answer.choices[0].message
        if not message.tool_calls:
            print("answer:", message.content)
            return
        messages.append(message.model_dump(exclude_none=True))
        for call in message.tool_calls:
            result = await save_note(**json.loads(call.function.arguments), retake_call_id=call.id)
            print("save_note:", result)
            messages.append({"role": "tool", "tool_call_id": call.id, "content": result})


asyncio.run(main())
