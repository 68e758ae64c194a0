"""The engine's address with its token, which the policy does not hold."""

from __future__ import annotations

import os
from typing import NoReturn
from urllib.parse import quote

from tacit_service.errors import PolicyError
from tacit_service.policy.load import Loaded


def address(loaded: Loaded) -> str:
    """The Spark Connect URL, with the bearer token that ``password_env`` or ``password_file`` holds."""
    at = loaded.policy.engine
    assert at is not None
    if at.password_env is not None:
        secret = os.environ.get(at.password_env)
        if secret is None:
            detail = f"the variable {at.password_env} is not set"
            refuse(loaded, "engine_password_missing", detail, "Set it for the service.")
    elif at.password_file is not None:
        try:
            secret = (loaded.base_dir / at.password_file).read_text(encoding="utf-8").strip()
        except (OSError, UnicodeDecodeError):
            detail = "'password_file' cannot be read"
            refuse(loaded, "engine_password_missing", detail, "Write the token into it.")
    else:
        secret = ""
    parameters = [p for p in at.url.partition("/;")[2].split(";") if p]
    if secret:
        parameters.append(f"token={quote(secret, safe='')}")
    if not any(p.startswith("user_agent=") for p in parameters):
        parameters.append("user_agent=tacit")
    if not any(p.startswith("user_id=") for p in parameters):
        parameters.append("user_id=tacit")
    return f"{at.url.partition('/;')[0].rstrip('/')}/;{';'.join(parameters)}"


def refuse(loaded: Loaded, code: str, detail: str, hint: str, table: str | None = None) -> NoReturn:
    """The owner is told what to mend."""
    where = "engine" if table is None else f"tables.{table}"
    raise PolicyError(code, f"{where}: {detail}", hint=hint, file=str(loaded.path), table=table)
