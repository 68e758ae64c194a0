"""What fuzzing found, or was aimed at (``benchmarks/fuzz.py``), asked again: an answer or a refusal, never a fault."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from tacit_attacks_doors import Door

SEEDS = json.loads(Path(__file__).with_name("fuzz_seeds.json").read_text(encoding="utf-8"))


@pytest.mark.parametrize("seed", SEEDS, ids=[s["why"] for s in SEEDS])
def test_it_is_answered_or_refused(whole: Door, seed: dict[str, str]) -> None:
    before = whole.spent()
    status, answer = whole.ask(seed["sql"])
    assert status in (200, 422), answer
    # what fails on noisy values above a release is charged, and the release held
    assert status == 200 or answer["code"] == "postprocess_failed" or whole.spent() == before
