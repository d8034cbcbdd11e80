"""OpenAI's Python SDK, asynchronous: three branches at once, each with its own tool calls, then a summary of all."""
import asyncio
import json

from openai import AsyncOpenAI

client = AsyncOpenAI()
TOOLS = [
    {
        "type": "function",
        "function": {
            "name": name,
            "description": description,
            "parameters": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
        },
    }
    for name, description in [("get_weather", "Weather of a city"), ("get_events", "Events in a city")]
]


async def call(name, city):
    await asyncio.sleep(0.01 * (1 + len(city) % 3))
    if name == "get_weather":
        return f"{city}: {10 + sum(map(ord, city)) % 15} degrees"
    return f"{city}: market on {['Saturday', 'Sunday'][len(city) % 2]}"


async def branch(city):
    messages = [
        {"role": "system", "content": f"You are the guide of {city}. Use the tools."},
        {"role": "user", "content": f"What should I do in {city} this weekend?"},
    ]
    while True:
        answer = await client.chat.completions.create(model="gpt-4o-mini", messages=messages, tools=TOOLS)
        message = answer.choices[0].message
        if not message.tool_calls:
            return message.content
        messages.append(message.model_dump(exclude_none=True))
        results = await asyncio.gather(
            *(call(c.function.name, json.loads(c.function.arguments)["city"]) for c in message.tool_calls)
        )
        for made, result in zip(message.tool_calls, results):
            messages.append({"role": "tool", "tool_call_id": made.id, "content": result})


async def main():
    guides = await asyncio.gather(*(branch(city) for city in ["Lyon", "Nantes", "Ghent"]))
    for guide in guides:
        print("guide:", guide)
    answer = await client.responses.create(
        model="gpt-4o-mini", instructions="Choose the best city.", input="\n".join(guides)
    )
    print("choice:", answer.output_text)


asyncio.run(main())
