"""LlamaIndex: a function agent with one tool, its answer streamed. Reads OPENAI_API_BASE."""
import asyncio

from llama_index.core.agent.workflow import FunctionAgent
from llama_index.llms.openai import OpenAI


def multiply(a: int, b: int) -> int:
    """Multiplies two numbers."""
    return a * b


async def main():
    agent = FunctionAgent(
        tools=[multiply], llm=OpenAI(model="gpt-4o-mini"), system_prompt="You are a careful accountant."
    )
    print("answer:", await agent.run("What do six boxes of seven lamps hold?"))


asyncio.run(main())
