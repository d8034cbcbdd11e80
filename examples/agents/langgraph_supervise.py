"""langgraph-supervisor: a supervisor hands over to two agents with tools of their own."""
from langchain.agents import create_agent
from langchain_openai import ChatOpenAI
from langgraph_supervisor import create_supervisor

model = ChatOpenAI(model="gpt-4o-mini", temperature=0)


def add(a: float, b: float) -> float:
    """Adds two numbers."""
    return a + b


def head_count(city: str) -> str:
    """Number of people who work in a city."""
    return f"{city}: {sum(map(ord, city))}"


maths = create_agent(model, tools=[add], name="maths_expert", system_prompt="You are a maths expert.")
research = create_agent(model, tools=[head_count], name="research_expert", system_prompt="You are a researcher.")
supervisor = create_supervisor(
    [research, maths], model=model, prompt="You are a team supervisor. Hand over to research_expert or maths_expert."
)
result = supervisor.compile().invoke({"messages": [("user", "How many people work in two of the cities together?")]})
for message in result["messages"]:
    print(f"{message.type} {message.name or ''}: {message.text}")
