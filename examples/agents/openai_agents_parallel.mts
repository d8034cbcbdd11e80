// OpenAI's Agents SDK for Node: reads a text from standard input, asks three times the same at once, lets another agent choose.
import { text } from "node:stream/consumers";
import { Agent, run } from "@openai/agents";

const input = (await text(process.stdin)).trim();
const translator = new Agent({ name: "translator", instructions: "You translate the user's message to Spanish" });
const picker = new Agent({ name: "picker", instructions: "You pick the best Spanish translation" });

const drafts = await Promise.all([run(translator, input), run(translator, input), run(translator, input)]);
const translations = drafts.map((draft) => String(draft.finalOutput));
console.log(translations.join("\n"));
const best = await run(picker, `Input: ${input}\n\nTranslations:\n${translations.join("\n")}`);
console.log("best:", best.finalOutput);
