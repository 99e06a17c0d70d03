// Shows /openapi.json: operations by tag, each opened on demand.
import { element, fields, prose, shape } from "/docs/schema.js";

const VERBS = ["get", "post", "put", "patch", "delete"];
const state = document.getElementById("state");

/** Every operation, with its path and verb. */
function operations(contract) {
  return Object.entries(contract.paths).flatMap(([path, item]) =>
    VERBS.filter((verb) => item[verb]).map((verb) => ({ path, verb, ...item[verb] })));
}

/** What a reference leads to; anything else is itself. */
function follow(contract, what) {
  return what.$ref ? what.$ref.split("/").slice(1).reduce((at, name) => at[name], contract) : what;
}

/** What an operation does in short: `GetRun` of its id becomes `Get run`. */
function called({ operationId }) {
  const words = operationId.split("_")[1].replace(/(?<=[a-z])(?=[A-Z])/g, " ").toLowerCase();
  return words.charAt(0).toUpperCase() + words.slice(1);
}

function badge(kind, text, title) {
  return element("span", { class: `badge ${kind}`, title }, text);
}

/** A path whose parameters stand out, and which may break after each slash. */
function spelled(path) {
  const parts = path.split(/(\{[^}]+\}|\/)/).filter(Boolean);
  return element("code", { class: "path" }, ...parts.flatMap((part) => {
    if (part === "/") return [part, element("wbr")];
    return part.startsWith("{") ? [element("var", {}, part)] : [part];
  }));
}

function block(title, ...content) {
  return element("section", { class: "block" }, element("h4", {}, title), ...content);
}

/** The parameters in one place, as the fields of an object are shown. */
function parameters(contract, operation, place, title) {
  const all = (operation.parameters ?? []).map((parameter) => follow(contract, parameter));
  const here = all.filter((parameter) => parameter.in === place);
  if (here.length === 0) return [];
  const schema = {
    properties: Object.fromEntries(here.map(({ name, schema, description }) => [name, { ...schema, description }])),
    required: here.filter((parameter) => parameter.required).map((parameter) => parameter.name),
  };
  return [block(title, fields(contract, schema))];
}

function body(contract, operation) {
  return Object.entries(operation.requestBody?.content ?? {}).map(([kind, { schema }]) =>
    block("Body", element("p", { class: "note" }, element("code", {}, kind), operation.requestBody.required ? "" : ", may be left out"),
      shape(contract, schema, true)));
}

function answer(contract, status, response) {
  const content = Object.entries(response.content ?? {});
  const headers = Object.keys(response.headers ?? {}).filter((name) => name !== "X-Request-Id");
  const told = [
    ...headers.flatMap((name) => [" ", element("code", { class: "header" }, name)]),
    ...content.flatMap(([kind]) => [" ", element("code", { class: "kind" }, kind)]),
  ];
  return element("div", { class: "answer" },
    element("p", {}, badge(`status s${status[0]}`, status), " ", ...prose(response.description), ...told),
    ...content.slice(0, 1).map(([, { schema }]) => shape(contract, schema)));
}

function answers(contract, operation) {
  const all = Object.entries(operation.responses).map(([status, response]) => [status, follow(contract, response)]);
  const [good, refused] = [all.filter(([status]) => status < 400), all.filter(([status]) => !(status < 400))];
  const codes = (operation["x-refusals"] ?? []).flatMap((code) => [element("code", {}, code), " "]);
  return [
    block("Answers", ...good.map(([status, response]) => answer(contract, status, response))),
    block("Refusals",
      ...(codes.length ? [element("p", {}, "In particular ", ...codes)] : []),
      element("ul", { class: "refusals" }, ...refused.map(([status, response]) =>
        element("li", {}, badge(`status s${status[0]}`, status), " ", ...prose(response.description)))),
      shape(contract, { $ref: "#/components/schemas/Problem" })),
  ];
}

/** One operation, whose inside is made when it is first opened. */
function entry(contract, operation) {
  const role = operation["x-required-role"];
  const open = operation.security?.length === 0;
  const entry = element("details", { id: operation.operationId, class: "operation" },
    element("summary", {},
      badge(`verb ${operation.verb}`, operation.verb),
      spelled(operation.path),
      element("span", { class: "what" }, operation.summary),
      open ? badge("open", "public", "Anyone may call") : badge(`role ${role}`, role, `Needs the role ${role} or a higher one`)));
  entry.addEventListener("toggle", () => {
    if (entry.childElementCount > 1) return;
    entry.append(element("div", { class: "inside" },
      ...prose(operation.description),
      element("p", { class: "traits" },
        element("code", {}, operation.operationId),
        ...(operation["x-required-scope"] ? ["scope ", element("code", {}, operation["x-required-scope"])] : []),
        ...(operation["x-idempotent"] ? [badge("trait", "idempotent with a key")] : [])),
      ...parameters(contract, operation, "path", "In the path"),
      ...parameters(contract, operation, "query", "In the query"),
      ...body(contract, operation),
      ...answers(contract, operation),
      ...parameters(contract, operation, "header", "Headers")));
  });
  return entry;
}

/** The words of a text, each after a space. */
function spaced(text) {
  return text.toLowerCase().replace(/[^a-z0-9]+/g, " ");
}

/** Shows what the words of the query all begin a word of, and hides the rest. */
function search(entries, groups, query) {
  const words = spaced(query).split(" ").filter(Boolean);
  let shown = 0;
  for (const { text, places } of entries) {
    const fits = words.every((word) => text.includes(` ${word}`));
    places.forEach((place) => { place.hidden = !fits; });
    shown += fits ? 1 : 0;
  }
  for (const group of groups) group.hidden = !group.querySelector("[data-entry]:not([hidden])");
  state.textContent = shown === 0 ? "Nothing fits." : words.length ? `${shown} of ${entries.length} operations` : "";
}

function open() {
  const target = document.getElementById(decodeURIComponent(location.hash.slice(1)));
  if (!(target instanceof HTMLDetailsElement)) return;
  target.open = true;
  target.scrollIntoView({ behavior: "instant" });
}

function show(contract) {
  const main = document.getElementById("operations");
  const [entries, groups, all] = [[], [], operations(contract)];
  document.title = `${contract.info.title} API`;
  document.getElementById("title").replaceChildren(contract.info.title, " ", element("small", {}, contract.info.version));
  main.append(element("div", { class: "about" }, ...prose(contract.info.description)));
  for (const { name, description } of contract.tags) {
    const title = name.replace(/Service$/, "").replace(/(?<=[a-z])(?=[A-Z])/g, " ");
    const section = element("section", { class: "tag" }, element("h2", { id: name }, title), ...prose(description ?? ""));
    const list = element("ul");
    for (const operation of all.filter(({ tags }) => tags.includes(name))) {
      const shown = entry(contract, operation);
      const link = element("li", {}, element("a", { href: `#${operation.operationId}` },
        badge(`verb ${operation.verb}`, operation.verb), called(operation)));
      for (const place of [shown, link]) place.dataset.entry = "";
      const { verb, path, summary, operationId, "x-required-role": role } = operation;
      const text = ` ${spaced([verb, path, called(operation), operationId, summary, role ?? "public"].join(" "))}`;
      entries.push({ text, places: [shown, link] });
      section.append(shown);
      list.append(link);
    }
    const index = element("section", {}, element("h3", {}, element("a", { href: `#${name}` }, title)), list);
    main.append(section);
    document.getElementById("contents").append(index);
    groups.push(section, index);
  }
  const query = document.getElementById("query");
  query.addEventListener("input", () => search(entries, groups, query.value));
  addEventListener("keydown", (event) => {
    if (event.key !== "/" || event.target === query) return;
    event.preventDefault();
    query.focus();
  });
  addEventListener("hashchange", open);
  search(entries, groups, "");
  open();
}

try {
  const answer = await fetch("/openapi.json");
  if (!answer.ok) throw new Error(`/openapi.json answered ${answer.status}`);
  show(await answer.json());
} catch (fault) {
  state.textContent = `The contract cannot be shown: ${fault.message}`;
}
