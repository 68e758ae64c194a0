"""The routes, one file for each noun; ``register`` adds them all."""

from tacit_service.http.routes.register import register

__all__ = ["register"]
