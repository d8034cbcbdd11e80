"""Mistral's Python SDK: embeddings, a tool call, a streamed answer. The SDK reads no base URL by itself, so it is given one."""
import json
import os

from mistralai.client import Mistral

# The SDK adds `/v1` to its server's address.
address = os.environ.get("MISTRAL_BASE_URL", "https://api.mistral.ai").removesuffix("/v1")
client = Mistral(api_key=os.environ["MISTRAL_API_KEY"], server_url=address)
TOOLS = [
    {
        "type": "function",
        "function": {
            "name": "get_opening_hours",
            "description": "Opening hours of a museum",
            "parameters": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
        },
    }
]

notes = ["The museum of fine arts is in the old abbey.", "The cinema museum is in the quarter of Monplaisir."]
vectors = client.embeddings.create(model="mistral-embed", inputs=[*notes, "museum in an abbey"]).data
scores = [sum(a * b for a, b in zip(v.embedding, vectors[-1].embedding)) for v in vectors[:-1]]
note = notes[scores.index(max(scores))]
print("note:", note)

messages = [
    {"role": "system", "content": "You are a guide. " + note},
    {"role": "user", "content": "When is it open?"},
]
answer = client.chat.complete(model="mistral-small-latest", messages=messages, tools=TOOLS).choices[0].message
messages.append(answer)
for made in answer.tool_calls or []:
    arguments = made.function.arguments
    city = (json.loads(arguments) if isinstance(arguments, str) else arguments)["city"]
    messages.append(
        {"role": "tool", "tool_call_id": made.id, "name": made.function.name, "content": f"{city}: from 10 to 18"}
    )
print("answer: ", end="")
for event in client.chat.stream(model="mistral-small-latest", messages=messages, tools=TOOLS):
    print(event.data.choices[0].delta.content or "", end="", flush=True)
print()
