"""Mistral's Python SDK with the conversation kept by the provider: begun by a model or an agent, gone on with, branched."""
import json
import os
import sys

from mistralai.client import Mistral

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
role = {"model": "mistral-small-latest", "instructions": "You are a guide.", "tools": TOOLS}
if "agent" in sys.argv[1:]:
    role = {"agent_id": client.beta.agents.create(name="guide", **role).id}
else:
    role["completion_args"] = {"temperature": 0.2}


def results(response):
    """The tool's results for the calls of an answer."""
    out = []
    for entry in response.outputs:
        if entry.type == "function.call":
            arguments = json.loads(entry.arguments) if isinstance(entry.arguments, str) else entry.arguments
            result = f"{arguments['city']}: from 10 to 18"
            out.append({"type": "function.result", "tool_call_id": entry.tool_call_id, "result": result})
    return out


response = client.beta.conversations.start(inputs="When does the museum open?", **role)
first = response.conversation_id
while new := results(response):
    response = client.beta.conversations.append(conversation_id=response.conversation_id, inputs=new)
answer = response.outputs[-1]
print("answer:", answer.content)
# The same conversation by the id that it had first, streamed.
response = client.beta.conversations.append(conversation_id=first, inputs="And on Mondays?")
while new := results(response):
    text = ""
    with client.beta.conversations.append_stream(conversation_id=first, inputs=new) as stream:
        for event in stream:
            if event.data.type == "message.output.delta":
                text += event.data.content
    print("answer:", text)
    break
if "branch" in sys.argv[1:]:
    branch = client.beta.conversations.restart(conversation_id=first, from_entry_id=answer.id, inputs="Is it far?")
    while new := results(branch):
        branch = client.beta.conversations.append(conversation_id=branch.conversation_id, inputs=new)
    print("branch:", branch.outputs[-1].content)
