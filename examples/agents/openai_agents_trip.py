"""OpenAI's Agents SDK: a planner that uses two tools and asks two other agents at once, with a page of a guide in its question."""
import asyncio
import json
import re
import uuid
from datetime import datetime
from typing import Literal

from agents import Agent, Runner, function_tool

MODEL = "gpt-4o-mini"
REQUEST = f"Request {uuid.uuid4()}, {datetime.now():%Y-%m-%d %H:%M:%S}"
GUIDE = [
    "The ferry leaves Harrow Quay at nine and at two. Bicycles stay ashore in high wind.",
    "The lighthouse on the island is open on Saturday until five, and has 199 steps.",
    "The inn serves soup all day. Its garden is closed in winter.",
]


def find(question):
    """The page of the guide that has most words of the question."""
    words = set(re.findall(r"\w+", question.lower()))
    return max(GUIDE, key=lambda page: len(words & set(re.findall(r"\w+", page.lower()))))


warden = Agent(name="Warden", instructions="You know the lighthouse and its rules.", model=MODEL)
cook = Agent(name="Cook", instructions="You know the inn and its kitchen.", model=MODEL)


@function_tool
async def get_forecast(day: Literal["Friday", "Saturday", "Sunday"]) -> str:
    """The weather of a day."""
    await asyncio.sleep(0.02)
    return json.dumps({"day": day, "sky": "clear", "wind": 3})


@function_tool
async def get_fares(people: Literal[1, 2, 3, 4, 5, 6, 7, 8, 9]) -> str:
    """What the ferry costs."""
    return json.dumps({"people": people, "euros": 12 * people, "per": "day"})


@function_tool
async def ask_warden(question: Literal["Is it open?", "How many steps are there?"]) -> str:
    """Answers questions about the lighthouse."""
    await asyncio.sleep(0.0)
    return (await Runner.run(warden, f"{REQUEST}: {question}")).final_output


@function_tool
async def ask_cook(question: Literal["What is there to eat?", "Is the garden open?"]) -> str:
    """Answers questions about food."""
    await asyncio.sleep(0.3)
    return (await Runner.run(cook, f"{REQUEST}: {question}")).final_output


planner = Agent(
    name="Planner",
    instructions="You plan a day on the island. Use all tools at once.",
    tools=[get_forecast, get_fares, ask_warden, ask_cook],
    model=MODEL,
)


async def main():
    question = "Can two of us see the lighthouse on Saturday, and eat there?"
    result = await Runner.run(planner, f"{REQUEST}\n\nThe guide says: {find(question)}\n\n{question}")
    print("plan:", result.final_output)


asyncio.run(main())
