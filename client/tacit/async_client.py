"""``AsyncClient``: written from client.py by ``make async``, not by hand."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from tacit import _protocol
from tacit._protocol import Amount, Terms
from tacit._settings import RETRIES, TIMEOUT_S, Settings

if TYPE_CHECKING:
    from tacit import wire
    from tacit.release import Release
    from tacit.training import AsyncTrainingJob


class AsyncClient(Settings):
    """A connection to a Tacit service. Usable by the tasks of one event loop and as a context manager.

    ``url`` and ``key`` come from the owner; ``dataset`` is the default of the methods that take one. A request whose
    answer is lost is sent again up to ``retries`` times under the same idempotency key, so it is paid at most once.
    Every method raises ``tacit.errors.TacitError``: a refusal is a ``RefusedError`` that points into the SQL.

    >>> import tacit
    >>> sql = "SELECT region, COUNT(*) AS n FROM patients GROUP BY region"
    >>> async with tacit.AsyncClient(url, key, dataset="clinic") as client:
    ...     quote = await client.quote(sql, epsilon="0.1")  # before anything is spent
    ...     answer = await client.query(sql, epsilon="0.1")  # a table with an interval beside each number
    >>> quote.affordable, round(quote.columns[1].plus_minus)
    (True, 30)
    >>> len(answer), answer.columns[1].kind
    (8, 'noisy')
    """

    def __init__(
        self, url: str, key: str, dataset: str | None = None, *, timeout_s: float = TIMEOUT_S, retries: int = RETRIES
    ) -> None:
        super().__init__(url, dataset, retries, timeout_s)
        from tacit._transport import AsyncTransport

        self._transport = AsyncTransport(url, key, timeout_s)

    async def datasets(self) -> list[str]:
        """Names of the datasets granted to this key.

        >>> await client.datasets()
        ['clinic']
        """
        return await self._transport.run(_protocol.datasets(), self._retries)

    async def dataset(self, name: str | None = None) -> wire.DatasetFacts:
        """Public facts of a dataset: tables, columns, bounds, categories, functions. Never data.

        >>> [table.name for table in (await client.dataset("clinic")).tables if table.public]
        ['regions']
        """
        return await self._transport.run(_protocol.dataset(name or self.default_dataset or ""), self._retries)

    async def quote(
        self,
        sql: str,
        *,
        epsilon: Amount | None = None,
        delta: Amount | None = None,
        accuracy: Amount | None = None,
        bias_check: bool = False,
        approx_bounds: bool = False,
        dataset: str | None = None,
        max_rows: int | None = None,
        max_groups: int | None = None,
        max_amount: float | Decimal | None = None,
        fresh: bool = False,
    ) -> wire.Quote:
        """Price and expected ± of a query. Free, and made without touching data.

        ``accuracy`` in place of ``epsilon`` asks for the smallest price at which every count and sum has that half-width.

        >>> quote = await client.quote("SELECT COUNT(*) AS n FROM patients", accuracy=50, fresh=True)
        >>> quote.price.epsilon, quote.columns[0].plus_minus <= 50
        ('0.059313', True)
        """
        terms = Terms(epsilon, delta, max_rows, max_groups, max_amount, fresh, accuracy, bias_check, approx_bounds)
        return await self._transport.run(_protocol.quote(dataset or self.default_dataset, sql, terms), self._retries)

    async def query(
        self,
        sql: str,
        *,
        epsilon: Amount | None = None,
        delta: Amount | None = None,
        accuracy: Amount | None = None,
        bias_check: bool = False,
        approx_bounds: bool = False,
        dataset: str | None = None,
        max_rows: int | None = None,
        max_groups: int | None = None,
        max_amount: float | Decimal | None = None,
        fresh: bool = False,
        idempotency_key: str | None = None,
    ) -> Release:
        """Buy a private answer. The receipt in it says what was charged and what is left.

        ``epsilon`` defaults to the policy's; ``max_rows``, ``max_groups`` and ``max_amount`` bound what one privacy
        unit contributes. ``bias_check`` and ``approx_bounds`` each spend a tenth of the price: on what bounds drop, and on
        bounds that the policy lacks. An answer that you hold is free, unless ``fresh`` asks for new noise. With your own
        ``idempotency_key``, repeating the call, even from another process, gives the same answer at no further cost.

        >>> answer = await client.query("SELECT sex, AVG(age) AS age FROM patients GROUP BY sex ORDER BY sex", epsilon="0.1")
        >>> [sex for sex, age in answer]
        ['F', 'M', 'X']
        >>> low, high = answer.intervals[0][1]
        >>> bool(low < answer[0][1] < high)
        True
        """
        terms = Terms(epsilon, delta, max_rows, max_groups, max_amount, fresh, accuracy, bias_check, approx_bounds)
        call = _protocol.query(dataset or self.default_dataset, sql, terms, idempotency_key)
        return await self._transport.run(call, self._retries)

    async def explain(
        self,
        sql: str,
        *,
        epsilon: Amount | None = None,
        delta: Amount | None = None,
        accuracy: Amount | None = None,
        bias_check: bool = False,
        approx_bounds: bool = False,
        dataset: str | None = None,
        max_rows: int | None = None,
        max_groups: int | None = None,
        max_amount: float | Decimal | None = None,
    ) -> str:
        """The plan: how the answer is derived, bounded and measured. Free.

        >>> print(await client.explain("SELECT COUNT(*) AS n FROM patients", epsilon="0.1"))
        release __r0: one row
        ...
        price: epsilon 0.1, delta 0
        ...
        """
        terms = Terms(epsilon, delta, max_rows, max_groups, max_amount, False, accuracy, bias_check, approx_bounds)
        return await self._transport.run(_protocol.explain(dataset or self.default_dataset, sql, terms), self._retries)

    async def budget(self) -> wire.Budget:
        """What this key's accounts may spend, have spent and have left.

        >>> (await client.budget()).accounts[0].limit.epsilon
        '3'
        """
        return await self._transport.run(_protocol.budget(), self._retries)

    async def history(self, dataset: str | None = None, *, limit: int = 100) -> wire.Spending:
        """Spending over time: what each of the newest ``limit`` charges (at most 500) cost and became, and each day's sum.

        An analyst sees their own account, an owner or auditor the dataset's.

        >>> asked = await client.query("SELECT COUNT(*) AS n FROM patients", epsilon="0.1")
        >>> spending = await client.history()
        >>> asked.id in [charge.release_id for charge in spending.charges], spending.pending
        (True, [])
        """
        return await self._transport.run(_protocol.history(dataset or self.default_dataset, limit), self._retries)

    async def me(self) -> wire.Me:
        """Who the key says you are: name, role, datasets.

        >>> (await client.me()).role
        'analyst'
        """
        return await self._transport.run(_protocol.me(), self._retries)

    async def releases(self, dataset: str | None = None, *, limit: int = 50) -> list[wire.ReleaseItem]:
        """Answers bought earlier, newest first, by whichever program used this key's account.

        >>> (await client.releases(limit=1))[0].dataset
        'clinic'
        """
        return await self._transport.run(_protocol.releases(dataset, limit), self._retries)

    async def release(self, release_id: str) -> Release:
        """An answer as it was bought, with the same noise. Free.

        What follows from an answer that you hold carries that answer's id, and this gives the answer that was bought.

        >>> answer = await client.query("SELECT COUNT(*) AS n FROM visits", epsilon="0.1")
        >>> (await client.release(answer.id)).rows == answer.rows
        True
        """
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
        """Train a model with DP-SGD on the rows of a SELECT, charged like a query; ``job.wait().predict(frame)``.

        ``model`` is a type, such as ``"logistic_regression"``, or ``{"type": "mlp", "hidden": [32]}``; ``options`` are
        the other members of ``wire.TrainingRequest``: ``units``, ``epochs``, ``clipping_norm``, ``learning_rate``, …

        >>> sql = "SELECT age, sex, income > 40000 AS well_off FROM patients"
        >>> asked = {"label": "well_off", "model": "logistic_regression", "epsilon": "0.5", "epochs": 2, "units": 1000}
        >>> (await client.train(sql, **asked)).status  # doctest: +SKIP
        'queued'
        """
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
        """Price and parameters of a run. Free, and made without touching data.

        >>> sql = "SELECT age, sex, income > 40000 AS well_off FROM patients"
        >>> quote = await client.quote_training(sql, label="well_off", model="logistic_regression", epsilon="0.5")
        >>> quote.price.epsilon, quote.features
        ('0.49...', ['age', 'sex'])
        """
        from tacit import _training_protocol as training

        asked = training.body(dataset or self.default_dataset, sql, label, model, epsilon, delta, options)
        return await self._transport.run(training.quote(asked, sql), self._retries)

    async def training_job(self, job_id: str) -> AsyncTrainingJob:
        """A job started earlier, perhaps by another process.

        >>> (await client.training_job("job_5f2c")).wait().predict(frame)  # doctest: +SKIP
        array(['true', 'false'], dtype=object)
        """
        from tacit import _training_protocol as training
        from tacit.training import AsyncTrainingJob

        state = await self._transport.run(training.job(job_id), self._retries)
        return AsyncTrainingJob(state, self._transport, self._retries)

    async def training_jobs(self) -> list[wire.TrainingJob]:
        """The caller's training jobs, newest first.

        >>> [(job.id, job.status) for job in (await client.training_jobs())]
        []
        """
        from tacit import _training_protocol as training

        return await self._transport.run(training.jobs(), self._retries)

    async def close(self) -> None:
        """Close the connections; a client in a ``with`` statement does so by itself.

        >>> await tacit.AsyncClient(url, key).close()
        """
        await self._transport.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self.close()
