"""OpenAI's Python SDK: a file is uploaded (multipart, with a new boundary each time), then asked about."""
from openai import OpenAI

client = OpenAI()
text = b"name,visitors\nLyon,522000\nNantes,325000\n"
uploaded = client.files.create(file=("cities.csv", text, "text/csv"), purpose="user_data")
print("uploaded:", uploaded.filename, uploaded.bytes)

answer = client.responses.create(
    model="gpt-4o-mini",
    instructions="You read tables.",
    input=[
        {
            "role": "user",
            "content": [
                {"type": "input_file", "file_id": uploaded.id},
                {"type": "input_text", "text": "Which city has more visitors?"},
            ],
        }
    ],
)
print("answer:", answer.output_text)
