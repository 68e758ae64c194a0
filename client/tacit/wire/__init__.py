"""The protocol, defined once: request and response models of ``/v1``. The service imports them; the SDK reads them.

Amounts of privacy budget are decimal strings. A cell of an answer is JSON: null, bool, int, float, string; dates and
timestamps are ISO 8601 strings.
"""

from tacit.wire.analysts import Explanation, Me, ReleaseItem, ReleaseList
from tacit.wire.base import Amount, Cell, LedgerHead, Problem, Spend, Wire
from tacit.wire.datasets import (
    AccountBudget,
    Budget,
    ColumnFacts,
    DatasetFacts,
    DatasetList,
    GroupBudget,
    PaceWindow,
    TableFacts,
)
from tacit.wire.queries import (
    Answer,
    BiasShare,
    ColumnInfo,
    MechanismInfo,
    QueryRequest,
    Quote,
    QuotedColumn,
    QuotedRelease,
    Receipt,
    Survival,
)
from tacit.wire.spending import Charge, Day, Spending
from tacit.wire.training import (
    Artifact,
    ArtifactList,
    AttackFinding,
    AuditFinding,
    FeatureInfo,
    ModelCard,
    Number,
    PredictionRequest,
    Predictions,
    TrainingJob,
    TrainingJobList,
    TrainingQuote,
    TrainingRequest,
)

__all__ = [
    "AccountBudget",
    "Amount",
    "Answer",
    "Artifact",
    "ArtifactList",
    "AttackFinding",
    "AuditFinding",
    "BiasShare",
    "Budget",
    "Cell",
    "Charge",
    "ColumnFacts",
    "ColumnInfo",
    "DatasetFacts",
    "DatasetList",
    "Day",
    "Explanation",
    "FeatureInfo",
    "GroupBudget",
    "LedgerHead",
    "Me",
    "MechanismInfo",
    "ModelCard",
    "Number",
    "PaceWindow",
    "PredictionRequest",
    "Predictions",
    "Problem",
    "QueryRequest",
    "Quote",
    "QuotedColumn",
    "QuotedRelease",
    "Receipt",
    "ReleaseItem",
    "ReleaseList",
    "Spend",
    "Spending",
    "Survival",
    "TableFacts",
    "TrainingJob",
    "TrainingJobList",
    "TrainingQuote",
    "TrainingRequest",
    "Wire",
]
