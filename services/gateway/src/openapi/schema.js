// Schemas, as lists of fields that open one another.

/** An element with attributes, of which those without a value are left out, and children. */
export function element(name, attributes = {}, ...children) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) if (value !== undefined) made.setAttribute(key, value);
  made.append(...children);
  return made;
}

/** The little Markdown that comments have: paragraphs, lists and code. */
export function prose(text) {
  return text.split("\n\n").filter(Boolean).map((paragraph) => {
    const lines = paragraph.split("\n");
    if (!lines.every((line) => line.startsWith("- "))) return element("p", {}, ...marked(paragraph));
    return element("ul", {}, ...lines.map((line) => element("li", {}, ...marked(line.slice(2)))));
  });
}

function marked(text) {
  return text.split(/`([^`]+)`/).map((part, index) => (index % 2 ? element("code", {}, part) : part));
}

const named = ({ $ref }) => $ref.split("/").pop();

/** The schemas that a value may have, but for null. */
function choices(schema) {
  return (schema.anyOf ?? [schema]).filter(({ type }) => type !== "null");
}

/** The type in words. */
function words(schema) {
  if (schema.anyOf) return choices(schema).map(words).join(" or ");
  if (schema.$ref) return named(schema);
  if (schema.enum) return schema.enum.join(" or ");
  const kind = [schema.type ?? "any"].flat().find((kind) => kind !== "null");
  if (kind === "array") return `list of ${words(schema.items)}`;
  if (kind === "object" && schema.additionalProperties?.type) return `map of ${words(schema.additionalProperties)}`;
  return schema.format && kind === "string" ? schema.format : kind;
}

/** What else a value must be, in short. */
function limits(schema) {
  const range = (least, most, unit) => {
    const [low, high] = [schema[least], schema[most]];
    if (low === undefined && high === undefined) return [];
    if (low === undefined) return [`at most ${high}${unit}`];
    return [high === undefined ? `at least ${low}${unit}` : `${low} to ${high}${unit}`];
  };
  return [
    ...range("minLength", "maxLength", " characters"),
    ...range("minimum", "maximum", ""),
    ...range("minItems", "maxItems", " items"),
    ...range("minProperties", "maxProperties", " entries"),
    ...(schema.exclusiveMinimum === undefined ? [] : [`more than ${schema.exclusiveMinimum}`]),
    ...(schema.exclusiveMaximum === undefined ? [] : [`less than ${schema.exclusiveMaximum}`]),
    ...(schema.pattern === "\\S" ? ["not blank"] : schema.pattern ? [`matches ${schema.pattern}`] : []),
    ...(schema.uniqueItems ? ["no two alike"] : []),
  ];
}

/** Whether a value may be null. */
function isNullable(schema) {
  return [schema, ...(schema.anyOf ?? [])].some(({ type }) => [type].flat().includes("null"));
}

/** The named schema within, to be opened: a field's own, or that of its items. */
function within(schema) {
  return choices(schema).map((choice) => choice.items ?? choice).find(({ $ref }) => $ref);
}

/** The fields of an object. */
export function fields(contract, schema) {
  const required = new Set(schema.required ?? []);
  const all = Object.entries(schema.properties ?? {});
  if (all.length === 0) return element("p", { class: "note" }, "No fields.");
  // In an answer every field is there, and saying so of each tells nothing.
  const every = required.size === all.length && all.length > 1;
  return element("dl", { class: "fields" }, ...all.flatMap(([name, field]) => [
    element("dt", {}, element("code", {}, name),
      ...(required.has(name) && !every ? [element("span", { class: "required" }, "required")] : [])),
    element("dd", {},
      element("p", { class: "type" }, [words(field), ...limits(field), ...(isNullable(field) ? ["or null"] : [])].join(", "),
        ...(field.readOnly ? [element("span", { class: "sealed" }, "set by the server")] : [])),
      ...prose(field.description ?? ""),
      ...(within(field) ? [shape(contract, within(field))] : [])),
  ]));
}

/** A schema: the inside of a named one is made when it is opened, as it may hold itself. */
export function shape(contract, schema, open = false) {
  if (!schema.$ref) return schema.properties ? fields(contract, schema) : element("p", { class: "type" }, words(schema));
  const name = named(schema);
  const target = contract.components.schemas[name];
  const shown = element("details", { class: "schema" }, element("summary", {}, element("code", {}, name)));
  shown.addEventListener("toggle", () => {
    if (shown.childElementCount > 1) return;
    shown.append(...prose(target.description ?? ""), ...(target.properties ? [fields(contract, target)] : []));
  });
  shown.open = open;
  return shown;
}
