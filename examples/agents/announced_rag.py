"""A retriever over a small corpus in this process, announced to retake, and an answer from what it found."""
import pathlib
import re
import sys

sys.path.insert(0, str(pathlib.Path(__file__).parent.parent / "announce"))
import retake  # noqa: E402
from openai import OpenAI  # noqa: E402

CORPUS = {
    "rivers": "Lyon lies where the Saône flows into the Rhône.",
    "silk": "The silk weavers of the Croix-Rousse used passages called traboules.",
    "lights": "The festival of lights takes place around the eighth of December.",
    "food": "A bouchon is a restaurant that serves the local cooking of Lyon.",
}


@retake.retrieval
def search(query, count=2):
    wanted = set(re.findall(r"\w+", query.lower()))
    found = [
        {"id": key, "text": text, "score": len(wanted & set(re.findall(r"\w+", text.lower()))), "metadata": {"corpus": "lyon"}}
        for key, text in CORPUS.items()
    ]
    return sorted(found, key=lambda document: -document["score"])[:count]


question = "Where does the Saône meet the Rhône in Lyon?"
with retake.node("step", "answer", question) as step:
    documents = search(question)
    context = "\n".join(f"{document['id']}: {document['text']}" for document in documents)
    messages = [
        {"role": "system", "content": "Answer from the context.\n\n" + context},
        {"role": "user", "content": question},
    ]
    answer = OpenAI().chat.completions.create(model="gpt-4o-mini", messages=messages, temperature=0)
    step["output"] = answer.choices[0].message.content
print("found:", ", ".join(document["id"] for document in documents))
print("answer:", step["output"])
