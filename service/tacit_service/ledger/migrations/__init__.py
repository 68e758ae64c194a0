"""Alembic migrations of the ledger's store, run by ``run.upgrade`` when a store is opened."""
