"""AutoGen: two agents take turns, the first with a tool."""
import asyncio

from autogen_agentchat.agents import AssistantAgent
from autogen_agentchat.conditions import MaxMessageTermination
from autogen_agentchat.teams import RoundRobinGroupChat
from autogen_ext.models.openai import OpenAIChatCompletionClient


async def rainfall(city: str) -> str:
    """Rainfall of a city in millimetres a year."""
    return f"{city}: {500 + sum(map(ord, city)) % 500} mm"


async def main():
    model = OpenAIChatCompletionClient(model="gpt-4o-mini")
    writer = AssistantAgent("writer", model, tools=[rainfall], system_message="You write about climate.")
    critic = AssistantAgent("critic", model, system_message="You criticise in one sentence.")
    team = RoundRobinGroupChat([writer, critic], termination_condition=MaxMessageTermination(5))
    result = await team.run(task="Write about the rain of a city.")
    for message in result.messages:
        print(f"{message.source}: {message.to_text() if message.type != 'ToolCallRequestEvent' else message.content[0].name}")
    await model.close()


asyncio.run(main())
