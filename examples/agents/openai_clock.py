"""OpenAI's Python SDK: today's date in the system prompt, and a tool that returns the time."""
import datetime
import json

from openai import OpenAI

client = OpenAI()
TOOLS = [
    {
        "type": "function",
        "function": {
            "name": "get_time",
            "description": "The time now",
            "parameters": {"type": "object", "properties": {}},
        },
    }
]
messages = [
    {"role": "system", "content": f"You are an assistant. Today is {datetime.date.today():%A, %B %d, %Y}."},
    {"role": "user", "content": "How long is it until midnight?"},
]
while True:
    message = client.chat.completions.create(model="gpt-4o-mini", messages=messages, tools=TOOLS).choices[0].message
    messages.append(message.model_dump(exclude_none=True))
    if not message.tool_calls:
        break
    for made in message.tool_calls:
        now = datetime.datetime.now(datetime.timezone.utc).isoformat()
        messages.append({"role": "tool", "tool_call_id": made.id, "content": json.dumps({"now": now})})
print("answer:", message.content)
