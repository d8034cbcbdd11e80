"""smolagents: an agent that calls a tool and ends with `final_answer`."""
from smolagents import OpenAIModel, ToolCallingAgent, tool


@tool
def travel_time(city: str) -> str:
    """Travel time by train from Paris.

    Args:
        city: The city to travel to.
    """
    return f"{city}: {100 + sum(map(ord, city)) % 90} minutes"


agent = ToolCallingAgent(tools=[travel_time], model=OpenAIModel(model_id="gpt-4o-mini"), max_steps=4, verbosity_level=0)
print("answer:", agent.run("How long is the train from Paris to the sea?"))
