"""DP-SGD over privacy units: the only importer of torch. ``Trainer`` says what a step does, and why it is private."""

from .attacks import invert
from .devices import Wanted, choose, told
from .gradients import Factored, Layerwise, clipped, loss_of
from .networks import Built
from .scattering import filters
from .team import Team, TeamLost
from .trainer import GRADIENT_NOISE, Trainer, apply, threads

__all__ = [
    "GRADIENT_NOISE",
    "Built",
    "Factored",
    "Layerwise",
    "Team",
    "TeamLost",
    "Trainer",
    "Wanted",
    "apply",
    "choose",
    "clipped",
    "filters",
    "invert",
    "loss_of",
    "threads",
    "told",
]
