"""Gates: which decisions a person must make, and which person."""

from abpo_sdk.gates.gate import Check, Gate
from abpo_sdk.gates.people import People
from abpo_sdk.gates.reviews import Reviews

__all__ = ["Check", "Gate", "People", "Reviews"]
