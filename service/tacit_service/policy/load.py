"""A policy file → ``Loaded``, or a ``PolicyError`` that names file, line, path and fix for every problem found.

load_policy(Path("policies/clinic.yaml")).policy.budget.epsilon     # Epsilon('3')
"""

from __future__ import annotations

import difflib
import hashlib
import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ValidationError

from tacit_service.errors import PolicyError
from tacit_service.policy import problems as at
from tacit_service.policy.document import Document, read_document
from tacit_service.policy.model import (
    Budget,
    Column,
    Contribution,
    Group,
    Pace,
    PerQuery,
    Policy,
    PrivacyUnit,
    Table,
)
from tacit_service.policy.networks import RegisteredModel
from tacit_service.policy.problems import Problem, refuse
from tacit_service.policy.rules import check_rules

FILE_BYTES_MAX = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Loaded:
    """A policy and where it came from. ``digest`` names the policy's meaning: comments and layout do not change it.

    ``text`` is the file as it was read, for its owner.
    """

    policy: Policy
    path: Path
    base_dir: Path
    digest: str
    text: str = field(default="", repr=False)


def load_policy(path: Path) -> Loaded:
    """Read, validate and freeze the policy at ``path``; sources are relative to its folder."""
    path = Path(path)
    text = _read(path)
    policy = parse_policy(text, str(path))
    return Loaded(policy, path, path.resolve().parent, policy_digest(policy), text)


def parse_policy(text: str, file: str = "policy") -> Policy:
    """The policy that ``text`` declares; ``file`` is the name that errors show."""
    document = read_document(text, file)
    try:
        policy = Policy.model_validate(document.data)
    except ValidationError as error:
        found = [_problem(document, e) for e in error.errors(include_url=False, include_context=False)]
        raise refuse("policy_invalid", file, _distinct(found)) from None
    policy = _fit_defaults(policy)
    broken = [Problem(document.line(b.path), b.path, b.detail, b.fix) for b in check_rules(policy)]
    if broken:
        raise refuse("policy_invalid", file, broken)
    return policy


def policy_digest(policy: Policy) -> str:
    """SHA-256 of the policy's canonical JSON."""
    body = json.dumps(policy.model_dump(mode="json"), sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(body.encode()).hexdigest()


def _read(path: Path) -> str:
    def fail(code: str, line: int, detail: str, fix: str) -> PolicyError:
        return refuse(code, str(path), [Problem(line, (), detail, fix)])

    try:
        if not path.is_file():
            raise fail("policy_unreadable", 1, "no such file", "Give the path of a policy's YAML file.")
        with path.open("rb") as handle:
            raw = handle.read(FILE_BYTES_MAX + 1)
    except OSError as error:
        reason = error.strerror or "cannot be read"
        raise fail("policy_unreadable", 1, reason, "Check the file's permissions.") from None
    if len(raw) > FILE_BYTES_MAX:
        raise fail("policy_too_large", 1, "larger than 1 MiB", "Declare long key lists as a public table instead.")
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        raise fail("policy_syntax", line, "not UTF-8 text", "Save the file as UTF-8.") from None


def _fit_defaults(policy: Policy) -> Policy:
    """Per-query defaults that the owner did not write shrink to a budget that is smaller than they are."""
    asked, budget = policy.per_query, policy.budget
    fitted: dict[str, Any] = {}
    if "max_epsilon" not in asked.model_fields_set:
        fitted["max_epsilon"] = min(asked.max_epsilon, budget.epsilon)
    if "default_epsilon" not in asked.model_fields_set:
        fitted["default_epsilon"] = min(asked.default_epsilon, fitted.get("max_epsilon", asked.max_epsilon))
    if "default_delta" not in asked.model_fields_set:
        fitted["default_delta"] = min(asked.default_delta, budget.delta)
    return policy.model_copy(update={"per_query": asked.model_copy(update=fitted)}) if fitted else policy


# -- pydantic's errors, told with line and fix -------------------------------------------------------------------------

_FIXES = {
    "dict_type": "Write it as 'name: value' lines, indented below.",
    "model_type": "Write it as 'name: value' lines, indented below.",
    "model_attributes_type": "Write it as 'name: value' lines, indented below.",
    "tuple_type": "Write a list in brackets, such as [a, b].",
    "string_type": "Write a text, in quotes where it looks like a number.",
    "int_type": "Write a whole number.",
    "bool_parsing": "Write true or false.",
    "bool_type": "Write true or false.",
    "greater_than_equal": "Write a larger number.",
    "less_than_equal": "Write a smaller number.",
    "string_pattern_mismatch": "Names are letters, digits and _, start with a letter, and have at most 63 characters.",
}
_MISSING = {
    "dataset": "Add 'dataset: NAME', the name that analysts will use.",
    "privacy_unit": "Add 'privacy_unit: {name: patient, column: patients.patient_id}'.",
    "tables": "Add 'tables:' with at least one table.",
    "budget": "Add 'budget: {epsilon: 3, delta: 1e-6}', the lifetime limit of the dataset.",
    "epsilon": "Add 'epsilon: 3', the lifetime limit.",
    "source": "Add 'source: FILE', a path or glob of Parquet or CSV files, or 'file.duckdb#table'.",
    "columns": "Add 'columns:' with the columns that analysts may use.",
    "type": "Add 'type:', one of integer, number, string, boolean, date, timestamp, image.",
    "name": "Add 'name:', what one unit is called, such as patient.",
    "column": "Add 'column: TABLE.COLUMN', where the unit's id is kept.",
}


def _problem(document: Document, error: Any) -> Problem:
    kind, path = str(error["type"]), tuple(p for p in error["loc"] if p != "[key]")
    known = document.known(path)
    shown = path if kind == "missing" else known
    message = str(error["msg"]).removeprefix("Value error, ")
    if kind == "missing":
        message, fix = "is missing", _MISSING.get(str(path[-1]), f"Add '{path[-1]}:'.")
    elif kind == "extra_forbidden":
        message, fix = "is not a field of a policy", _nearest(str(path[-1]), _model_at(path[:-1]))
    elif path == ("version",):
        message, fix = "not a version of policies that is known here", "Write 'version: 1', the only one there is."
    elif kind == "literal_error":
        message, fix = _lower(message), "Write one of these words."
    elif kind == "value_error":
        fix = _value_fix(path)
    else:
        message, fix = _lower(message), _FIXES.get(kind, "Write a value of this kind.")
    return Problem(document.line(path), shown, message, fix)


def _value_fix(path: at.Path) -> str:
    if "bounds" in path:
        return "Write 'bounds: [low, high]' with values of the column's type; other columns take 'categories'."
    if path[0] == "response_times":
        return "Write 'response_times: [50, 100, 200, 400]', longer where queries are slower, or 'response_times: off'."
    if path[-1] in ("epsilon", "delta", "default_epsilon", "max_epsilon", "default_delta"):
        return f"Write a plain decimal, such as '{path[-1]}: {'1e-6' if 'delta' in str(path[-1]) else '0.1'}'."
    return "Write a plain number."


def _lower(message: str) -> str:
    return message[:1].lower() + message[1:]


def _model_at(path: at.Path) -> type[BaseModel]:
    if path[:1] == ("tables",):
        return Column if len(path) >= 4 else Table
    if path[(1 if path[:1] == ("budget",) else 2) :][:1] == ("pace",):
        return Pace
    by_name: dict[Any, type[BaseModel]] = {
        "contribution": Contribution,
        "per_query": PerQuery,
        "privacy_unit": PrivacyUnit,
        "budget": Budget,
        "analysts": Budget,
        "roles": Budget,
        "groups": Group,
        "models": RegisteredModel,
    }
    return by_name.get(path[0], Policy) if path else Policy


def _nearest(word: str, model: type[BaseModel]) -> str:
    fields = list(model.model_fields)
    close = difflib.get_close_matches(word, fields, n=1)
    return f"Did you mean '{close[0]}'?" if close else f"Remove it; the fields here are {', '.join(fields)}."


def _distinct(found: list[Problem]) -> list[Problem]:
    """One problem a path: the branches of a union would else say the same thing several times."""
    seen: dict[tuple[int, at.Path], Problem] = {}
    for problem in found:
        seen.setdefault((problem.line, problem.path), problem)
    return list(seen.values())
