"""What pgwarden's log accounts for."""

import json

_DENIED, _REPEATED = "statement denied", "decision repeated"
_FURTHER = "further decisions, of too many kinds to record each"
_LEFT_OUT = "records left out: too many a second"


def records(text):
    return [json.loads(line) for line in text.splitlines() if line.startswith("{")]


def decisions(log):
    """How many decisions the records stand for: recorded each, counted, or left out."""
    count = 0
    for record in log:
        if record["message"] == _DENIED:
            count += 1
        elif record["message"] in (_REPEATED, _FURTHER) or (
                record["message"] == _LEFT_OUT and record["of"] in (_DENIED, _REPEATED, _FURTHER)):
            count += record["count"]
    return count
