"""OpenAI's Python SDK: a loop of tool calls over chat completions, streamed with `stream` as an argument."""
import json
import sys

from openai import OpenAI

client = OpenAI()
PRICES = {"lamp": 4900, "chair": 12900, "table": 34900}
TOOLS = [
    {
        "type": "function",
        "function": {
            "name": "get_price",
            "description": "Price of an article in cents",
            "parameters": {
                "type": "object",
                "properties": {"article": {"type": "string", "enum": list(PRICES)}},
                "required": ["article"],
            },
        },
    },
    {
        "type": "function",
        "function": {
            "name": "get_stock",
            "description": "How many of an article are in stock",
            "parameters": {
                "type": "object",
                "properties": {"article": {"type": "string", "enum": list(PRICES)}},
                "required": ["article"],
            },
        },
    },
]


def call(name, arguments):
    article = arguments["article"]
    if name == "get_price":
        return {"article": article, "cents": PRICES.get(article)}
    return {"article": article, "stock": len(article) * 3}


def ask(messages, stream):
    request = {"model": "gpt-4o-mini", "messages": messages, "tools": TOOLS, "temperature": 0}
    if not stream:
        message = client.chat.completions.create(**request).choices[0].message
        calls = [(c.id, c.function.name, c.function.arguments) for c in message.tool_calls or []]
        return message.content or "", calls
    text, calls = "", {}
    for chunk in client.chat.completions.create(**request, stream=True):
        delta = chunk.choices[0].delta if chunk.choices else None
        text += (delta and delta.content) or ""
        for piece in (delta and delta.tool_calls) or []:
            found = calls.setdefault(piece.index, ["", "", ""])
            found[0] += piece.id or ""
            found[1] += piece.function.name or ""
            found[2] += piece.function.arguments or ""
    return text, [tuple(c) for c in calls.values()]


messages = [
    {"role": "system", "content": "You are a sales clerk. Use the tools before you answer."},
    {"role": "user", "content": "What does a lamp cost, and do you have one?"},
]
while True:
    text, calls = ask(messages, "stream" in sys.argv[1:])
    message = {"role": "assistant", "content": text or None}
    if not calls:
        break
    message["tool_calls"] = [
        {"id": i, "type": "function", "function": {"name": n, "arguments": a}} for i, n, a in calls
    ]
    messages.append(message)
    for call_id, name, arguments in calls:
        result = json.dumps(call(name, json.loads(arguments)))
        print(f"{name}({arguments}) -> {result}")
        messages.append({"role": "tool", "tool_call_id": call_id, "content": result})
print("answer:", text)
