"""The checks: which program, against which provider, and what is changed on replay."""
from dataclasses import dataclass


@dataclass
class Check:
    """One program that is recorded, replayed, and replayed with a changed system prompt.

    In `command`, `{python}` is the kit's interpreter, `{agents}` the folder of the example agents and `{sdk}` the source
    distribution of OpenAI's Agents SDK.
    """

    name: str
    framework: str
    kit: str
    command: str
    models: int  # model calls that must be seen
    requests: int  # requests that must reach the provider
    provider: str = ""
    folder: str = "."
    stdin: str = ""
    tools: int = 0  # tool nodes that must be seen, at least
    change: int | None = 1  # whose system prompt is changed, counted over the model calls, -1 for the last
    reverts: bool = False  # the old system prompt may be heard too, as other conversations keep it
    own: str = ""  # lines the program prints itself and that differ between two runs, as a pattern
    held: bool = False  # a tool or the clock answers differently in a replay
    retrievals: int = 0  # retrievals that must be seen
    effect: str = ""  # a file the program appends to, in its own folder: a replay must leave it alone
    twins: bool = False  # equal requests are in flight together and answered differently: nothing tells which is which
    silent: bool = False  # the system prompt does not reach what the program prints
    real: bool = True  # makes sense with a real model
    runner: str = ""  # the command that tests the program's workflow with a test runner, in a copy of examples/testing
    edit: tuple = ()  # for each further replay the model call, and what of its answer is changed: the provider never saw that


CHECKS = [
    Check("openai-chat", "OpenAI SDK, Python", "python", "{python} {agents}/openai_chat.py", 2, 3),
    Check(
        "openai-tools", "OpenAI SDK, Python", "python", "{python} {agents}/openai_tools.py", 3, 3,
        provider="--rounds 2", tools=2,
    ),
    Check(
        "openai-tools-stream", "OpenAI SDK, Python", "python", "{python} {agents}/openai_tools.py stream", 2, 2,
        provider="--calls 2", tools=2,
    ),
    Check(
        "openai-parallel", "OpenAI SDK, Python", "python", "{python} {agents}/openai_parallel.py", 7, 7,
        provider="--calls 2", tools=6, change=2, reverts=True,
    ),
    Check("openai-upload", "OpenAI SDK, Python", "python", "{python} {agents}/openai_upload.py", 1, 2, real=False),
    Check("openai-clock", "OpenAI SDK, Python", "python", "{python} {agents}/openai_clock.py", 2, 2, tools=1, held=True),
    Check(
        "openai-retry", "OpenAI SDK, Python", "python", "{python} {agents}/openai_tools.py", 2, 4,
        provider="--fail 1=429 --fail 3=500", tools=1, real=False,
    ),
    Check(
        "anthropic-tools", "Anthropic SDK, Python", "python", "{python} {agents}/anthropic_tools.py", 2, 2,
        provider="--calls 2", tools=2, real=False,
    ),
    Check(
        "anthropic-thinking", "Anthropic SDK, Python", "python", "{python} {agents}/anthropic_tools.py thinking", 3, 3,
        provider="--reasoning --rounds 2", tools=2, real=False,
    ),
    Check("mistral-tools", "Mistral SDK, Python", "python", "{python} {agents}/mistral_tools.py", 2, 3, tools=1, real=False),
    Check(
        "openai-previous", "OpenAI SDK, Python", "python", "{python} {agents}/openai_state.py previous", 6, 6, tools=3,
        edit=((2, "answer={new}"), (1, "tool_calls[0].arguments.article=lamp"), (4, "answer={new}")), real=False,
    ),
    Check(
        "openai-previous-reasoning", "OpenAI SDK, Python", "python", "{python} {agents}/openai_state.py previous stream", 6, 6,
        provider="--reasoning", tools=3, edit=((2, "answer={new}"), (4, "answer={new}")), real=False,
    ),
    Check(
        "openai-conversation", "OpenAI SDK, Python", "python", "{python} {agents}/openai_state.py conversation", 6, 7, tools=3,
        edit=((2, "answer={new}"), (1, "tool_calls[0].arguments.article=lamp"), (4, "answer={new}")), real=False,
    ),
    Check(
        "openai-reference", "OpenAI SDK, Python", "python", "{python} {agents}/openai_state.py reference", 6, 6, tools=3,
        edit=((2, "answer={new}"), (4, "answer={new}")), real=False,
    ),
    Check(
        "mistral-conversation", "Mistral SDK, Python", "python", "{python} {agents}/mistral_conversation.py branch", 6, 6, tools=3,
        edit=((2, "answer={new}"), (1, "tool_calls[0].arguments.city=Bergen"), (3, "tool_calls[0].arguments.city=Bergen")),
        real=False,
    ),
    Check(
        "mistral-agent", "Mistral SDK, Python", "python", "{python} {agents}/mistral_conversation.py agent", 4, 5, tools=2,
        change=None, edit=((2, "answer={new}"),), real=False,
    ),
    Check(
        "agents-previous", "OpenAI Agents SDK", "python", "{python} {agents}/openai_agents_state.py", 4, 4, tools=2,
        edit=((2, "answer={new}"), (1, "tool_calls[0].arguments.article=chair")), real=False,
    ),
    Check(
        "agents-session", "OpenAI Agents SDK", "python", "{python} {agents}/openai_agents_state.py session", 4, 13, tools=2,
        change=None, real=False,
    ),
    Check("openai-node", "OpenAI SDK, Node", "node", "node agents/openai_chat.mjs", 3, 3, tools=1, change=2, reverts=True),
    Check(
        "agents-customer-service", "OpenAI Agents SDK", "python", "{python} -m examples.customer_service.main", 3, 3,
        provider="--rounds 2 --prefer faq_lookup_tool,transfer_to_faq_agent", folder="{sdk}", tools=1, change=2,
    ),
    Check(
        "agents-reasoning", "OpenAI Agents SDK", "python", "{python} -m examples.customer_service.main", 3, 3,
        provider="--reasoning --rounds 2 --prefer faq_lookup_tool,transfer_to_faq_agent", folder="{sdk}", tools=1,
        change=2, real=False,
    ),
    Check(
        "agents-as-tools", "OpenAI Agents SDK", "python", "{python} -m examples.agent_patterns.agents_as_tools", 5, 5,
        provider="--calls 2", folder="{sdk}", tools=2, reverts=True,
    ),
    Check(
        "agents-stream", "OpenAI Agents SDK", "python", "{python} -m examples.basic.stream_items", 2, 2,
        folder="{sdk}", tools=1, own="-- Tool output: .*",
    ),
    Check(
        "agents-node-parallel", "OpenAI Agents SDK, Node", "node", "node_modules/.bin/tsx agents/openai_agents_parallel.mts",
        4, 4, provider="--vary", stdin="Good morning\n", change=2, reverts=True, twins=True,
    ),
    Check(
        "pydantic-ai", "Pydantic AI", "python", "{python} -m pydantic_ai_examples.bank_support", 4, 4,
        provider="--prefer customer_balance", tools=2, reverts=True, silent=True,
    ),
    Check(
        "langgraph-fanout", "LangGraph", "python", "{python} {agents}/langgraph_fanout.py", 6, 6,
        change=3, reverts=True,
    ),
    Check(
        "langgraph-twins", "LangGraph", "python", "{python} {agents}/langgraph_fanout.py", 6, 6,
        provider="--vary", change=3, reverts=True, twins=True,
    ),
    Check(
        "langgraph-supervisor", "LangGraph", "python", "{python} {agents}/langgraph_supervise.py", 4, 4,
        provider="--rounds 2 --prefer transfer_to_research_expert,head_count", tools=1, change=2, reverts=True,
    ),
    Check("announced-rag", "announced", "python", "{python} {agents}/announced_rag.py", 1, 1, retrievals=1),
    Check(
        "announced-notes", "announced", "python", "{python} {agents}/announced_notes.py", 2, 2, tools=1,
        effect="notes.txt",
    ),
    Check(
        "announced-notes-node", "announced, Node", "node", "node agents/announced_notes.mjs", 1, 1, tools=1, retrievals=2,
        effect="notes.txt",
    ),
    Check("vercel", "Vercel AI SDK", "node", "node agents/vercel_tools.mjs", 2, 2, tools=1),
    Check("smolagents", "smolagents", "frameworks", "{python} {agents}/smolagents_tools.py", 2, 2, tools=1, silent=True),
    Check("llamaindex", "LlamaIndex", "frameworks", "{python} {agents}/llamaindex_tools.py", 2, 2, tools=1),
    Check("autogen", "AutoGen", "frameworks", "{python} {agents}/autogen_team.py", 4, 4, tools=2, change=-1, reverts=True),
    Check("crewai", "CrewAI", "crewai", "{python} {agents}/crewai_report.py", 3, 3, tools=1, change=-1, reverts=True),
    Check(
        "pytest", "pytest", "pytest", "python3 agent.py", 2, 2, tools=1, real=False,
        runner="{kit}/bin/pytest -q -p no:cacheprovider test_agent.py",
    ),
    Check(
        "vitest", "Vitest", "vitest", "python3 agent.py", 2, 2, tools=1, real=False,
        runner="{kit}/node_modules/.bin/vitest run agent.test.ts",
    ),
]  # fmt: skip
