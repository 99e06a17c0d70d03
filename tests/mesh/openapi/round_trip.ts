// Signs in, registers a sample, reads it back and finds it in the list, by the generated types.
// Takes the URL of a mesh.
import type { components, operations } from "./contract.js";

declare const process: { argv: string[] };

type Schemas = components["schemas"];
type Query = NonNullable<operations["SampleService_ListSamples"]["parameters"]["query"]>;

const url = process.argv[2];

async function call<Answer>(method: string, path: string, token?: string, body?: unknown): Promise<Answer> {
  const headers: Record<string, string> = { "content-type": "application/json" };
  if (token !== undefined) headers["authorization"] = `Bearer ${token}`;
  const answer = await fetch(url + path, { method, headers, body: JSON.stringify(body) });
  const told = await answer.json();
  if (!answer.ok) throw new Error((told as Schemas["Problem"]).detail);
  return told as Answer;
}

function expect(holds: boolean, what: unknown): void {
  if (!holds) throw new Error(`unexpected: ${JSON.stringify(what)}`);
}

const credentials: Schemas["SignInRequest"] = { username: "engineer@demo.lab", password: "eng123" };
const { access_token: token } = await call<Schemas["TokenPair"]>("POST", "/auth/login", undefined, credentials);

const input: Schemas["SampleInput"] = { name: "by TypeScript", lot_code: "L-2", dimensions: { thickness_um: 525 } };
const made = await call<Schemas["Sample"]>("POST", "/api/lims/samples", token, input);
const location: string | null = made.location;
expect(made.name === input.name && location === null, made);

const read = await call<Schemas["Sample"]>("GET", `/api/lims/samples/${made.id}`, token);
expect(JSON.stringify(read) === JSON.stringify(made), read);

const query: Query = { lot_code: "L-2", limit: 10 };
const asked = new URLSearchParams(Object.entries(query).map(([name, value]) => [name, String(value)]));
const page = await call<Schemas["ListSamplesResponse"]>("GET", `/api/lims/samples?${asked}`, token);
expect(page.items.length === 1 && page.items[0].id === made.id && page.pagination?.next_page_token === null, page);

const me = await call<Schemas["Me"]>("GET", "/auth/me", token);
const role: Schemas["UserRole"] = me.role;
expect(role === "engineer", me);
