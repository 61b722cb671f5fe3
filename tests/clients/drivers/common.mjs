// What the exercises in JavaScript share.

export const TYPES = ["int4", "int8", "numeric", "float8", "bool", "text", "empty text", "null", "bytea", "timestamptz",
  "int array", "text array", "json"];
export const TYPES_QUERY = `SELECT $1::int4, $2::int8, $3::numeric, $4::float8, $5::bool, $6::text, $7::text, $8::text,
  $9::bytea, $10::timestamptz, $11::int[], $12::text[], $13::json`;
export const VALUES = [-2147483648, "9223372036854775807", "12345678901234567890.123456789", 0.1, true,
  "naïve ✓ 𝄞 'single' \"double\" \\ back", "", null, Buffer.from("\0\xff\\'", "latin1"),
  new Date("2024-02-29T12:34:56.789Z"), [-1, null, 3], ["a", "ü", null], { a: [1, null, "ü"] }];

export const TABLES = `SELECT string_agg(table_name, ' ' ORDER BY table_name) AS names
  FROM information_schema.tables WHERE table_schema = 'public'`;

// As the server writes it.
function text(value) {
  if (value === null || value === undefined) return "NULL";
  if (typeof value === "boolean") return value ? "t" : "f";
  if (Buffer.isBuffer(value)) return "\\x" + value.toString("hex");
  if (value instanceof Date) return value.toISOString().replace("T", " ").replace("Z", "+00");
  if (Array.isArray(value)) return "{" + value.map(text).join(",") + "}";
  if (typeof value === "object") return JSON.stringify(value);
  return String(value);
}

export function step(name, ...values) {
  console.log(`${name}: ${values.map(text).join(" ").replaceAll("\n", "\\n")}`);
}

// PostgreSQL signals twice: the second signal must not meet the next statement.
export const letCancelPass = () => new Promise((resolve) => setTimeout(resolve, 300));

// The error that `run` throws; it is a failure when there is none.
export async function thrown(run) {
  try {
    await run();
  } catch (error) {
    return error;
  }
  throw new Error(`no error: ${run}`);
}

export async function serverError(name, run) {
  const error = await thrown(run);
  step(name, error.code, error.message);
  return error;
}

// Prints what a user of the driver sees of a denial.
export function showDenial(name, error) {
  step(name, error.message);
  step(`${name} sqlstate`, error.code);
  for (const field of ["detail", "hint", "position"]) step(`${name} ${field}`, error[field]);
}

export function numbers(count, first) {
  return Array.from({ length: count }, (_, index) => first + index);
}

export function sum(values) {
  return values.reduce((total, value) => total + Number(value), 0);
}

export async function main(exercise, denied) {
  await { exercise, denied }[process.argv[2]]();
}
