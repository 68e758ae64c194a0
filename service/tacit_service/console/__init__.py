"""The browser console: TypeScript in ``src``, the built bundle in ``static``, and the reader that serves it."""

from tacit_service.console.bundle import ASSETS, Asset, asset, page

__all__ = ["ASSETS", "Asset", "asset", "page"]
