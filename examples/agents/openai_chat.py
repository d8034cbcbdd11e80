"""OpenAI's Python SDK: an answer, a streamed answer that continues the conversation, and embeddings."""
from openai import OpenAI

client = OpenAI()
messages = [
    {"role": "system", "content": "You answer in one short sentence."},
    {"role": "user", "content": "Which river runs through Lyon?"},
]

answer = client.chat.completions.create(model="gpt-4o-mini", messages=messages, temperature=0)
print("answer:", answer.choices[0].message.content)

messages.append({"role": "assistant", "content": answer.choices[0].message.content})
messages.append({"role": "user", "content": "And a second one?"})
options = {"include_usage": True}
print("stream: ", end="")
for chunk in client.chat.completions.create(
    model="gpt-4o-mini", messages=messages, temperature=0, stream=True, stream_options=options
):
    if chunk.choices and chunk.choices[0].delta.content:
        print(chunk.choices[0].delta.content, end="", flush=True)
print()

vectors = client.embeddings.create(model="text-embedding-3-small", input=["the Rhône", "the Saône"])
print("embeddings:", [round(sum(item.embedding), 3) for item in vectors.data])
