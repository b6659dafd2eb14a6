"""Gates: which decisions a person must make, which person, and with what care.

The words are here and load on first use. `Gate`, `People` and `Reviews` are also exported by `abpo_sdk`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from abpo_sdk.lazy_words import lazily

if TYPE_CHECKING:
    from abpo_sdk.gates.authority.authority import Authority
    from abpo_sdk.gates.authority.consultation import Consultation
    from abpo_sdk.gates.authority.limit import Limit
    from abpo_sdk.gates.authority.limits import Limits
    from abpo_sdk.gates.bulk import BulkDone
    from abpo_sdk.gates.calendar import BusinessCalendar, BusinessTime
    from abpo_sdk.gates.candidates import Candidates
    from abpo_sdk.gates.checking import Check
    from abpo_sdk.gates.deadlines import Escalation
    from abpo_sdk.gates.delegation import Delegation
    from abpo_sdk.gates.fields_read import reads, reads_personal
    from abpo_sdk.gates.gate import Gate
    from abpo_sdk.gates.guarding.agreement import Agreement, cohen_kappa, fleiss_kappa, krippendorff_alpha
    from abpo_sdk.gates.guarding.answered import Answered
    from abpo_sdk.gates.guarding.conduct import measure_conduct
    from abpo_sdk.gates.guarding.guard import Guard
    from abpo_sdk.gates.guarding.report import Conduct, GroupConduct
    from abpo_sdk.gates.guarding.stamp import StampRule
    from abpo_sdk.gates.people import People
    from abpo_sdk.gates.quorum import Quorum
    from abpo_sdk.gates.reviews import Notice, Reviews
    from abpo_sdk.gates.similar import similar_decisions
    from abpo_sdk.gates.switches import Segment, Stop, Switches
    from abpo_sdk.gates.triggers import abstained, predicate, sampled

__all__ = [
    "Agreement",
    "Answered",
    "Authority",
    "BulkDone",
    "BusinessCalendar",
    "BusinessTime",
    "Candidates",
    "Check",
    "Conduct",
    "Consultation",
    "Delegation",
    "Escalation",
    "Gate",
    "GroupConduct",
    "Guard",
    "Limit",
    "Limits",
    "Notice",
    "People",
    "Quorum",
    "Reviews",
    "Segment",
    "StampRule",
    "Stop",
    "Switches",
    "abstained",
    "cohen_kappa",
    "fleiss_kappa",
    "krippendorff_alpha",
    "measure_conduct",
    "predicate",
    "reads",
    "reads_personal",
    "sampled",
    "similar_decisions",
]

_MODULES = {
    "authority.authority": ("Authority",),
    "authority.consultation": ("Consultation",),
    "authority.limit": ("Limit",),
    "authority.limits": ("Limits",),
    "bulk": ("BulkDone",),
    "calendar": ("BusinessCalendar", "BusinessTime"),
    "candidates": ("Candidates",),
    "checking": ("Check",),
    "deadlines": ("Escalation",),
    "delegation": ("Delegation",),
    "fields_read": ("reads", "reads_personal"),
    "gate": ("Gate",),
    "guarding.agreement": ("Agreement", "cohen_kappa", "fleiss_kappa", "krippendorff_alpha"),
    "guarding.answered": ("Answered",),
    "guarding.conduct": ("measure_conduct",),
    "guarding.guard": ("Guard",),
    "guarding.report": ("Conduct", "GroupConduct"),
    "guarding.stamp": ("StampRule",),
    "people": ("People",),
    "quorum": ("Quorum",),
    "reviews": ("Notice", "Reviews"),
    "similar": ("similar_decisions",),
    "switches": ("Segment", "Stop", "Switches"),
    "triggers": ("abstained", "predicate", "sampled"),
}
_MODULE_OF = {name: module for module, names in _MODULES.items() for name in names}

__getattr__, __dir__ = lazily(__name__, _MODULE_OF)
