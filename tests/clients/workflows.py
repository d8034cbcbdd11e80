"""Agents kept as snapshots: what a developer might break is caught and named, what harms nothing stays green.

Each change is an edit of the agent's own program. A change that breaks something names what the message must say.
"""
import json
import re
import shutil
import subprocess
from dataclasses import dataclass

from case import DEAD, KEYS, ROOT, Case, Provider, ended, need, run, tail


@dataclass
class Edit:
    """What a developer changes in the program, and what `retake test` must say of it; nothing where it is harmless."""

    name: str
    parts: tuple  # (text as it is, text as it becomes)
    says: tuple = ()  # all of these must be in the message


@dataclass
class Workflow:
    """A program that is recorded twice, kept as a snapshot, tested, changed and tested again."""

    name: str
    framework: str
    program: str
    edits: list
    models: int = 4
    provider: str = "--calls 4"
    kit: str = "python"
    command: str = "python agent.py"
    folder: str = "."
    effect: str = ""
    own: str = ""
    real: bool = True
    twins: bool = False


SWAPPED = ("asyncio.sleep(0.0)", "asyncio.sleep(0.31)"), ("asyncio.sleep(0.3)", "asyncio.sleep(0.0)")
INDENTED = ('"per": "day"})', '"per": "day"}, indent=2)'), ('"wind": 3})', '"wind": 3}, separators=(",", ":"))')
REVERSED = (("[get_forecast, get_fares, ask_warden, ask_cook]", "[ask_cook, ask_warden, get_fares, get_forecast]"),)


def regressions(system, user, told):
    """Those that are the same edit in each program. `system`, `user`, `told`: where its requests have these."""
    return [
        Edit(
            "changed prompt", (("You know the inn and its kitchen.", "You know the inn and its cellar."),),
            ("You know the inn and its kitchen.", f"{system}\n", "- You know the inn and its kitchen.", "+ You know the inn and its cellar."),
        ),
        Edit(
            "dropped tool", (("tools=[get_forecast, get_fares,", "tools=[get_forecast,"),),
            ("A1 You plan a day on the island.", "        tools\n", "get_fares"),
        ),
        Edit("another document", (("max(GUIDE", "min(GUIDE"),), ("A1 You plan a day on the island.", f"{told}\n", "serves soup all day")),
        Edit(
            "wrong argument passed on", (('questions about the lighthouse."""\n', 'questions about the lighthouse."""\n    question = question.upper()\n'),),
            ("You know the lighthouse and its", f"{user}\n"),
        ),
        Edit("tool that returns something else", (("12 * people", "13 * people"),), ("A1.2 get_fares", "result.euros\n")),
    ]  # fmt: skip


def harmless(streaming):
    edits = [
        Edit("reordered parallel calls", SWAPPED), Edit("reformatted JSON", INDENTED), Edit("reordered tools", REVERSED),
        Edit("streaming", streaming),
    ]  # fmt: skip
    return [*edits, Edit("all of these", tuple(part for edit in edits for part in edit.parts))]


WORKFLOWS = [
    Workflow(
        "workflow-agents", "OpenAI Agents SDK", "openai_agents_trip.py",
        [
            *regressions("instructions", "input[0].content", "input[0].content"),
            Edit(
                "extra call",
                (('    print("plan:"', '    await Runner.run(warden, "Check this: " + result.final_output)\n    print("plan:"'),),
                ("You know the lighthouse and its", "a further call", "+ Check this:"),
            ),
            Edit(
                "wrong argument",
                (
                    ("from agents import Agent, Runner,", "from agents import Agent, RunConfig, Runner,"),
                    ("async def main():", '''def checked(data):
    """Makes sure that enough tickets are asked for."""
    for item in data.model_data.input:
        if item.get("name") == "get_fares":
            item["arguments"] = json.dumps({"people": json.loads(item["arguments"])["people"] % 9 + 1})
    return data.model_data


async def main():'''),
                    ("{question}\")\n    print", "{question}\", run_config=RunConfig(call_model_input_filter=checked))\n    print"),
                ),
                ("A2 You plan a day on the island.", ".arguments.people\n"),
            ),
            Edit("changed answer", (("result.final_output)", "result.final_output.upper())"),), ("the agent's standard output differs",)),
            *harmless((
                ("result = await Runner.run(planner,", "result = Runner.run_streamed(planner,"), ("    print(\"plan:\"", "    async for _ in result.stream_events():\n        pass\n    print(\"plan:\""),
            )),
        ],
    ),
    Workflow(
        "workflow-langgraph", "LangGraph", "langgraph_trip.py",
        [
            *regressions("messages[0].content", "messages[1].content", "messages[1].content"),
            Edit(
                "extra call",
                (('    return {"plan": result', '    await warden.ainvoke({"messages": [("user", "Check this: " + result["messages"][-1].text)]})\n    return {"plan": result'),),
                ("You know the lighthouse and its", "a further call", "+ Check this:"),
            ),
            Edit(
                "wrong argument",
                (
                    ("from langchain.agents import create_agent", "from langchain.agents import create_agent\nfrom langchain.agents.middleware import after_model"),
                    ("planner = create_agent(", '''@after_model
def checked(state, runtime):
    """Makes sure that enough tickets are asked for."""
    last = state["messages"][-1]
    calls = [{**c, "args": {"people": c["args"]["people"] % 9 + 1}} if c["name"] == "get_fares" else c for c in last.tool_calls]
    return {"messages": [last.model_copy(update={"tool_calls": calls})]}


planner = create_agent('''),
                    ("middleware=[]", "middleware=[checked]"),
                ),
                ("A2 You plan a day on the island.", ".arguments.people\n"),
            ),
            Edit("changed answer", (('result["plan"])', 'result["plan"].upper())'),), ("the agent's standard output differs",)),
            *harmless((("temperature=0)", "temperature=0, streaming=True)"),)),
        ],
    ),
    Workflow(
        "workflow-pydantic-ai", "Pydantic AI", "pydantic_ai_trip.py",
        [
            *regressions("messages[0].content", "messages[1].content", "messages[2].content"),
            Edit(
                "extra call",
                (('    print(f"plan:', '    await warden.run("Check this: " + result.output.advice)\n    print(f"plan:'),),
                ("You know the lighthouse and its", "a further call", "+ Check this:"),
            ),
            Edit(
                "wrong argument",
                (
                    ("from pydantic_ai import Agent, RunContext", "from pydantic_ai import Agent, RunContext\nfrom pydantic_ai.capabilities import ProcessHistory\nfrom pydantic_ai.messages import ToolCallPart"),
                    ("planner = Agent(\n    MODEL,", '''def checked(messages):
    """Makes sure that enough tickets are asked for."""
    for part in [part for message in messages for part in message.parts if isinstance(part, ToolCallPart)]:
        if part.tool_name == "get_fares":
            part.args = json.dumps({"people": part.args_as_dict()["people"] % 9 + 1})
    return messages


planner = Agent(
    MODEL,
    capabilities=[ProcessHistory(checked)],'''),
                ),
                ("A2 You plan a day on the island.", ".arguments.people\n"),
            ),
            Edit("changed answer", (("{result.output.euros} euros", "{result.output.euros + 1} euros"),), ("the agent's standard output differs",)),
            *harmless((
                ("result = await planner.run(trip.question, deps=trip)", "async def watch(context, events):\n        async for _ in events:\n            pass\n\n    result = await planner.run(trip.question, deps=trip, event_stream_handler=watch)"),
            )),
        ],
    ),
]  # fmt: skip


class Kept(Case):
    """A workflow's project: a folder of its own, under git."""

    def __init__(self, check, options):
        super().__init__(check, options)
        self.folder = self.work / "project"
        self.folder.mkdir()
        self.source = (ROOT / "examples" / "agents" / check.program).read_text()
        self.write(self.source)
        self.git("init", "--quiet")

    def environment(self, *more):
        out = super().environment(*more)
        return {**out, "PATH": f"{self.cache / self.check.kit / 'bin'}:{out['PATH']}"}

    def git(self, *arguments):
        named = ["-c", "user.name=tests", "-c", "user.email=tests@localhost"]
        done = subprocess.run(["git", *named, *arguments], cwd=self.folder, capture_output=True, text=True, check=True)
        return done.stdout

    def write(self, program):
        (self.folder / "agent.py").write_text(program)

    def edited(self, edit):
        program = self.source
        for old, new in edit.parts:
            need(program.count(old) == 1, f"{edit.name}: `{old}` is {program.count(old)} times in {self.check.program}")
            program = program.replace(old, new)
        return program

    def test(self, name="trip", folder=None):
        """`retake test` with no key and no way out; with a real model in a network that has nothing but itself."""
        command = [self.options.retake, "test", name]
        if self.options.real:
            command = ["unshare", "--net", "sh", "-c", 'ip link set lo up && exec "$@"', "sh", *command]
        return run(command, cwd=folder or self.folder, env=self.environment(DEAD))


def kept(case, provider, live):
    """Records, keeps and records again; what did not change changes no file."""
    for turn in (1,) if case.options.real else (1, 2):  # a real model does not answer the same twice
        ended(case.retake("record", "--", *case.command, environment=live), "record")
        done = case.retake("snapshot", "--name", "trip", "--yes")
        ended(done, "snapshot")
        if turn == 1:
            graded = case.json("grade")[0]["line"]
            count = len([node for node in case.json("show") if node["type"] == "node"])
            case.git("add", ".")
            case.git("commit", "--quiet", "--message", "keep the trip")
        else:
            changed = case.git("diff", "--stat", "--", ".") + case.git("diff", "--", "*.snap")
            need("says the same already" in done.stderr, f"a second recording changed the snapshot:\n{changed}")
            need(case.git("status", "--porcelain") == "", "a second recording changed files")
    text = (case.folder / "snapshots" / "trip.snap").read_text()
    for what, pattern in [("an id", r"\b(call|resp|msg|chatcmpl|req)[_-]\w{8,}"), ("a uuid", r"[0-9a-f]{8}-[0-9a-f]{4}-")]:
        need(not re.search(pattern, text), f"{what} stands in the snapshot: {re.search(pattern, text)}")
    for path in (case.folder / "snapshots").iterdir():
        for name, key in KEYS.items():
            need(key not in path.read_text(), f"the value of {name} stands in {path.name}")
    return count, graded


def readers(case):
    """Every command that takes a run takes the recording as text."""
    recording = "snapshots/trip.jsonl"
    shown = case.retake("show", recording)
    ended(shown, f"`show {recording}`")
    need("get_fares" in shown.stdout, f"`show {recording}` has no tool:\n{tail(shown.stdout)}")
    ended(case.retake("show", f"{recording}:1"), f"`show {recording}:1`")
    ended(case.retake("diff", recording, "latest"), f"`diff {recording} latest`")
    again = ("replay", recording, "--yes", "--", *case.command)  # it came as a file, so its command is given
    ended(case.retake(*again, environment=case.environment(DEAD)), f"`replay {recording}`")


def moved(case):
    """Another folder, another home: what a colleague's machine has."""
    there = case.work / "elsewhere" / "deep" / "clone"
    there.parent.mkdir(parents=True)
    shutil.copytree(case.folder, there)
    return there


def streamed(case, live):
    """A streamed recording, kept as text, answers the streaming program and the other one."""
    edit = next(edit for edit in case.check.edits if edit.name == "streaming")
    case.write(case.edited(edit))
    ended(case.retake("record", "--", *case.command, environment=live), "record, streaming")
    ended(case.retake("snapshot", "--name", "streamed", "--yes"), "snapshot, streaming")
    text = (case.folder / "snapshots" / "streamed.snap").read_text()
    plain = (case.folder / "snapshots" / "trip.snap").read_text().replace("trip", "streamed", 1)
    need(case.options.real or text == plain, "a streamed recording reads otherwise")
    for program in (case.edited(edit), case.source):
        case.write(program)
        done = case.test("streamed")
        need(done.returncode == 0, f"a streamed recording: exit {done.returncode}\n{tail(done.stdout + done.stderr, 20)}")


def check_workflow(check, options):
    case, wrong = Kept(check, options), []
    with Provider(check, options.real) as provider:
        live = case.environment(KEYS, provider.environment())
        count, graded = kept(case, provider, live)
        before = provider.count()
        readers(case)
        for folder in (case.folder, moved(case)):
            done = case.test(folder=folder)
            if done.returncode:
                wrong.append(f"unchanged, in {folder.name}: exit {done.returncode}\n{tail(done.stdout + done.stderr, 20)}")
        for edit in check.edits:
            case.write(case.edited(edit))
            done = case.test()
            missing = [text for text in edit.says if text not in done.stdout]
            if done.returncode != bool(edit.says) or missing:
                wrong.append(f"{edit.name}: exit {done.returncode}, not said: {missing}\n{tail(done.stdout + done.stderr, 20)}")
            elif options.keep:
                print(f"     {check.name}: {edit.name}\n{tail(done.stdout, 20)}", flush=True)
        need(provider.count() == before, "a test asked the provider")
        streamed(case, live)
    need(not wrong, "\n".join(wrong))
    caught = sum(1 for edit in check.edits if edit.says)
    return count, graded, f"{caught} regressions caught, {len(check.edits) - caught} harmless changes green"
