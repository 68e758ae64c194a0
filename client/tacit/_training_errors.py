"""What can go wrong with training jobs, apart from what any request can meet."""

from __future__ import annotations

from tacit._api_error import APIError, TacitError
from tacit._refusals import RefusedError


class TrainingRefused(RefusedError):
    """The run cannot be trained as asked. Nothing was charged."""


class TrainingModelInvalid(TrainingRefused):
    """The model is none that the service builds."""


class TrainingParameterInvalid(TrainingRefused):
    """A parameter is outside its limits; ``extra["field"]`` names it."""


class TrainingTooLong(TrainingRefused):
    """More steps or epochs than one job may take."""


class TrainingFeatureInvalid(TrainingRefused):
    """A feature has no declared bounds or categories."""


class TrainingLabelInvalid(TrainingRefused):
    """The label has no declared categories or bounds, or is outside them."""


class TrainingNotReady(APIError):
    """The job has not succeeded: there is no model."""


class TrainingQueueFull(APIError):
    """As many jobs as an analyst may have are waiting or running."""


class TrainingNotInstalled(APIError):
    """The service has no training room."""


class TrainingReadsFiles(APIError):
    """Training reads files; the rows of this dataset stay in their database."""


class TrainingFailed(TacitError):
    """The job ended without a model: ``code`` says why, as far as that may be told."""

    def __init__(self, job_id: str, status: str, code: str | None) -> None:
        super().__init__(f"{job_id} {status}{f': {code}' if code else ''}")
        self.job_id, self.status, self.code = job_id, status, code


CODES: dict[str, type[APIError]] = {
    "training_model_invalid": TrainingModelInvalid,
    "training_parameter_invalid": TrainingParameterInvalid,
    "training_too_long": TrainingTooLong,
    "training_feature_invalid": TrainingFeatureInvalid,
    "training_label_invalid": TrainingLabelInvalid,
    "training_not_ready": TrainingNotReady,
    "training_queue_full": TrainingQueueFull,
    "training_not_installed": TrainingNotInstalled,
    "training_reads_files": TrainingReadsFiles,
}
"""The class of each code."""
