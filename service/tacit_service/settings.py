"""Every setting of the service, with its default and its limits; each is ``TACIT_<NAME>`` in the environment.

>>> Settings(port=0).host
'127.0.0.1'
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import Field, ValidationError, field_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from tacit_service.errors import PolicyError


class Settings(BaseSettings):
    """Read once at start, passed explicitly, never changed."""

    model_config = SettingsConfigDict(env_prefix="TACIT_", frozen=True, extra="forbid")

    host: str = Field(default="127.0.0.1", description="Address to listen on; put a TLS proxy in front of any other")
    port: int = Field(default=8470, ge=0, le=65535, description="Port to listen on; 0 takes a free one")
    policies: Annotated[tuple[Path, ...], NoDecode] = Field(
        default=(), description="Policy files, separated by the system's path separator"
    )
    ledger: str = Field(default="sqlite:///tacit-ledger.sqlite", description="URL of the ledger's database")
    data_dir: Path = Field(default=Path("tacit-data"), description="Where prepared snapshots of the tables are kept")
    log_level: Literal["debug", "info", "warning", "error"] = Field(default="info", description="Least level logged")
    metrics_public: bool = Field(default=False, description="Serve /metrics without an owner's or auditor's key")

    workers: int = Field(default=4, ge=1, le=256, description="Questions worked on at the same time")
    queue: int = Field(default=64, ge=0, le=10_000, description="Questions that may wait for a worker before 503")
    parsers: int = Field(default=3, ge=1, le=64, description="Processes that read SQL; each is killed after 2 s")
    lookup_workers: int = Field(default=4, ge=1, le=256, description="Key and ledger look-ups at the same time")
    lookup_queue: int = Field(default=512, ge=0, le=10_000, description="Look-ups that may wait before 503")
    retry_after_s: int = Field(default=2, ge=1, le=3600, description="What a 503 tells clients to wait")

    checkpoint_key: Path | None = Field(
        default=None, description="Ed25519 key (PEM) that signs checkpoints; tacit-service ledger checkpoint makes one"
    )

    rate_per_minute: int = Field(default=6000, ge=0, le=1_000_000, description="Requests of one caller; 0: no limit")
    rate_burst: int = Field(default=300, ge=1, le=1_000_000, description="Requests of one caller at once")

    oidc_issuer: str = Field(default="", description="Issuer whose bearer tokens are taken; empty: API keys only")
    oidc_audience: str = Field(default="", description="Audience that a token must be for")
    oidc_jwks: str = Field(default="", description="The issuer's signing keys: https URL of its JWKS, or a file")
    oidc_name_claim: str = Field(default="sub", description="Claim that is the caller's name; one no user can change")
    oidc_role_claim: str = Field(default="roles", description="Claim whose values are mapped to roles")
    oidc_roles: Annotated[dict[str, str], NoDecode] = Field(
        default={}, description="Claim values and their roles, as in data-owners=owner,research=analyst"
    )
    oidc_datasets_claim: str = Field(default="datasets", description="Claim that lists the datasets granted")
    oidc_datasets: Annotated[tuple[str, ...], NoDecode] = Field(
        default=(), description="Datasets granted to tokens without that claim, by commas; * for all"
    )
    oidc_leeway_s: int = Field(default=30, ge=0, le=120, description="Clock difference allowed to the issuer")
    training: bool = Field(default=True, description="Work on training jobs in this service, where torch is installed")
    training_open_max: int = Field(default=4, ge=1, le=10_000, description="Jobs of one analyst waiting or running")
    training_running_max: int = Field(default=1, ge=1, le=1_000, description="Jobs of one analyst running at once")
    training_at_once: int = Field(default=1, ge=1, le=256, description="Jobs of a dataset that one worker runs at once")
    training_processes: int = Field(default=1, ge=1, le=64, description="Processes that share the steps of one job")
    training_launcher: Literal["own", "torchrun"] = Field(
        default="own", description="Who starts those processes: the first of them, or torchrun all of them"
    )
    training_device: Literal["auto", "cpu"] = Field(
        default="auto", description="Where jobs compute: auto takes CUDA devices where there are any, cpu never does"
    )
    training_threads: int = Field(default=2, ge=1, le=256, description="Threads of one training job")
    training_time_s_max: float = Field(default=3600, gt=0, le=604_800, description="Longest that one attempt may take")
    training_memory_mb_max: int = Field(default=8192, ge=1024, le=1_048_576, description="Memory of one training job")
    training_steps_max: int = Field(default=50_000, ge=1, le=10_000_000, description="Steps that one job may ask for")
    training_parameters_max: int = Field(
        default=2_000_000, ge=1, le=1_000_000_000, description="Parameters that a trained model may have"
    )
    training_streams_max: int = Field(default=64, ge=0, le=10_000, description="Open streams of training events")
    training_stream_s_max: float = Field(default=3600, gt=0, le=86_400, description="Longest stream of events")
    training_rows_max: int = Field(default=1_000, ge=1, le=100_000, description="Rows of one request for predictions")

    body_bytes_max: int = Field(default=65_536, ge=1_024, le=16_777_216, description="Largest request body")
    head_bytes_max: int = Field(default=16_384, ge=1_024, le=1_048_576, description="Largest request line and headers")
    connections_max: int = Field(default=512, ge=1, le=100_000, description="Open connections before 503")
    head_timeout_s: float = Field(default=10, gt=0, le=3600, description="Time a client has to send its headers")
    body_timeout_s: float = Field(default=10, gt=0, le=3600, description="Time a client has to send its body")
    write_timeout_s: float = Field(default=30, gt=0, le=3600, description="Time a client may leave an answer unread")
    keep_alive_s: int = Field(default=5, ge=1, le=3600, description="Time an idle connection is kept")
    shutdown_s: int = Field(default=10, ge=0, le=3600, description="Time running requests have at shutdown")

    @classmethod
    def load(cls, **given: Any) -> Self:
        """The environment's settings under those ``given``; ``PolicyError`` names the first one that does not fit."""
        try:
            return cls(**{name: value for name, value in given.items() if value is not None})
        except ValidationError as error:
            first = error.errors(include_url=False, include_input=False)[0]
            name = f"TACIT_{str(first['loc'][0]).upper()}"
            raise PolicyError("setting_invalid", f"{name}: {first['msg']}.", hint=f"Mend or unset {name}.") from None

    @field_validator("oidc_roles", mode="before")
    @classmethod
    def _pairs(cls, value: object) -> object:
        if not isinstance(value, str):
            return value
        pairs = dict(pair.strip().rpartition("=")[::2] for pair in value.split(",") if pair.strip())
        if any(not name or role not in ("analyst", "owner", "auditor") for name, role in pairs.items()):
            raise ValueError("pairs of a claim's value and analyst, owner or auditor, as in research=analyst")
        return pairs

    @field_validator("oidc_datasets", mode="before")
    @classmethod
    def _names(cls, value: object) -> object:
        return tuple(name.strip() for name in value.split(",") if name.strip()) if isinstance(value, str) else value

    @field_validator("policies", mode="before")
    @classmethod
    def _split(cls, value: object) -> object:
        return tuple(Path(p) for p in value.split(os.pathsep) if p) if isinstance(value, str) else value
