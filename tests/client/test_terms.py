"""What the SDK's terms send: only what is set."""

from __future__ import annotations

from tacit._protocol import Terms


def test_only_what_is_set_is_sent() -> None:
    assert Terms().body() == {}
    assert Terms(accuracy="5 % of rel_1", bias_check=True).body() == {"accuracy": "5 % of rel_1", "bias_check": True}
    assert Terms(epsilon="0.1", approx_bounds=True, fresh=True).body() == {
        "epsilon": "0.1", "approx_bounds": True, "fresh": True,
    }  # fmt: skip
