"""Tacit: the SDK and terminal of a differentially private query service.

SQL goes in, a private answer comes out with a 95 % interval on every number and a receipt of what it cost::

    import tacit

    client = tacit.Client("http://127.0.0.1:8470", key, dataset="clinic")
    print(client.query("SELECT region, COUNT(*) AS n FROM patients GROUP BY region", epsilon="0.1"))

``Client`` and ``AsyncClient`` reach the service, ``Release`` is an answer, ``tacit.errors`` holds what can go wrong,
``tacit.wire`` the protocol's models.
"""

from tacit import errors
from tacit.async_client import AsyncClient
from tacit.client import Client
from tacit.errors import TacitError
from tacit.release import Release

__all__ = ["AsyncClient", "Client", "Release", "TacitError", "errors"]
