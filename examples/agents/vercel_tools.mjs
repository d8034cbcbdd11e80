// Vercel's AI SDK: a streamed answer with a tool.
import { openai } from "@ai-sdk/openai";
import { stepCountIs, streamText, tool } from "ai";
import { z } from "zod";

const result = streamText({
  model: openai.chat("gpt-4o-mini"),
  system: "You are a cook. Use the tools before you answer.",
  prompt: "What can I cook for guests?",
  stopWhen: stepCountIs(4),
  tools: {
    pantry: tool({
      description: "What is in the pantry of a city's house",
      inputSchema: z.object({ city: z.string() }),
      execute: async ({ city }) => `${city}: flour, eggs, ${city.length} apples`,
    }),
  },
});
for await (const piece of result.textStream) process.stdout.write(piece);
process.stdout.write("\n");
