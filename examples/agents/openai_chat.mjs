// OpenAI's Node SDK: an answer, a tool call, and a streamed answer from its result.
import OpenAI from "openai";

const client = new OpenAI();
const tools = [
  {
    type: "function",
    function: {
      name: "get_distance",
      description: "Distance of a city from Paris",
      parameters: { type: "object", properties: { city: { type: "string" } }, required: ["city"] },
    },
  },
];

const first = await client.responses.create({
  model: "gpt-4o-mini",
  instructions: "You answer in one short sentence.",
  input: "Name a city in France.",
});
console.log("city:", first.output_text);

const messages = [
  { role: "system", content: "You are a travel agent. Use the tools." },
  { role: "user", content: "How far is it from Paris?" },
];
const asked = await client.chat.completions.create({ model: "gpt-4o-mini", messages, tools });
const message = asked.choices[0].message;
messages.push(message);
for (const call of message.tool_calls ?? []) {
  const { city } = JSON.parse(call.function.arguments);
  const content = `${city}: ${100 + city.length * 37} km`;
  console.log(`get_distance(${city}) -> ${content}`);
  messages.push({ role: "tool", tool_call_id: call.id, content });
}
const stream = await client.chat.completions.create({ model: "gpt-4o-mini", messages, tools, stream: true });
process.stdout.write("answer: ");
for await (const chunk of stream) process.stdout.write(chunk.choices[0]?.delta?.content ?? "");
process.stdout.write("\n");
