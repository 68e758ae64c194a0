"""Proof: the journal, its verification, signed checkpoints. For keys that grant every dataset."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Final

from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from tacit import wire
from tacit_service.access.gatekeeper import Principal
from tacit_service.administration import models, scope
from tacit_service.errors import LedgerUnavailable, NotFound, Overloaded
from tacit_service.ledger import checkpoint
from tacit_service.ledger.journal import Head
from tacit_service.ledger.store import Ledger
from tacit_service.ledger.verify import verify

PAGE_MAX: Final = 1000
_ONE_AT_A_TIME: Final = threading.Lock()  # verifying reads everything: one at a time in a process


class Proof:
    """The journal of one ledger. ``url`` opens it anew, so that verification trusts no state of this process."""

    def __init__(self, ledger: Ledger, url: str, signing_key: Path | None = None) -> None:
        self._ledger = ledger
        self._url = url
        self._signing_key = signing_key

    def journal(self, who: Principal, *, after: int = 0, limit: int = 100) -> models.Journal:
        """Entries after one, in order."""
        scope.whole_ledger(who)
        entries = [
            models.JournalEntry(sequence=e.sequence, kind=e.kind, body=e.body, previous=e.previous, hash=e.hash)
            for e in self._ledger.journal(after, min(limit, PAGE_MAX))
        ]
        return models.Journal(entries=entries, head=_head(self._ledger.head()))

    def verify(self, who: Principal) -> models.Verification:
        """Derive every hash, price and balance again, from the first entry."""
        scope.whole_ledger(who)
        if not _ONE_AT_A_TIME.acquire(blocking=False):
            raise Overloaded("overloaded", "The ledger is being verified already.", hint="Try again in a moment.")
        try:
            report = verify(self._url, (self._ledger.head(),))
        finally:
            _ONE_AT_A_TIME.release()
        return models.Verification(
            ok=report.ok,
            head=_head(report.head),
            accounts=report.accounts,
            charges=report.charges,
            releases=report.releases,
            findings=list(report.findings),
        )

    def checkpoint(self, who: Principal) -> models.Checkpoint:
        """Sign the head. Keep it where the service cannot write."""
        scope.whole_ledger(who)
        if self._signing_key is None:
            raise NotFound(
                "not_found", "This service signs no checkpoints.", hint="The operator sets TACIT_CHECKPOINT_KEY."
            )
        first = self._ledger.journal(0, 1)
        name = checkpoint.origin(first[0].data["ledger_id"])
        try:
            key = checkpoint.load_key(self._signing_key)
        except (OSError, ValueError, TypeError) as error:
            raise LedgerUnavailable("ledger_unavailable", "The signing key cannot be read.") from error
        return models.Checkpoint(
            checkpoint=checkpoint.sign(self._ledger.head(), name, key),
            origin=name,
            public_key=key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode("ascii"),
        )


def _head(head: Head) -> wire.LedgerHead:
    return wire.LedgerHead(sequence=head.sequence, hash=head.hash)
