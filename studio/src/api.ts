// One function for all requests: with the token, and with errors as the server says them.

import type { Problem } from "./messages";

const STORED = "couler-studio-token";

/** An error that the server explains. */
export class Refusal extends Error {
  constructor(
    readonly problem: Problem,
    readonly status: number,
  ) {
    super(problem.message);
  }
}

/** Take the token from the address, and remove it there: addresses are kept and shared. */
export function takeToken(): string {
  const token = new URLSearchParams(location.hash.slice(1)).get("token");
  if (token) {
    sessionStorage.setItem(STORED, token);
    history.replaceState(null, "", location.pathname);
  }
  return token ?? sessionStorage.getItem(STORED) ?? "";
}

export type Ask = <Answer>(path: string, body?: unknown) => Promise<Answer>;

/** Make the function that asks the server. */
export function asker(token: string): Ask {
  return async <Answer>(path: string, body?: unknown): Promise<Answer> => {
    const headers: Record<string, string> = { Authorization: `Bearer ${token}` };
    const init: RequestInit = { headers };
    if (body !== undefined) {
      headers["Content-Type"] = "application/json";
      init.method = "POST";
      init.body = JSON.stringify(body);
    }
    let response: Response;
    try {
      response = await fetch(`/api/${path}`, init);
    } catch {
      throw new Refusal(problem("the studio does not answer", "start `couler studio` again"), 0);
    }
    const answer: unknown = await response.json().catch(() => problem(`status ${response.status}`, ""));
    if (!response.ok) throw new Refusal(answer as Problem, response.status);
    return answer as Answer;
  };
}

export function problem(message: string, hint: string): Problem {
  return { message, hint, file: "", line: 0, action: null };
}
