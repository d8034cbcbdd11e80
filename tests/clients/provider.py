#!/usr/bin/env python3
"""A scripted model provider on 127.0.0.1 that speaks like the real ones. Standard library only.

    provider.py [--port 0] [--rounds 1] [--calls 1] [--prefer a,b] [--delay MS] [--fail N=STATUS] [--reasoning] [--vary]
                [--log FILE]

Prints its address when it listens. Serves OpenAI (`/v1/chat/completions`, `/v1/responses`, `/v1/conversations`,
`/v1/embeddings`, `/v1/files`, `/v1/models`), Anthropic (`/v1/messages`) and Mistral (`/mistral/v1/chat/completions`,
`/mistral/v1/agents`, `/mistral/v1/conversations`, `/mistral/v1/embeddings`), streamed or not. What it keeps of responses and
conversations it really keeps, and it refuses ids that it did not give out.

An answer is a function of what the request says and of nothing else (with `--vary` also of how often that was asked): it
quotes the system prompt, the question and the tool
results, so that a change to any of them shows. Ids, times and cached token counts are new with every answer, as in real life.
Tools that are offered are called for `--rounds` rounds after each user message, `--calls` a round. Like a real provider it
refuses a conversation that does not hold together: a tool result without its call, a call without its result, reasoning that
was altered.

GET /count says how many requests were answered, {"requests": N, "paths": {...}}; GET /requests what they were.
"""
import argparse
import base64
import hashlib
import hmac
import http.server
import json
import re
import secrets
import struct
import threading
import time
from dataclasses import dataclass, field

WORDS = (
    "amber river quiet market stone lantern early harbour paper bridge silver orchard winter signal garden copper "
    "morning ledger window valley engine cedar island thread marble station pepper compass meadow violet anchor"
).split()
CITIES = "Lyon Nantes Turin Porto Ghent Bergen Oslo Kyoto Lima Quito Tunis Riga".split()


# --- what a request says, in one vocabulary --------------------------------------------------------------------------


@dataclass
class Turn:
    role: str
    text: str = ""
    calls: list = field(default_factory=list)  # (id, name, arguments)
    results: list = field(default_factory=list)  # (id, text)


@dataclass
class Prompt:
    system: str = ""
    turns: list = field(default_factory=list)
    tools: list = field(default_factory=list)  # (name, schema)
    choice: str = "auto"  # auto, none, required, or the name of a tool
    parallel: bool = True
    schema: dict | None = None

    def tail(self):
        """The turns after the last user message that is not only tool results."""
        last = max((i for i, turn in enumerate(self.turns) if turn.role == "user" and turn.text), default=-1)
        return self.turns[last + 1 :]

    def question(self):
        return next((turn.text for turn in reversed(self.turns) if turn.role == "user" and turn.text), "")


@dataclass
class Answer:
    text: str = ""
    calls: list = field(default_factory=list)  # (name, arguments as a value)
    thought: str = ""


class Refused(Exception):
    def __init__(self, message, status=400):
        super().__init__(message)
        self.status = status


# What an agent makes up for a run says nothing to a model.
MADE_UP = re.compile(r"\b[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\b|\b\d\d:\d\d:\d\d\b")


def number(*parts):
    """A number that depends on the parts, but for ids and times of day, and on nothing else."""
    text = MADE_UP.sub("", "\0".join(map(str, parts)))
    return int.from_bytes(hashlib.sha256(text.encode("utf-8", "replace")).digest()[:6], "big")


def plain(content):
    """The text of a content that may be a string or a list of parts."""
    if isinstance(content, str):
        return content
    out = []
    for part in content or []:
        if isinstance(part, str):
            out.append(part)
        elif "text" in part and isinstance(part["text"], str):
            out.append(part["text"])
        elif part.get("type") in ("tool_result", "reasoning", "thinking", "tool_use", "refusal"):
            continue
        elif "file_id" in part:
            out.append("<file>")
        else:
            out.append("<%s %x>" % (part.get("type", "part"), number(json.dumps(part, sort_keys=True)) % 65536))
    return " ".join(out)


def words(text, count):
    found = re.findall(r"[^\s#*`]+", text)
    return " ".join(found[:count])


# --- what is answered ------------------------------------------------------------------------------------------------


def value(schema, name, seed, definitions):
    """An instance of a JSON schema, chosen by the seed."""
    if "$ref" in schema:
        schema = definitions.get(schema["$ref"].split("/")[-1], {})
    if "const" in schema:
        return schema["const"]
    if schema.get("enum"):
        return schema["enum"][number(seed, name) % len(schema["enum"])]
    for key in ("anyOf", "oneOf", "allOf"):
        if schema.get(key):
            options = [s for s in schema[key] if s.get("type") != "null"]
            return value(options[0], name, seed, definitions) if options else None
    kind = schema.get("type")
    if isinstance(kind, list):
        kind = next((k for k in kind if k != "null"), "string")
    draw = number(seed, name)
    if kind == "object" or "properties" in schema:
        properties = schema.get("properties", {})
        wanted = schema.get("required") or list(properties)
        return {k: value(v, k, seed, definitions) for k, v in properties.items() if k in wanted}
    if kind == "array":
        count = max(schema.get("minItems", 2), 1)
        return [value(schema.get("items") or {}, f"{name}{i}", seed, definitions) for i in range(count)]
    if kind == "integer":
        low = schema.get("minimum", 1)
        return low + draw % max(1, min(schema.get("maximum", low + 8), low + 8) - low + 1)
    if kind == "number":
        return round(schema.get("minimum", 0) + draw % 800 / 100, 2)
    if kind == "boolean":
        return draw % 2 == 0
    if kind == "null":
        return None
    lower = name.lower()
    if any(word in lower for word in ("city", "location", "place")):
        return CITIES[draw % len(CITIES)]
    if any(word in lower for word in ("query", "question", "input", "request", "task", "answer", "summary", "reason")):
        return words(seed[0], 8) + " " + WORDS[draw % len(WORDS)]
    return f"{WORDS[draw % len(WORDS)]} {WORDS[draw // 64 % len(WORDS)]}"


def instance(schema, seed):
    definitions = {**schema.get("$defs", {}), **schema.get("definitions", {})}
    return value(schema, "value", seed, definitions)


def choose(prompt, options):
    """The tools to call now: those preferred, else those offered, each once before any again."""
    offered = dict(prompt.tools)
    if not offered or prompt.choice == "none":
        return []
    if prompt.choice in offered:
        return [prompt.choice]
    tail = prompt.tail()
    closing = [name for name in offered if re.match(r"final_|submit|finish|output", name)]
    if sum(1 for turn in tail if turn.calls) >= options.rounds:
        return (closing or list(offered))[:1] if prompt.choice == "required" or closing else []
    made = [name for turn in tail for _, name, _ in turn.calls]
    names = [n for n in options.prefer if n in offered] or [n for n in offered if n not in closing] or list(offered)
    names = [n for n in names if n not in made] or names
    count = options.calls if prompt.parallel else 1
    return [names[i % len(names)] for i in range(count)]


def answer(prompt, options):
    question = prompt.question()
    everything = json.dumps([[t.role, t.text, [c[1:] for c in t.calls], [r[1] for r in t.results]] for t in prompt.turns])
    names = choose(prompt, options)
    thought = "Thinking about " + words(question, 5) + "." if options.reasoning else ""
    if names:
        already = sum(len(turn.calls) for turn in prompt.turns)
        offered = dict(prompt.tools)
        calls = [(n, instance(offered[n] or {}, (question, n, already + i))) for i, n in enumerate(names)]
        return Answer(calls=calls, thought=thought)
    if prompt.schema is not None:
        return Answer(text=json.dumps(instance(prompt.schema, (question, prompt.system, everything))), thought=thought)
    draw = number(prompt.system, everything)
    filler = " ".join(WORDS[(draw >> (5 * i)) % len(WORDS)] for i in range(4 + draw % 5))
    called = {call[0]: call[1] for turn in prompt.turns for call in turn.calls}
    facts = [f"{called.get(i, 'a tool')} said {words(text, 16)}" for turn in prompt.tail() for i, text in turn.results]
    if options.vary and (draft := options.drafts.again((prompt.system, everything))):
        filler += f" (draft {draft})"
    manner = words(prompt.system, 6) or "no instructions"
    head = f"[{manner} #{number(prompt.system) % 65536:04x}] About {words(question, 10)}:"
    text = " ".join([head, "; ".join(facts) + "." if facts else "", filler + "."]).replace("  ", " ")
    if "Final Answer:" in prompt.system + question:
        text = "Thought: I now can give a great answer\nFinal Answer: " + text
    if "final_answer(" in prompt.system:
        text = "Thought: I can answer now.\n<code>\nfinal_answer(" + json.dumps(text) + ")\n</code>"
    return Answer(text=text, thought=thought)


class Drafts:
    """Counts how often each prompt was answered."""

    def __init__(self):
        self.counts, self.lock = {}, threading.Lock()

    def again(self, key):
        with self.lock:
            self.counts[key] = self.counts.get(key, 0) + 1
            return self.counts[key] - 1


# --- ids and numbers that differ every time --------------------------------------------------------------------------


def fresh(prefix, length=24):
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
    return prefix + "".join(secrets.choice(alphabet) for _ in range(length))


def tokens(*texts):
    return sum(1 + len(text) // 4 for text in texts)


def sizes(prompt, given):
    asked = tokens(prompt.system, *[t.text for t in prompt.turns], *[r[1] for t in prompt.turns for r in t.results])
    said = tokens(given.text, *[json.dumps(c[1]) for c in given.calls])
    return asked, said, secrets.choice([0, 0, min(asked, 16)])


KEY = b"the provider's own key"


def sign(thought):
    nonce = secrets.token_bytes(12)
    return base64.b64encode(nonce + hmac.digest(KEY, nonce + thought.encode(), "sha256")).decode()


def signed(thought, signature):
    try:
        raw = base64.b64decode(signature)
    except ValueError:
        return False
    return hmac.compare_digest(raw[12:], hmac.digest(KEY, raw[:12] + thought.encode(), "sha256"))


def pieces(text, size):
    return [text[i : i + size] for i in range(0, len(text), size)]


def compact(data):
    return json.dumps(data, separators=(",", ":"), ensure_ascii=False)


def check_calls(turns):
    """Every result follows its call, and every call is answered before anything else is said."""
    open_calls = {}
    for turn in turns:
        if open_calls and not turn.results:
            raise Refused("An assistant message with tool calls must be followed by their results: " + ", ".join(open_calls))
        for call_id, _ in turn.results:
            if open_calls.pop(call_id, None) is None:
                raise Refused(f"There is no tool call for the result {call_id}")
        for call_id, name, _ in turn.calls:
            open_calls[call_id] = name
    if open_calls:
        raise Refused("No tool output found for " + ", ".join(open_calls))


# --- OpenAI and Mistral chat -----------------------------------------------------------------------------------------


def read_chat(body):
    prompt = Prompt(parallel=body.get("parallel_tool_calls") is not False)
    for message in body["messages"]:
        role, text = message["role"], plain(message.get("content"))
        if role in ("system", "developer"):
            prompt.system = (prompt.system + "\n" + text).strip()
        elif role == "tool":
            if prompt.turns and prompt.turns[-1].results:
                prompt.turns[-1].results.append((message["tool_call_id"], text))
            else:
                prompt.turns.append(Turn("tool", results=[(message["tool_call_id"], text)]))
        else:
            calls = [(c["id"], c["function"]["name"], c["function"]["arguments"]) for c in message.get("tool_calls") or []]
            prompt.turns.append(told(role, text, prompt.turns) or Turn(role, text, calls))
    check_calls(prompt.turns)
    prompt.tools = [(t["function"]["name"], t["function"].get("parameters")) for t in body.get("tools") or []]
    choice = body.get("tool_choice") or "auto"
    prompt.choice = choice["function"]["name"] if isinstance(choice, dict) else {"any": "required"}.get(choice, choice)
    wanted = body.get("response_format") or {}
    if wanted.get("type") == "json_schema":
        prompt.schema = wanted["json_schema"].get("schema") or wanted["json_schema"].get("schema_definition") or {}
    elif wanted.get("type") == "json_object":
        prompt.schema = {"type": "object", "properties": {"answer": {"type": "string"}}}
    return prompt


def told(role, text, turns):
    """A turn of smolagents, which tells its tool calls and their results as text."""
    if role == "assistant" and text.startswith("Calling tools:"):
        return Turn(role, "", [(i, n, a) for i, n, a in re.findall(r"'id': '([^']+)'.*?'name': '(\w+)', 'arguments': (.*)", text)])
    if role == "user" and text.startswith("Observation:") and turns and turns[-1].calls:
        return Turn("tool", "", results=[(call[0], text) for call in turns[-1].calls])
    return None


def chat(body, options, mistral):
    prompt = read_chat(body)
    given = answer(prompt, options)
    asked, said, cached = sizes(prompt, given)
    usage = {"prompt_tokens": asked, "completion_tokens": said, "total_tokens": asked + said}
    usage["prompt_tokens_details"] = {"cached_tokens": cached}
    if not mistral:
        usage["completion_tokens_details"] = {"reasoning_tokens": 0}
    calls = []
    for index, (name, arguments) in enumerate(given.calls):
        call = {"id": fresh("", 9) if mistral else fresh("call_"), "type": "function"}
        call["function"] = {"name": name, "arguments": json.dumps(arguments) if mistral else compact(arguments)}
        calls.append({**call, "index": index} if mistral else call)
    finish = "tool_calls" if calls else "stop"
    head = {"id": secrets.token_hex(16) if mistral else fresh("chatcmpl-", 29), "created": int(time.time())}
    head["model"] = body["model"]
    if not mistral:
        head["system_fingerprint"] = "fp_" + secrets.token_hex(5)
    if not body.get("stream"):
        message = {"role": "assistant", "content": given.text or ("" if mistral else None)}
        if calls:
            message["tool_calls"] = calls
        if not mistral:
            message.update(refusal=None, annotations=[])
        choice = {"index": 0, "message": message, "finish_reason": finish}
        return {**head, "object": "chat.completion", "choices": [choice], "usage": usage}
    head["object"] = "chat.completion.chunk"
    with_usage = not mistral and (body.get("stream_options") or {}).get("include_usage")

    def chunk(delta, finish_reason=None, **more):
        item = {**head, "choices": [{"index": 0, "delta": delta, "finish_reason": finish_reason}], **more}
        if with_usage:
            item.setdefault("usage", None)
        return "data: " + compact(item) + "\n\n"

    out = [chunk({"role": "assistant", "content": "" if given.text or mistral else None})]
    if mistral:
        out += [chunk({"content": piece}) for piece in pieces(given.text, 16)]
        last = {"content": "", "tool_calls": calls} if calls else {"content": ""}
        out.append(chunk(last, finish, usage=usage))
    else:
        out += [chunk({"content": piece}) for piece in pieces(given.text, 12)]
        for index, call in enumerate(calls):
            begin = {"index": index, **call, "function": {"name": call["function"]["name"], "arguments": ""}}
            out.append(chunk({"tool_calls": [begin]}))
            for piece in pieces(call["function"]["arguments"], 7):
                out.append(chunk({"tool_calls": [{"index": index, "function": {"arguments": piece}}]}))
        out.append(chunk({}, finish))
        if with_usage:
            out.append("data: " + compact({**head, "choices": [], "usage": usage}) + "\n\n")
    return out + ["data: [DONE]\n\n"]


# --- what is kept ----------------------------------------------------------------------------------------------------


class Memory:
    """Responses, items, conversations and agents, by ids that were given out here."""

    def __init__(self):
        self.responses, self.items, self.conversations = {}, {}, {}
        self.tied = {}  # items that OpenAI takes only together with the reasoning before them
        self.agents, self.entries = {}, {}

    def conversation(self, found):
        found = found.get("id") if isinstance(found, dict) else found
        if found not in self.conversations:
            raise Refused(f"Conversation with id '{found}' not found.", 404)
        return self.conversations[found]

    def keep(self, items):
        reasoning = None
        for item in items:
            if not item.get("id"):
                item["id"] = "msg_" + secrets.token_hex(24)
            self.items[item["id"]] = item
            if item.get("type") == "reasoning":
                reasoning = item["id"]
            elif reasoning:
                self.tied[item["id"]] = reasoning
        return items

    def read(self, items):
        """Items with what their references stand for; each id must be known, and reasoning go with what it led to."""
        out = []
        for item in items:
            found = item.get("id")
            if found and found not in self.items:
                raise Refused(f"Item with id '{found}' not found.", 404)
            out.append(self.items[found] if item.get("type") == "item_reference" else item)
        present = {item.get("id") for item in out}
        for found in present:
            if self.tied.get(found, found) not in present:
                raise Refused(f"Item '{found}' was provided without its required 'reasoning' item: '{self.tied[found]}'.")
        return out


# --- OpenAI conversations --------------------------------------------------------------------------------------------


def conversations(method, path, body, query, memory):
    rest = path.split("/conversations", 1)[1].strip("/").split("/")
    if rest == [""]:
        found = "conv_" + secrets.token_hex(24)
        memory.conversations[found] = memory.keep([dict(item) for item in body.get("items") or []])
        return {"id": found, "object": "conversation", "created_at": int(time.time()), "metadata": body.get("metadata") or {}}
    items = memory.conversation(rest[0])
    if rest[1:] == ["items"] and method == "POST":
        new = memory.keep([{**item, "id": None, "type": item.get("type", "message")} for item in body["items"]])
        items += new
        return {"object": "list", "data": new, "first_id": new[0]["id"], "last_id": new[-1]["id"], "has_more": False}
    if rest[1:] == ["items"]:
        listed = items if "order=asc" in query else items[::-1]
        return {"object": "list", "data": listed, "first_id": None, "last_id": None, "has_more": False}
    if method == "DELETE" and len(rest) == 1:
        del memory.conversations[rest[0]]
        return {"id": rest[0], "object": "conversation.deleted", "deleted": True}
    raise Refused(f"Unknown path {path}", 404)


# --- OpenAI responses ------------------------------------------------------------------------------------------------


def read_responses(body, memory):
    prompt = Prompt(system=body.get("instructions") or "", parallel=body.get("parallel_tool_calls") is not False)
    items = body.get("input") or []
    items = [{"role": "user", "content": items}] if isinstance(items, str) else items
    if body.get("previous_response_id"):
        if body["previous_response_id"] not in memory.responses:
            raise Refused(f"Previous response with id '{body['previous_response_id']}' not found.")
        items = memory.responses[body["previous_response_id"]] + items
    if body.get("conversation"):
        items = memory.conversation(body["conversation"]) + items
    items = memory.read(items)
    for item in items:
        kind = item.get("type", "message")
        last = prompt.turns[-1] if prompt.turns else None
        if kind == "message" and item["role"] in ("system", "developer"):
            prompt.system = (prompt.system + "\n" + plain(item["content"])).strip()
        elif kind == "message":
            prompt.turns.append(Turn(item["role"], plain(item["content"])))
        elif kind == "function_call":
            call = (item["call_id"], item["name"], item["arguments"])
            if last and last.calls:
                last.calls.append(call)
            else:
                prompt.turns.append(Turn("assistant", calls=[call]))
        elif kind == "function_call_output":
            result = (item["call_id"], plain(item["output"]))
            if last and last.results:
                last.results.append(result)
            else:
                prompt.turns.append(Turn("tool", results=[result]))
        elif kind == "reasoning" and item.get("encrypted_content"):
            if not signed("reasoning", item["encrypted_content"]):
                raise Refused("The encrypted content could not be verified.")
    check_calls(prompt.turns)
    prompt.tools = [(t["name"], t.get("parameters")) for t in body.get("tools") or [] if t.get("type") == "function"]
    choice = body.get("tool_choice") or "auto"
    prompt.choice = choice.get("name", "auto") if isinstance(choice, dict) else choice
    wanted = (body.get("text") or {}).get("format") or {}
    if wanted.get("type") == "json_schema":
        prompt.schema = wanted["schema"]
    return prompt, items


def responses(body, options, memory):
    prompt, items = read_responses(body, memory)
    given = answer(prompt, options)
    asked, said, cached = sizes(prompt, given)
    output = []
    if given.thought:
        item = {"id": "rs_" + secrets.token_hex(24), "type": "reasoning", "summary": []}
        if "reasoning.encrypted_content" in (body.get("include") or []):
            item["encrypted_content"] = sign("reasoning")
        output.append(item)
    for name, arguments in given.calls:
        item = {"id": "fc_" + secrets.token_hex(24), "type": "function_call", "status": "completed"}
        output.append({**item, "arguments": compact(arguments), "call_id": fresh("call_"), "name": name})
    if not given.calls:
        part = {"type": "output_text", "annotations": [], "logprobs": [], "text": given.text}
        item = {"id": "msg_" + secrets.token_hex(24), "type": "message", "status": "completed", "content": [part]}
        output.append({**item, "role": "assistant"})
    usage = {"input_tokens": asked, "input_tokens_details": {"cached_tokens": cached}, "output_tokens": said}
    usage.update(output_tokens_details={"reasoning_tokens": 0}, total_tokens=asked + said)
    whole = {
        "id": "resp_" + secrets.token_hex(24), "object": "response", "created_at": int(time.time()), "status": "completed",
        "error": None, "incomplete_details": None, "instructions": body.get("instructions"), "max_output_tokens": None,
        "model": body["model"], "output": output, "parallel_tool_calls": prompt.parallel,
        "previous_response_id": body.get("previous_response_id"), "reasoning": body.get("reasoning") or {"effort": None, "summary": None},
        "store": body.get("store") is not False, "temperature": body.get("temperature", 1.0), "text": body.get("text") or {"format": {"type": "text"}},
        "tool_choice": body.get("tool_choice") or "auto", "tools": body.get("tools") or [], "top_p": body.get("top_p", 1.0),
        "truncation": "disabled", "usage": usage, "user": None, "metadata": body.get("metadata") or {},
    }  # fmt: skip
    memory.keep(output)
    if whole["store"]:
        memory.responses[whole["id"]] = items + output
    if body.get("conversation"):
        kept = memory.conversation(body["conversation"])
        kept[:] = memory.keep([dict(item) for item in items]) + output
        whole["conversation"] = {"id": next(found for found, items in memory.conversations.items() if items is kept)}
    if not body.get("stream"):
        return whole
    out = []

    def event(kind, **fields):
        out.append(f"event: {kind}\ndata: {compact({'type': kind, **fields, 'sequence_number': len(out)})}\n\n")

    begun = {**whole, "status": "in_progress", "output": [], "usage": None}
    event("response.created", response=begun)
    event("response.in_progress", response=begun)
    for index, item in enumerate(output):
        at = {"item_id": item["id"], "output_index": index}
        if item["type"] == "message":
            event("response.output_item.added", output_index=index, item={**item, "status": "in_progress", "content": []})
            part = item["content"][0]
            event("response.content_part.added", **at, content_index=0, part={**part, "text": ""})
            for piece in pieces(part["text"], 12):
                event("response.output_text.delta", **at, content_index=0, delta=piece, logprobs=[])
            event("response.output_text.done", **at, content_index=0, text=part["text"], logprobs=[])
            event("response.content_part.done", **at, content_index=0, part=part)
        elif item["type"] == "function_call":
            event("response.output_item.added", output_index=index, item={**item, "status": "in_progress", "arguments": ""})
            for piece in pieces(item["arguments"], 7):
                event("response.function_call_arguments.delta", **at, delta=piece)
            event("response.function_call_arguments.done", **at, arguments=item["arguments"], name=item["name"])
        else:
            event("response.output_item.added", output_index=index, item=item)
        event("response.output_item.done", output_index=index, item=item)
    event("response.completed", response=whole)
    return out


# --- Mistral agents and conversations --------------------------------------------------------------------------------


def agents(body, memory):
    found = "ag_" + secrets.token_hex(14)
    now = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
    memory.agents[found] = {**body, "id": found, "object": "agent", "version": 0, "versions": [0], "created_at": now}
    memory.agents[found].update(updated_at=now, deployment_chat=False, source="api")
    return memory.agents[found]


def converse(path, body, options, memory):
    rest = path.split("/conversations", 1)[1].strip("/").split("/")
    if rest == [""]:
        terms, entries, found = body, [], "conv_" + secrets.token_hex(14)
    else:
        if rest[0] not in memory.entries:
            raise Refused(f"Conversation {rest[0]} not found", 404)
        terms, entries = memory.entries[rest[0]]
        found = rest[0]
        if rest[1:] == ["restart"]:
            ids = [entry["id"] for entry in entries]
            if body["from_entry_id"] not in ids:
                raise Refused(f"Entry {body['from_entry_id']} not found", 404)
            entries, found = entries[: ids.index(body["from_entry_id"]) + 1], "conv_" + secrets.token_hex(14)
        elif set(body) - {"inputs", "stream", "store", "handoff_execution", "completion_args", "tool_confirmations"}:
            raise Refused(f"Extra inputs are not permitted: {', '.join(body)}", 422)
    if bool(terms.get("agent_id")) == bool(terms.get("model")):
        raise Refused("Either model or agent_id must be given", 422)
    if terms.get("agent_id") and terms["agent_id"] not in memory.agents:
        raise Refused(f"Agent {terms['agent_id']} not found", 404)
    given = body["inputs"]
    given = [{"object": "entry", "type": "message.input", "role": "user", "content": given}] if isinstance(given, str) else given
    known = {entry["id"] for _, entries in memory.entries.values() for entry in entries}
    if unknown := [entry["id"] for entry in given if entry.get("id") and entry["id"] not in known]:
        raise Refused(f"Entry {unknown[0]} not found", 404)
    entries = entries + [{**entry, "id": entry.get("id") or "msg_" + secrets.token_hex(14)} for entry in given]
    by = {**memory.agents[terms["agent_id"]], **terms} if terms.get("agent_id") else terms
    prompt = Prompt(system=by.get("instructions") or "")
    for entry in entries:
        last = prompt.turns[-1] if prompt.turns else None
        if entry["type"] in ("message.input", "message.output"):
            role = "user" if entry["type"] == "message.input" else "assistant"
            prompt.turns.append(Turn(role, plain(entry["content"])))
        elif entry["type"] == "function.call":
            call = (entry["tool_call_id"], entry["name"], entry["arguments"])
            last.calls.append(call) if last and last.calls else prompt.turns.append(Turn("assistant", calls=[call]))
        elif entry["type"] == "function.result":
            result = (entry["tool_call_id"], entry["result"])
            last.results.append(result) if last and last.results else prompt.turns.append(Turn("tool", results=[result]))
    check_calls(prompt.turns)
    prompt.tools = [(t["function"]["name"], t["function"].get("parameters")) for t in by.get("tools") or []]
    made = answer(prompt, options)
    asked, said, _ = sizes(prompt, made)
    outputs = []
    for name, arguments in made.calls:
        call = {"type": "function.call", "id": "fc_" + secrets.token_hex(14), "tool_call_id": fresh("", 9), "name": name}
        outputs.append({"object": "entry", **call, "arguments": json.dumps(arguments)})
    if not made.calls:
        message = {"type": "message.output", "id": "msg_" + secrets.token_hex(14), "role": "assistant", "content": made.text}
        outputs.append({"object": "entry", **message, "model": by.get("model")})
    if body.get("store") is not False:
        memory.entries[found] = (terms, entries + outputs)
    usage = {"prompt_tokens": asked, "completion_tokens": said, "total_tokens": asked + said}
    if not body.get("stream"):
        return {"object": "conversation.response", "conversation_id": found, "outputs": outputs, "usage": usage}
    out = []

    def event(kind, **fields):
        out.append(f"event: {kind}\ndata: {compact({'type': kind, **fields})}\n\n")

    event("conversation.response.started", conversation_id=found)
    for index, entry in enumerate(outputs):
        if entry["type"] == "function.call":
            for piece in pieces(entry["arguments"], 7):
                fields = {key: entry[key] for key in ("id", "name", "tool_call_id")}
                event("function.call.delta", output_index=index, **fields, arguments=piece)
            continue
        for piece in pieces(entry["content"], 12):
            event("message.output.delta", output_index=index, id=entry["id"], role="assistant", content_index=0, content=piece)
    event("conversation.response.done", usage=usage)
    return out


# --- Anthropic messages ----------------------------------------------------------------------------------------------


def read_messages(body):
    prompt = Prompt(system=plain(body.get("system")))
    for message in body["messages"]:
        content = message["content"]
        turn = Turn(message["role"], plain(content))
        for part in content if isinstance(content, list) else []:
            if part["type"] == "tool_use":
                turn.calls.append((part["id"], part["name"], json.dumps(part["input"], sort_keys=True)))
            elif part["type"] == "tool_result":
                turn.results.append((part["tool_use_id"], plain(part.get("content"))))
            elif part["type"] == "thinking" and not signed(part["thinking"], part.get("signature", "")):
                raise Refused("messages: Invalid `signature` in `thinking` block")
        prompt.turns.append(turn)
    check_calls(prompt.turns)
    prompt.tools = [(t["name"], t.get("input_schema")) for t in body.get("tools") or []]
    choice = body.get("tool_choice") or {"type": "auto"}
    prompt.choice = {"any": "required", "tool": choice.get("name")}.get(choice["type"], choice["type"])
    prompt.parallel = not choice.get("disable_parallel_tool_use")
    wanted = (body.get("output_config") or {}).get("format") or body.get("output_format") or {}
    if wanted.get("type") == "json_schema":
        prompt.schema = wanted["schema"]
    return prompt


def messages(body, options):
    prompt = read_messages(body)
    given = answer(prompt, options)
    asked, said, cached = sizes(prompt, given)
    content = []
    if given.thought and (body.get("thinking") or {}).get("type") not in (None, "disabled"):
        content.append({"type": "thinking", "thinking": given.thought, "signature": sign(given.thought)})
    if given.calls:
        content.append({"type": "text", "text": "Let me look."})
        content += [{"type": "tool_use", "id": fresh("toolu_01", 22), "name": n, "input": a} for n, a in given.calls]
    else:
        content.append({"type": "text", "text": given.text})
    usage = {"input_tokens": asked, "cache_creation_input_tokens": 0, "cache_read_input_tokens": cached}
    whole = {"id": fresh("msg_01", 22), "type": "message", "role": "assistant", "model": body["model"], "content": content}
    whole.update(stop_reason="tool_use" if given.calls else "end_turn", stop_sequence=None)
    whole["usage"] = {**usage, "output_tokens": said, "service_tier": "standard"}
    if not body.get("stream"):
        return whole
    out = []

    def event(kind, **fields):
        out.append(f"event: {kind}\ndata: {compact({'type': kind, **fields})}\n\n")

    begun = {**whole, "content": [], "stop_reason": None, "usage": {**whole["usage"], "output_tokens": 1}}
    event("message_start", message=begun)
    for index, part in enumerate(content):
        if part["type"] == "text":
            event("content_block_start", index=index, content_block={"type": "text", "text": ""})
            deltas = [{"type": "text_delta", "text": piece} for piece in pieces(part["text"], 12)]
        elif part["type"] == "thinking":
            event("content_block_start", index=index, content_block={"type": "thinking", "thinking": "", "signature": ""})
            deltas = [{"type": "thinking_delta", "thinking": piece} for piece in pieces(part["thinking"], 12)]
            deltas.append({"type": "signature_delta", "signature": part["signature"]})
        else:
            event("content_block_start", index=index, content_block={**part, "input": {}})
            raw = json.dumps(part["input"])
            deltas = [{"type": "input_json_delta", "partial_json": piece} for piece in ["", *pieces(raw, 7)]]
        if index == 0:
            event("ping")
        for delta in deltas:
            event("content_block_delta", index=index, delta=delta)
        event("content_block_stop", index=index)
    ended = {"stop_reason": whole["stop_reason"], "stop_sequence": None}
    event("message_delta", delta=ended, usage={**usage, "output_tokens": said})
    event("message_stop")
    return out


# --- embeddings and files --------------------------------------------------------------------------------------------


def vector(text, dimensions):
    """Texts that share words lie close together."""
    out = [0.0] * dimensions
    for word in re.findall(r"\w+", str(text).lower()):
        draw = number(word)
        out[draw % dimensions] += 1.0
        out[draw // 4096 % dimensions] += 0.5
    length = sum(x * x for x in out) ** 0.5 or 1.0
    return [round(x / length, 6) for x in out]


def embeddings(body, mistral):
    texts = body["input"]
    texts = [texts] if isinstance(texts, str) or (texts and isinstance(texts[0], int)) else texts
    data = []
    for index, text in enumerate(texts):
        found = vector(text, body.get("dimensions") or 48)
        if body.get("encoding_format") == "base64":
            found = base64.b64encode(struct.pack(f"<{len(found)}f", *found)).decode()
        data.append({"object": "embedding", "index": index, "embedding": found})
    count = tokens(*map(str, texts))
    out = {"object": "list", "data": data, "model": body["model"], "usage": {"prompt_tokens": count, "total_tokens": count}}
    return {"id": secrets.token_hex(16), **out} if mistral else out


def upload(content_type, raw):
    boundary = re.search(r'boundary="?([^";]+)', content_type or "")
    if not boundary:
        raise Refused("Invalid multipart form")
    name, size, purpose = "", 0, ""
    for part in raw.split(b"--" + boundary[1].encode()):
        head, _, data = part.partition(b"\r\n\r\n")
        if b'name="file"' in head:
            name, size = re.search(rb'filename="([^"]*)"', head)[1].decode(), len(data.removesuffix(b"\r\n"))
        elif b'name="purpose"' in head:
            purpose = data.strip().decode()
    if not name:
        raise Refused("'file' is a required property")
    out = {"id": fresh("file-", 22), "object": "file", "bytes": size, "created_at": int(time.time()), "filename": name}
    return {**out, "purpose": purpose, "status": "processed"}


# --- the server ------------------------------------------------------------------------------------------------------


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def log_message(self, *_):
        pass

    def do_HEAD(self):
        self.respond(200, b"")

    def do_GET(self):
        path = self.path.split("?")[0]
        if path == "/count":
            with self.server.lock:
                return self.respond(200, {"requests": sum(self.server.paths.values()), "paths": self.server.paths})
        if path == "/requests":
            with self.server.lock:
                return self.respond(200, {"requests": self.server.requests})
        if "/conversations/" in path:
            return self.do_POST()
        if path.endswith("/models"):
            return self.respond(200, {"object": "list", "data": [{"id": "scripted", "object": "model", "owned_by": "tests"}]})
        return self.respond(404, {"error": {"message": f"Unknown path {path}", "type": "invalid_request_error"}})

    def body(self):
        if "chunked" not in self.headers.get("Transfer-Encoding", "").lower():
            return self.rfile.read(int(self.headers.get("Content-Length") or 0))
        out = b""
        while size := int(self.rfile.readline().split(b";")[0], 16):
            out += self.rfile.read(size)
            self.rfile.readline()
        self.rfile.readline()
        return out

    def do_DELETE(self):
        self.do_POST()

    def do_POST(self):
        begun, raw, path, options = time.time(), self.body(), self.path.split("?")[0], self.server.options
        with self.server.lock:
            self.server.paths[path] = self.server.paths.get(path, 0) + 1
            nth = sum(self.server.paths.values())
        time.sleep(options.delay * (0.5 + number(raw) % 100 / 100) / 1000)
        anthropic = path.endswith("/messages")
        try:
            if nth in options.fail:
                raise Refused("The scripted failure", options.fail[nth])
            if not (self.headers.get("Authorization") or self.headers.get("x-api-key")):
                raise Refused("You didn't provide an API key", 401)
            status, given = 200, self.route(path, raw, options)
        except Refused as refused:
            status, kind = refused.status, "overloaded_error" if refused.status >= 500 else "invalid_request_error"
            given = {"error": {"message": str(refused), "type": kind, "param": None, "code": None}}
            given = {"type": "error", **given} if anthropic else given
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            status, given = 400, {"error": {"message": f"malformed request: {error!r}", "type": "invalid_request_error"}}
        with self.server.lock:
            entry = {"path": self.path, "method": self.command, "status": status, "body": raw.decode("utf-8", "replace")}
            self.server.requests.append(entry)
        if options.log:
            entry = {"t0": begun, "path": self.path, "agent": self.headers.get("User-Agent"), "status": status}
            entry.update(request=raw.decode("utf-8", "replace"), response="".join(given) if isinstance(given, list) else compact(given))
            with self.server.lock, open(options.log, "a") as log:
                log.write(compact(entry) + "\n")
        self.respond(status, given)

    def route(self, path, raw, options):
        mistral = path.startswith("/mistral/")
        if path.endswith("/files"):
            return upload(self.headers.get("Content-Type"), raw)
        body = json.loads(raw or b"{}")
        if path.endswith("/chat/completions"):
            return chat(body, options, mistral)
        if path.endswith("/responses"):
            with self.server.lock:
                return responses(body, options, self.server.memory)
        if mistral and path.endswith("/agents"):
            return agents(body, self.server.memory)
        if mistral and "/conversations" in path and self.command == "POST":
            return converse(path, body, options, self.server.memory)
        if "/conversations" in path:
            return conversations(self.command, path, body, self.path.partition("?")[2], self.server.memory)
        if path.endswith("/messages"):
            return messages(body, options)
        if path.endswith("/embeddings"):
            return embeddings(body, mistral)
        raise Refused(f"Unknown path {path}", 404)

    def respond(self, status, given):
        streamed = isinstance(given, list)
        self.send_response(status)
        self.send_header("x-request-id", "req_" + secrets.token_hex(16))
        if status == 429:
            self.send_header("retry-after-ms", "20")
        if not streamed:
            data = given if isinstance(given, bytes) else compact(given).encode()
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            return self.wfile.write(data)
        self.send_header("Content-Type", "text/event-stream; charset=utf-8")
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        for piece in given:
            data = piece.encode()
            self.wfile.write(b"%x\r\n%s\r\n" % (len(data), data))
            self.wfile.flush()
            time.sleep(self.server.options.delay / 100 / 1000)
        return self.wfile.write(b"0\r\n\r\n")


class Server(http.server.ThreadingHTTPServer):
    request_queue_size = 128
    daemon_threads = True

    def handle_error(self, request, client_address):
        pass  # a client that left


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--rounds", type=int, default=1)
    parser.add_argument("--calls", type=int, default=1)
    parser.add_argument("--prefer", default="")
    parser.add_argument("--delay", type=float, default=20)
    parser.add_argument("--fail", action="append", default=[])
    parser.add_argument("--reasoning", action="store_true")
    parser.add_argument("--vary", action="store_true")
    parser.add_argument("--log")
    options = parser.parse_args()
    options.drafts = Drafts()
    options.prefer = [name for name in options.prefer.split(",") if name]
    options.fail = {int(n): int(status) for n, status in (item.split("=") for item in options.fail)}
    server = Server(("127.0.0.1", options.port), Handler)
    server.options, server.paths, server.requests, server.lock = options, {}, [], threading.Lock()
    server.memory = Memory()
    print(f"http://127.0.0.1:{server.server_port}", flush=True)
    server.serve_forever()


if __name__ == "__main__":
    main()
