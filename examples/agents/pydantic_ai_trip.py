"""Pydantic AI: a planner with an output type uses two tools and asks two other agents at once, with a page of a guide."""
import asyncio
import json
import re
from dataclasses import dataclass
from datetime import date
from typing import Literal

from pydantic import BaseModel
from pydantic_ai import Agent, RunContext

MODEL = "openai-chat:gpt-4o-mini"
GUIDE = [
    "The ferry leaves Harrow Quay at nine and at two. Bicycles stay ashore in high wind.",
    "The lighthouse on the island is open on Saturday until five, and has 199 steps.",
    "The inn serves soup all day. Its garden is closed in winter.",
]


@dataclass
class Trip:
    question: str


class Plan(BaseModel):
    """What to do, and what it costs."""

    advice: Literal["Go on Saturday.", "Stay at home."]
    euros: int


warden = Agent(MODEL, instructions="You know the lighthouse and its rules.")
cook = Agent(MODEL, instructions="You know the inn and its kitchen.")


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
    return (await warden.run(question)).output


async def ask_cook(question: Literal["What is there to eat?", "Is the garden open?"]) -> str:
    """Answers questions about food."""
    await asyncio.sleep(0.3)
    return (await cook.run(question)).output


planner = Agent(
    MODEL,
    deps_type=Trip,
    output_type=Plan,
    instructions="You plan a day on the island. Use all tools at once.",
    tools=[get_forecast, get_fares, ask_warden, ask_cook],
)


@planner.instructions
def today():
    return f"Today is {date.today():%A, %d %B %Y}."


@planner.instructions
def find(context: RunContext[Trip]):
    """The page of the guide that has most words of the question."""
    words = set(re.findall(r"\w+", context.deps.question.lower()))
    return "The guide says: " + max(GUIDE, key=lambda page: len(words & set(re.findall(r"\w+", page.lower()))))


async def main():
    trip = Trip("Can two of us see the lighthouse on Saturday, and eat there?")
    result = await planner.run(trip.question, deps=trip)
    print(f"plan: {result.output.advice} {result.output.euros} euros")


asyncio.run(main())
