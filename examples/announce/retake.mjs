// Tells retake what happens inside this process: tools, retrievals, steps. No dependencies; copy the file.
//
//   const search = announce("retrieval", "search", async (query) => documents);
//   const save = announce("tool", "save", async (text) => "saved");
//
// A replay may answer from the recording instead of running the function. Where `RETAKE_URL` is missing or nobody listens,
// the function runs as if this file were not there.
import { AsyncLocalStorage } from "node:async_hooks";

const parents = new AsyncLocalStorage();

async function post(path, body) {
  if (!process.env.RETAKE_URL) return {};
  try {
    const request = { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify(body) };
    const answer = await fetch(process.env.RETAKE_URL + path, { ...request, signal: AbortSignal.timeout(3000) });
    return answer.ok ? await answer.json().catch(() => ({})) : {};
  } catch {
    return {};
  }
}

export function announce(kind, name, work) {
  const result = kind === "retrieval" ? "documents" : "output";
  return async (...args) => {
    const input = args.length === 1 ? args[0] : args;
    const made = await post("/nodes", { kind, name, input, parent: parents.getStore() });
    if (made.run === false) {
      if (made.error != null) throw new Error(made.error);
      return made[result];
    }
    const end = (body) => (made.id ? post(`/nodes/${made.id}/end`, body) : undefined);
    try {
      const value = await parents.run(made.id ?? parents.getStore(), () => work(...args));
      await end({ [result]: value });
      return value;
    } catch (error) {
      await end({ error: String(error?.message ?? error) });
      throw error;
    }
  };
}
