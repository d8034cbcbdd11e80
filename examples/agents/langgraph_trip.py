"""LangGraph: a graph that retrieves a page of a guide and plans with it; the planner uses two tools and two agents at once."""
import asyncio
import json
import re
from typing import Literal, TypedDict

from langchain.agents import create_agent
from langchain_openai import ChatOpenAI
from langgraph.graph import END, START, StateGraph

model = ChatOpenAI(model="gpt-4o-mini", temperature=0)
GUIDE = [
    "The ferry leaves Harrow Quay at nine and at two. Bicycles stay ashore in high wind.",
    "The lighthouse on the island is open on Saturday until five, and has 199 steps.",
    "The inn serves soup all day. Its garden is closed in winter.",
]
warden = create_agent(model, name="warden", system_prompt="You know the lighthouse and its rules.")
cook = create_agent(model, name="cook", system_prompt="You know the inn and its kitchen.")


async def get_forecast(day: Literal["Friday", "Saturday", "Sunday"]) -> str:
    """The weather of a day."""
    await asyncio.sleep(0.02)
    return json.dumps({"day": day, "sky": "clear", "wind": 3})


async def get_fares(people: Literal[1, 2, 3, 4, 5, 6, 7, 8, 9]) -> str:
    """What the ferry costs."""
    return json.dumps({"people": people, "euros": 12 * people, "per": "day"})


async def ask_warden(question: Literal["Is it open?", "How many steps are there?"]) -> str:
    """Answers questions about the lighthouse."""
    await asyncio.sleep(0.0)
    return (await warden.ainvoke({"messages": [("user", question)]}))["messages"][-1].text


async def ask_cook(question: Literal["What is there to eat?", "Is the garden open?"]) -> str:
    """Answers questions about food."""
    await asyncio.sleep(0.3)
    return (await cook.ainvoke({"messages": [("user", question)]}))["messages"][-1].text


planner = create_agent(
    model,
    name="planner",
    system_prompt="You plan a day on the island. Use all tools at once.",
    tools=[get_forecast, get_fares, ask_warden, ask_cook],
    middleware=[],
)


class State(TypedDict):
    question: str
    page: str
    plan: str


def retrieve(state):
    """The page of the guide that has most words of the question."""
    words = set(re.findall(r"\w+", state["question"].lower()))
    return {"page": max(GUIDE, key=lambda page: len(words & set(re.findall(r"\w+", page.lower()))))}


async def plan(state):
    messages = [("user", f"The guide says: {state['page']}"), ("user", state["question"])]
    result = await planner.ainvoke({"messages": messages})
    return {"plan": result["messages"][-1].text}


graph = StateGraph(State)
graph.add_node("retrieve", retrieve)
graph.add_node("plan", plan)
graph.add_edge(START, "retrieve")
graph.add_edge("retrieve", "plan")
graph.add_edge("plan", END)


async def main():
    question = "Can two of us see the lighthouse on Saturday, and eat there?"
    result = await graph.compile().ainvoke({"question": question})
    print("plan:", result["plan"])


asyncio.run(main())
