"""Whether the variables that switch telemetry off in a replay change a request of the real clients.

Runs each client against a local server with and without the variable and compares what arrives, byte for byte
but for ids that a client draws for each request. `src/record/providers.toml` may name no variable that is not
shown here: `python3 telemetry.py` exits 1 if one changes a request, or is not tried.
"""

import json
import os
import subprocess
import sys
import threading
import tomllib
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

TABLE = Path(__file__).resolve().parents[2] / "src" / "record" / "providers.toml"

AGENTS = """
from agents import Agent, OpenAIChatCompletionsModel, Runner, function_tool
from openai import AsyncOpenAI
@function_tool
def price(item: str) -> str:
    "Says what an item costs."
    return "5"
for api in ("chat", "responses"):
    model = OpenAIChatCompletionsModel(model="m", openai_client=AsyncOpenAI()) if api == "chat" else "m"
    try:
        Runner.run_sync(Agent(name="Clerk", instructions="Be brief.", tools=[price], model=model), "Hello?")
    except Exception as error:
        print(type(error).__name__)
"""
LANGCHAIN = """
from langchain_core.tools import tool
from langchain_openai import ChatOpenAI
@tool
def price(item: str) -> str:
    "Says what an item costs."
    return "5"
model = ChatOpenAI(model="m", max_retries=0)
model.bind_tools([price]).invoke([("system", "Be brief."), ("human", "Hello?")])
list(model.stream("Hello again?"))
"""
# The variables and the program of a client that reads them.
TRIED = {
    "OPENAI_AGENTS_DISABLE_TRACING": AGENTS,
    "LANGSMITH_TRACING": LANGCHAIN,
    "LANGSMITH_TRACING_V2": LANGCHAIN,
    "LANGCHAIN_TRACING_V2": LANGCHAIN,
}
# Headers that a client fills anew for every request or connection.
DRAWN = {"x-stainless-read-timeout", "content-length", "host", "idempotency-key"}


class Server(BaseHTTPRequestHandler):
    asked = []

    def do_POST(self):
        body = self.rfile.read(int(self.headers["content-length"] or 0))
        headers = sorted((name.lower(), value) for name, value in self.headers.items() if name.lower() not in DRAWN)
        Server.asked.append((self.path, headers, body.decode()))
        message = {"role": "assistant", "content": "Hello."}
        answer = {"id": "c1", "object": "chat.completion", "created": 1, "model": "m",
                  "choices": [{"index": 0, "message": message, "finish_reason": "stop"}]}  # fmt: skip
        text = json.dumps(answer).encode()
        self.send_response(200)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    def log_message(self, *_):
        pass


def asked(program, more, url):
    """What arrives from a program with these further variables."""
    Server.asked.clear()
    environment = {"PATH": os.environ["PATH"], "OPENAI_BASE_URL": url, "OPENAI_API_KEY": "sk-x", **more}
    subprocess.run([sys.executable, "-c", program], env=environment, capture_output=True, timeout=120)
    return list(Server.asked)


def main():
    server = ThreadingHTTPServer(("127.0.0.1", 0), Server)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    url = f"http://127.0.0.1:{server.server_port}/v1"
    wrong = 0
    for row in tomllib.loads(TABLE.read_text())["silencer"]:
        name, program = row["name"], TRIED.get(row["name"])
        without = asked(program, {}, url) if program else []
        given = asked(program, {name: row["value"]}, url) if program else []
        same = bool(without) and without == given
        wrong += not same
        print(f"{name}: " + (f"{len(given)} requests, unchanged" if same else "CHANGED, or not tried"))
    sys.exit(1 if wrong else 0)


main()
