"""LangGraph: a topic is split, each part goes to its own worker at the same time (`Send`), the parts are joined."""
import operator
from typing import Annotated, TypedDict

from langchain_openai import ChatOpenAI
from langgraph.graph import END, START, StateGraph
from langgraph.types import Send

model = ChatOpenAI(model="gpt-4o-mini", temperature=0)


class State(TypedDict):
    topic: str
    parts: list[str]
    drafts: Annotated[list[str], operator.add]
    report: str


def plan(state):
    answer = model.invoke([("system", "You plan reports."), ("user", f"Name the parts of a report on {state['topic']}")])
    return {"parts": ["history", "food", "rivers", "food"], "drafts": [f"plan: {answer.content}"]}


def write(state):
    answer = model.invoke([("system", "You write one paragraph."), ("user", f"Write about the {state['part']} of Lyon")])
    return {"drafts": [f"{state['part']}: {answer.content}"]}


def join(state):
    answer = model.invoke([("system", "You edit reports."), ("user", "Join these:\n" + "\n".join(state["drafts"]))])
    return {"report": answer.content}


graph = StateGraph(State)
graph.add_node("plan", plan)
graph.add_node("write", write)
graph.add_node("join", join)
graph.add_edge(START, "plan")
graph.add_conditional_edges("plan", lambda state: [Send("write", {"part": p}) for p in state["parts"]], ["write"])
graph.add_edge("write", "join")
graph.add_edge("join", END)

result = graph.compile().invoke({"topic": "Lyon", "drafts": []})
print("\n".join(result["drafts"]))
print("report:", result["report"])
