"""CrewAI: a researcher with a tool and a writer, one after the other."""
from crewai import LLM, Agent, Crew, Task
from crewai.tools import tool


@tool("visitors")
def visitors(city: str) -> str:
    """Number of visitors of a city in a year."""
    return f"{city}: {sum(map(ord, city)) * 1000}"


model = LLM(model="openai/gpt-4o-mini", temperature=0)
researcher = Agent(role="Researcher", goal="Find numbers", backstory="You count.", tools=[visitors], llm=model)
writer = Agent(role="Writer", goal="Write short reports", backstory="You write.", llm=model)
find = Task(description="Find the visitors of a city.", expected_output="One number", agent=researcher)
write = Task(description="Write a report on it.", expected_output="One paragraph", agent=writer, context=[find])
print("report:", Crew(agents=[researcher, writer], tasks=[find, write]).kickoff().raw)
