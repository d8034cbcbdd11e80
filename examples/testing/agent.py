"""An agent with one tool, in Python's standard library: what the tests beside it test. Its prompt is in prompt.txt."""
import json
import os
import urllib.request
from pathlib import Path

URL = os.environ.get("OPENAI_BASE_URL", "https://api.openai.com/v1") + "/chat/completions"
TOOL = {"name": "get_stock", "description": "How many of an article are in stock.",
        "parameters": {"type": "object", "properties": {"article": {"type": "string"}}, "required": ["article"]}}


def ask(messages):
    body = {"model": "gpt-4o-mini", "messages": messages, "tools": [{"type": "function", "function": TOOL}]}
    headers = {"Content-Type": "application/json", "Authorization": f"Bearer {os.environ.get('OPENAI_API_KEY', '')}"}
    with urllib.request.urlopen(urllib.request.Request(URL, json.dumps(body).encode(), headers)) as answer:
        return json.load(answer)["choices"][0]["message"]


messages = [
    {"role": "system", "content": Path("prompt.txt").read_text().strip()},
    {"role": "user", "content": "How many lamps are in stock?"},
]
while True:
    message = ask(messages)
    if not message.get("tool_calls"):
        break
    messages.append(message)
    for call in message["tool_calls"]:
        messages.append({"role": "tool", "tool_call_id": call["id"], "content": json.dumps({"lamp": 7})})
print(message["content"])
