"""The HTTP door: FastAPI under ``/v1``, problems by RFC 9457, Arrow by content negotiation, limits on everything."""
