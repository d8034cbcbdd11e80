"""OpenAI's Agents SDK with the conversation kept by the provider, by the id of the response before or in a session."""
import asyncio
import sys

from agents import Agent, OpenAIConversationsSession, Runner, function_tool


@function_tool
def get_price(article: str) -> str:
    """Price of an article."""
    return f"{len(article) * 100} cents"


async def main():
    clerk = Agent(name="Clerk", instructions="You are a sales clerk.", tools=[get_price], model="gpt-4o-mini")
    session, before = OpenAIConversationsSession() if "session" in sys.argv[1:] else None, None
    for question in ["What does a lamp cost?", "And a chair?"]:
        kept = {"session": session} if session else {"previous_response_id": before, "auto_previous_response_id": True}
        result = await Runner.run(clerk, question, **kept)
        before = result.last_response_id
        print("answer:", result.final_output)


asyncio.run(main())
