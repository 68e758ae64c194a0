"""The JSON schema of a policy file, for editors: ``python -m tacit_service.policy.schema > policies/schema.json``.

It is generated from the models, so that what an editor accepts is what ``load`` accepts; the rules that span fields are
left to ``tacit-service policy check``.
"""

from __future__ import annotations

import json
import sys
from typing import Any

from pydantic import BaseModel
from pydantic.json_schema import GenerateJsonSchema

from tacit_service.policy.model import Policy
from tacit_service.privacy.units import Exact


class _Generator(GenerateJsonSchema):
    """Writes defaults as the file would have them: amounts as decimals, never as internal units."""

    def encode_default(self, dft: Any) -> Any:
        if isinstance(dft, Exact):
            return str(dft)
        return dft.model_dump(mode="json") if isinstance(dft, BaseModel) else super().encode_default(dft)


def policy_schema() -> dict[str, Any]:
    """JSON Schema (2020-12) of a policy file."""
    schema = Policy.model_json_schema(schema_generator=_Generator)
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **schema, "title": "Tacit policy"}


def render_schema() -> str:
    """The text of ``policies/schema.json``."""
    return json.dumps(policy_schema(), indent=2, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    sys.stdout.write(render_schema())
