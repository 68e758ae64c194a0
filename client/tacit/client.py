"""The SDK's two clients: ``Client`` blocks, ``AsyncClient`` awaits; they have the same methods and the same answers.

Example (against ``tacit-service demo``, which prints a URL and a key)::

    import tacit

    sql = "SELECT region, COUNT(*) AS n FROM patients GROUP BY region"
    with tacit.Client("http://127.0.0.1:8470", key, dataset="clinic") as client:
        quote = client.quote(sql, epsilon="0.1")
        print(quote.price.epsilon, quote.columns[1].plus_minus)      # before anything is spent
        print(client.query(sql, epsilon="0.1"))                      # a table with an interval beside each number
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from tacit import _protocol
from tacit._protocol import Amount, Terms
from tacit.errors import InvalidArgument

if TYPE_CHECKING:
    from tacit import wire
    from tacit.release import Release
    from tacit.training import AsyncTrainingJob, TrainingJob

TIMEOUT_S = 60.0
RETRIES = 3


class _Settings:
    """What both clients remember. The key goes to the transport and is kept nowhere else."""

    def __init__(self, url: str, dataset: str | None, retries: int, timeout_s: float) -> None:
        if retries < 0:
            raise InvalidArgument("retries is 0 or more")
        if not timeout_s > 0:
            raise InvalidArgument("timeout_s is above 0")
        self.url = _protocol.base_url(url)
        self.default_dataset = dataset
        self._retries = retries

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.url!r}, dataset={self.default_dataset!r})"


class Client(_Settings):
    """A connection to a Tacit service. Usable from several threads and as a context manager.

    ``url`` and ``key`` come from the owner; ``dataset`` is the default of the methods that take one. A request whose
    answer is lost is sent again up to ``retries`` times under the same idempotency key, so it is paid at most once.
    """

    def __init__(
        self, url: str, key: str, dataset: str | None = None, *, timeout_s: float = TIMEOUT_S, retries: int = RETRIES
    ) -> None:
        super().__init__(url, dataset, retries, timeout_s)
        from tacit._transport import SyncTransport

        self._transport = SyncTransport(url, key, timeout_s)

    def datasets(self) -> list[str]:
        """Names of the datasets granted to this key."""
        return self._transport.run(_protocol.datasets(), self._retries)

    def dataset(self, name: str | None = None) -> wire.DatasetFacts:
        """Public facts of a dataset: tables, columns, bounds, categories, functions. Never data."""
        return self._transport.run(_protocol.dataset(name or self.default_dataset or ""), self._retries)

    def quote(
        self,
        sql: str,
        *,
        epsilon: Amount | None = None,
        delta: Amount | None = None,
        dataset: str | None = None,
        max_rows: int | None = None,
        max_groups: int | None = None,
        max_amount: float | Decimal | None = None,
        fresh: bool = False,
        accuracy: Amount | None = None,
        bias_check: bool = False,
        approx_bounds: bool = False,
    ) -> wire.Quote:
        """Price and expected ± of a query. Free, and made without touching data."""
        terms = Terms(epsilon, delta, max_rows, max_groups, max_amount, fresh, accuracy, bias_check, approx_bounds)
        return self._transport.run(_protocol.quote(dataset or self.default_dataset, sql, terms), self._retries)

    def query(
        self,
        sql: str,
        *,
        epsilon: Amount | None = None,
        delta: Amount | None = None,
        dataset: str | None = None,
        max_rows: int | None = None,
        max_groups: int | None = None,
        max_amount: float | Decimal | None = None,
        fresh: bool = False,
        accuracy: Amount | None = None,
        bias_check: bool = False,
        approx_bounds: bool = False,
        idempotency_key: str | None = None,
    ) -> Release:
        """Buy a private answer. The receipt in it says what was charged and what is left.

        ``epsilon`` defaults to the policy's; ``max_rows``, ``max_groups`` and ``max_amount`` bound what one privacy
        unit contributes. ``accuracy`` (50, or "5 % of rel_…") instead of ``epsilon`` asks for the smallest price of that ±.
        ``bias_check`` and ``approx_bounds`` each spend a tenth of the price: on what bounds drop, and on bounds that the
        policy lacks. An answer that you hold is free, unless ``fresh`` asks for new noise. With your own
        ``idempotency_key``, repeating the call, even from another process, gives the same answer at no further cost.
        """
        terms = Terms(epsilon, delta, max_rows, max_groups, max_amount, fresh, accuracy, bias_check, approx_bounds)
        call = _protocol.query(dataset or self.default_dataset, sql, terms, idempotency_key)
        return self._transport.run(call, self._retries)

    def explain(
        self,
        sql: str,
        *,
        epsilon: Amount | None = None,
        delta: Amount | None = None,
        dataset: str | None = None,
        max_rows: int | None = None,
        max_groups: int | None = None,
        max_amount: float | Decimal | None = None,
        accuracy: Amount | None = None,
        bias_check: bool = False,
        approx_bounds: bool = False,
    ) -> str:
        """The plan: how the answer is derived, bounded and measured. Free."""
        terms = Terms(epsilon, delta, max_rows, max_groups, max_amount, False, accuracy, bias_check, approx_bounds)
        return self._transport.run(_protocol.explain(dataset or self.default_dataset, sql, terms), self._retries)

    def budget(self) -> wire.Budget:
        """What this key's accounts may spend, have spent and have left."""
        return self._transport.run(_protocol.budget(), self._retries)

    def release(self, release_id: str) -> Release:
        """An answer bought earlier. Free."""
        return self._transport.run(_protocol.release(release_id), self._retries)

    def train(
        self,
        sql: str,
        *,
        label: str,
        model: str | Mapping[str, Any],
        epsilon: Amount | None = None,
        delta: Amount | None = None,
        dataset: str | None = None,
        idempotency_key: str | None = None,
        **options: Any,
    ) -> TrainingJob:
        """Train a model with DP-SGD on the rows of a SELECT, charged like a query; ``job.wait().predict(frame)``.

        ``model`` is a type, such as ``"logistic_regression"``, or ``{"type": "mlp", "hidden": [32]}``; ``options`` are
        the other members of ``wire.TrainingRequest``: ``units``, ``epochs``, ``clipping_norm``, ``learning_rate``, …
        """
        from tacit import _training_protocol as training
        from tacit.training import TrainingJob

        asked = training.body(dataset or self.default_dataset, sql, label, model, epsilon, delta, options)
        state = self._transport.run(training.submit(asked, sql, idempotency_key), self._retries)
        return TrainingJob(state, self._transport, self._retries)

    def quote_training(
        self,
        sql: str,
        *,
        label: str,
        model: str | Mapping[str, Any],
        epsilon: Amount | None = None,
        delta: Amount | None = None,
        dataset: str | None = None,
        **options: Any,
    ) -> wire.TrainingQuote:
        """Price and parameters of a run. Free, and made without touching data."""
        from tacit import _training_protocol as training

        asked = training.body(dataset or self.default_dataset, sql, label, model, epsilon, delta, options)
        return self._transport.run(training.quote(asked, sql), self._retries)

    def training_job(self, job_id: str) -> TrainingJob:
        """A job started earlier, perhaps by another process."""
        from tacit import _training_protocol as training
        from tacit.training import TrainingJob

        return TrainingJob(self._transport.run(training.job(job_id), self._retries), self._transport, self._retries)

    def training_jobs(self) -> list[wire.TrainingJob]:
        """The caller's training jobs, newest first."""
        from tacit import _training_protocol as training

        return self._transport.run(training.jobs(), self._retries)

    def close(self) -> None:
        """Close the connections."""
        self._transport.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()


class AsyncClient(_Settings):
    """``Client`` for asyncio: the same arguments, methods and answers, awaited."""

    def __init__(
        self, url: str, key: str, dataset: str | None = None, *, timeout_s: float = TIMEOUT_S, retries: int = RETRIES
    ) -> None:
        super().__init__(url, dataset, retries, timeout_s)
        from tacit._transport import AsyncTransport

        self._transport = AsyncTransport(url, key, timeout_s)

    async def datasets(self) -> list[str]:
        """Names of the datasets granted to this key."""
        return await self._transport.run(_protocol.datasets(), self._retries)

    async def dataset(self, name: str | None = None) -> wire.DatasetFacts:
        """Public facts of a dataset: tables, columns, bounds, categories, functions. Never data."""
        return await self._transport.run(_protocol.dataset(name or self.default_dataset or ""), self._retries)

    async def quote(
        self,
        sql: str,
        *,
        epsilon: Amount | None = None,
        delta: Amount | None = None,
        dataset: str | None = None,
        max_rows: int | None = None,
        max_groups: int | None = None,
        max_amount: float | Decimal | None = None,
        fresh: bool = False,
        accuracy: Amount | None = None,
        bias_check: bool = False,
        approx_bounds: bool = False,
    ) -> wire.Quote:
        """Price and expected ± of a query. Free, and made without touching data."""
        terms = Terms(epsilon, delta, max_rows, max_groups, max_amount, fresh, accuracy, bias_check, approx_bounds)
        return await self._transport.run(_protocol.quote(dataset or self.default_dataset, sql, terms), self._retries)

    async def query(
        self,
        sql: str,
        *,
        epsilon: Amount | None = None,
        delta: Amount | None = None,
        dataset: str | None = None,
        max_rows: int | None = None,
        max_groups: int | None = None,
        max_amount: float | Decimal | None = None,
        fresh: bool = False,
        accuracy: Amount | None = None,
        bias_check: bool = False,
        approx_bounds: bool = False,
        idempotency_key: str | None = None,
    ) -> Release:
        """Buy a private answer, as ``Client.query`` does."""
        terms = Terms(epsilon, delta, max_rows, max_groups, max_amount, fresh, accuracy, bias_check, approx_bounds)
        call = _protocol.query(dataset or self.default_dataset, sql, terms, idempotency_key)
        return await self._transport.run(call, self._retries)

    async def explain(
        self,
        sql: str,
        *,
        epsilon: Amount | None = None,
        delta: Amount | None = None,
        dataset: str | None = None,
        max_rows: int | None = None,
        max_groups: int | None = None,
        max_amount: float | Decimal | None = None,
        accuracy: Amount | None = None,
        bias_check: bool = False,
        approx_bounds: bool = False,
    ) -> str:
        """The plan: how the answer is derived, bounded and measured. Free."""
        terms = Terms(epsilon, delta, max_rows, max_groups, max_amount, False, accuracy, bias_check, approx_bounds)
        return await self._transport.run(_protocol.explain(dataset or self.default_dataset, sql, terms), self._retries)

    async def budget(self) -> wire.Budget:
        """What this key's accounts may spend, have spent and have left."""
        return await self._transport.run(_protocol.budget(), self._retries)

    async def release(self, release_id: str) -> Release:
        """An answer bought earlier. Free."""
        return await self._transport.run(_protocol.release(release_id), self._retries)

    async def train(
        self,
        sql: str,
        *,
        label: str,
        model: str | Mapping[str, Any],
        epsilon: Amount | None = None,
        delta: Amount | None = None,
        dataset: str | None = None,
        idempotency_key: str | None = None,
        **options: Any,
    ) -> AsyncTrainingJob:
        """Train a model, as ``Client.train`` does; ``await (await client.train(…)).wait()``."""
        from tacit import _training_protocol as training
        from tacit.training import AsyncTrainingJob

        asked = training.body(dataset or self.default_dataset, sql, label, model, epsilon, delta, options)
        state = await self._transport.run(training.submit(asked, sql, idempotency_key), self._retries)
        return AsyncTrainingJob(state, self._transport, self._retries)

    async def quote_training(
        self,
        sql: str,
        *,
        label: str,
        model: str | Mapping[str, Any],
        epsilon: Amount | None = None,
        delta: Amount | None = None,
        dataset: str | None = None,
        **options: Any,
    ) -> wire.TrainingQuote:
        """Price and parameters of a run. Free, and made without touching data."""
        from tacit import _training_protocol as training

        asked = training.body(dataset or self.default_dataset, sql, label, model, epsilon, delta, options)
        return await self._transport.run(training.quote(asked, sql), self._retries)

    async def training_job(self, job_id: str) -> AsyncTrainingJob:
        """A job started earlier, perhaps by another process."""
        from tacit import _training_protocol as training
        from tacit.training import AsyncTrainingJob

        state = await self._transport.run(training.job(job_id), self._retries)
        return AsyncTrainingJob(state, self._transport, self._retries)

    async def training_jobs(self) -> list[wire.TrainingJob]:
        """The caller's training jobs, newest first."""
        from tacit import _training_protocol as training

        return await self._transport.run(training.jobs(), self._retries)

    async def close(self) -> None:
        """Close the connections."""
        await self._transport.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self.close()
