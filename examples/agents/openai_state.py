"""OpenAI's Python SDK with the conversation kept by the provider: by the id of the response before, or in a conversation."""
import json
import sys

from openai import OpenAI

client = OpenAI()
PRICES = {"lamp": 4900, "chair": 12900}
TOOLS = [
    {
        "type": "function",
        "name": "get_price",
        "description": "Price of an article in cents",
        "parameters": {
            "type": "object",
            "properties": {"article": {"type": "string", "enum": list(PRICES)}},
            "required": ["article"],
        },
    }
]
kept = sys.argv[1]  # previous, conversation or reference
conversation = client.conversations.create(items=[{"role": "developer", "content": "Prices are in cents."}]) if kept == "conversation" else None
before, said = None, []


def ask(new):
    """One call: what is new, and how the provider finds the rest."""
    global before
    request = {"model": "gpt-4o-mini", "instructions": "You are a sales clerk.", "tools": TOOLS, "input": new}
    if kept == "conversation":
        request["conversation"] = conversation.id
    elif kept == "previous" and before:
        request["previous_response_id"] = before
    elif kept == "reference":
        said.extend(new)
        request["input"] = list(said)
    if "stream" in sys.argv[2:]:
        with client.responses.stream(**request) as stream:
            response = stream.get_final_response()
    else:
        response = client.responses.create(**request)
    before = response.id
    said.extend({"type": "item_reference", "id": item.id} for item in response.output)
    return response


for question in ["What does a lamp cost?", "And a chair?", "Which of them is better?"]:
    response = ask([{"role": "user", "content": question}])
    while calls := [item for item in response.output if item.type == "function_call"]:
        results = []
        for call in calls:
            cents = PRICES.get(json.loads(call.arguments)["article"])
            results.append({"type": "function_call_output", "call_id": call.call_id, "output": f"{cents} cents"})
        response = ask(results)
    print("answer:", response.output_text)
