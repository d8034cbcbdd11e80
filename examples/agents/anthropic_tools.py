"""Anthropic's Python SDK: several tool calls in one answer, then a streamed answer from their results.

With `thinking` as an argument the model thinks first, and its signed thoughts are sent back with the results.
"""
import sys

import anthropic

client = anthropic.Anthropic()
TOOLS = [
    {
        "name": name,
        "description": description,
        "input_schema": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
    }
    for name, description in [("get_weather", "Weather of a city"), ("get_population", "Population of a city")]
]


def call(name, city):
    if name == "get_weather":
        return f"{city}: {10 + sum(map(ord, city)) % 15} degrees"
    return f"{city}: {sum(map(ord, city)) * 1000} people"


request = {
    "model": "claude-sonnet-4-5",
    "max_tokens": 200,
    "system": "You are a geographer. Use the tools before you answer.",
    "tools": TOOLS,
}
if "thinking" in sys.argv[1:]:
    request.update(max_tokens=2000, thinking={"type": "enabled", "budget_tokens": 1024})
messages = [{"role": "user", "content": "Tell me about a city on a river."}]
answer = client.messages.create(**request, messages=messages)
while answer.stop_reason == "tool_use":
    messages.append({"role": "assistant", "content": answer.content})
    results = []
    for block in answer.content:
        if block.type == "tool_use":
            text = call(block.name, block.input["city"])
            print(f"{block.name}({block.input['city']}) -> {text}")
            results.append({"type": "tool_result", "tool_use_id": block.id, "content": text})
    messages.append({"role": "user", "content": results})
    with client.messages.stream(**request, messages=messages) as stream:
        for piece in stream.text_stream:
            print(piece, end="", flush=True)
        print()
        answer = stream.get_final_message()
