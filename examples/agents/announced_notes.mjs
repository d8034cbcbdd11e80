// A retriever and a tool with an effect, both announced to retake; the two retrievals run at the same time.
import { appendFileSync, readFileSync } from "node:fs";
import OpenAI from "openai";
import { announce } from "../announce/retake.mjs";

const notes = process.env.NOTES ?? "notes.txt";
const corpus = { nine: "The train leaves at nine.", noon: "Lunch is served at noon.", dusk: "The lamps are lit at dusk." };

const search = announce("retrieval", "search", async (query) =>
  Object.entries(corpus)
    .filter(([, text]) => text.includes(query))
    .map(([id, text]) => ({ id, text, score: 1, metadata: {} })),
);
const save = announce("tool", "save_note", async (text) => {
  appendFileSync(notes, text + "\n");
  return `saved, ${readFileSync(notes, "utf8").trim().split("\n").length} notes now`;
});

const found = await Promise.all([search("train"), search("lamps")]);
const context = found.flat().map((document) => document.text).join(" ");
const answer = await new OpenAI().chat.completions.create({
  model: "gpt-4o-mini",
  messages: [
    { role: "system", content: "You keep notes. " + context },
    { role: "user", content: "What should I remember?" },
  ],
});
console.log("answer:", answer.choices[0].message.content);
console.log("save_note:", await save(answer.choices[0].message.content));
