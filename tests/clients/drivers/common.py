"""What the exercises in Python share."""

import datetime
import json
import sys
import time

TYPES = ("int4", "int8", "numeric", "float8", "bool", "text", "empty text", "null", "bytea", "timestamptz", "int array",
         "text array", "json")
UNICODE = "naïve ✓ 𝄞 'single' \"double\" \\ back"
TABLES = ("SELECT string_agg(table_name, ' ' ORDER BY table_name) FROM information_schema.tables "
          "WHERE table_schema = 'public'")
MOMENT = datetime.datetime(2024, 2, 29, 12, 34, 56, 789000, datetime.timezone.utc)


def text(value):
    """As the server writes it."""
    if value is None:
        return "NULL"
    if isinstance(value, bool):
        return "t" if value else "f"
    if isinstance(value, (bytes, memoryview)):
        return "\\x" + bytes(value).hex()
    if isinstance(value, datetime.datetime):
        return value.astimezone(datetime.timezone.utc).isoformat(" ", "milliseconds").replace("+00:00", "+00")
    if isinstance(value, list):
        return "{" + ",".join(map(text, value)) + "}"
    if isinstance(value, dict):
        return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    return str(value)


def step(name, *values):
    print(f"{name}:", " ".join(map(text, values)).replace("\n", "\\n"), flush=True)


def refusal(error):
    """Why the server refused a login, without what a driver says of the address."""
    return str(error).split("FATAL: ")[-1].strip()


def let_cancel_pass():
    """PostgreSQL signals twice: the second signal must not meet the next statement."""
    time.sleep(0.3)


def main(exercise, denied):
    {"exercise": exercise, "denied": denied}[sys.argv[1]]()
