"""What the data owner declared: YAML to frozen models, or an error with line and fix; check and advice on the data."""

from tacit_service.policy.load import Loaded, load_policy, parse_policy
from tacit_service.policy.model import Policy

__all__ = ["Loaded", "Policy", "load_policy", "parse_policy"]
