"""`check_policy` passes tables, and finds what is wrong with a policy that has one defect."""

from __future__ import annotations

import datetime as dt
import itertools
import random
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Annotated, Any, NotRequired

import numpy as np
import pytest
from hypothesis import strategies as st
from pydantic import BaseModel, Field, RootModel
from typing_extensions import TypedDict

from abpo_sdk import Decision, DecisionTable, Personal, Policy, Reason, fields, rule
from abpo_sdk.errors import DefinitionError, MissingInput, MistypedInput, PolicyCheckFailed
from abpo_sdk.testing import cases, check_policy
from abpo_sdk.testing.policy_checks import check as suite
from examples.invoices.pay import PaymentCase, payment


class Claim(BaseModel):
    number: str
    amount: Decimal
    country: str = "DE"
    holder: Annotated[str, Personal("name of the holder", subject_field="number")] = "nobody"


CLAIMS = [
    Claim(number="C-1", amount=Decimal(100), country="DE", holder="Erika Mustermann"),
    Claim(number="C-2", amount=Decimal(500), country="FR", holder="Max Mustermann"),
    Claim(number="C-3", amount=Decimal(501), country="DE", holder="John Doe"),
    Claim(number="C-4", amount=Decimal(-5), country="PL", holder="Jane Doe"),
]


class Limit(Policy):
    """Pays up to 500."""

    def __init__(self) -> None:
        self.name = "limit"
        self.owner: Any = "head of claims"
        self.version: Any = "v1"
        self.outcomes: Any = ("pay", "refer")
        self.case_type: Any = Claim

    def outcome(self, case: Any) -> Any:
        return "pay" if case.amount <= 500 else "refer"

    def decide(self, case: Any) -> Decision:
        outcome = self.outcome(case)
        reason = Reason(1, "limit", f"it is {outcome}", factor="amount", value=str(case.amount), amount=1.0)
        return Decision(
            self.name, self.version, outcome, outcome, self.outcomes, 1.0, (reason,), case, ("amount",), self.owner
        )


class Claims(TypedDict):
    amount: int
    note: NotRequired[str]


@dataclass
class Loan:
    sum: float
    term: int
    at: dt.datetime
    seen: bool | None = None


def table(owner: str | None = "head of claims") -> DecisionTable:
    c = fields(Claim)
    small = rule(c.amount <= 500, then="pay", because="it is small")
    foreign = rule(c.country.is_in("FR", "PL"), then="ask", because="it is foreign")
    return DecisionTable("claims", foreign, small, otherwise="refer", owner=owner)


TABLE = table()


# what passes


def test_a_table_passes_every_check_with_made_cases() -> None:
    report = check_policy(
        TABLE, again=table, frame=lambda frame: [TABLE(row).outcome for row in frame.to_dict("records")]
    )
    assert not report.skipped
    assert len(report.checked) == len(suite.CHECKS)
    assert (report.policy, report.refused) == ("claims", 0)
    assert report.cases >= 20


def test_the_table_of_the_example_passes() -> None:
    report = check_policy(payment, examples=15)
    assert set(report.skipped) == {"made again it has the same version"}


def test_made_cases_lie_on_both_sides_of_a_tables_constants() -> None:
    decided: list[Decimal] = []

    class Seen(DecisionTable):
        def decide(self, case: Any) -> Decision:
            decided.append(case.amount)
            return super().decide(case)

    check_policy(Seen("claims", *TABLE.rules, otherwise="refer", owner="x"), examples=100)
    assert {Decimal(500), Decimal("500.01")} <= set(decided)


def test_a_policy_of_ones_own_passes_with_cases_that_are_given_and_the_report_says_what_was_skipped() -> None:
    report = check_policy(Limit(), CLAIMS)
    assert report.cases == 4
    assert "another process gives it the same version" in report.skipped
    assert "passed 18 checks with 4 cases, of which it refused 0\nskipped: a frame" in str(report)


def test_a_policy_about_typed_dictionaries_dataclasses_or_plain_mappings_passes() -> None:
    class OfPlain(Limit):
        def __init__(self) -> None:
            super().__init__()
            self.case_type = None

        def decide(self, case: Any) -> Decision:
            if "amount" not in case:
                raise MissingInput("amount is missing")
            if not isinstance(case["amount"], int):
                raise MistypedInput("amount is no number")
            made = super().decide(Claim(number="x", amount=case["amount"]))
            return replace(made, case=case)

    c, loan = fields(Claims), fields(Loan)
    small = rule(c.amount <= 500, then="pay", because="small")
    short = rule((loan.term < 12) & (loan.sum < 0.5), then="grant", because="it is short")
    late = rule(loan.at > dt.datetime(2026, 1, 1, tzinfo=dt.UTC), then="ask", because="it is late")
    for policy in (
        DecisionTable("claims", small, otherwise="refer", owner="x"),
        DecisionTable("loans", late, short, otherwise="refuse", owner="x"),
    ):
        assert "a missing input is an error" in check_policy(policy).checked
    report = check_policy(OfPlain(), [{"amount": 1, "more": 2}, {"amount": 700, "more": 3}])
    assert "a mistyped input is an error" in report.checked
    assert report.skipped["its cases can be stored"] == "its case_type is None, so nothing says what its cases are"


def test_cases_that_it_refuses_are_counted_and_left_out() -> None:
    class Offer(BaseModel):
        price: Decimal | None

    policy = DecisionTable(
        "offers", rule(fields(Offer).price > 5, then="no", because="dear"), otherwise="yes", owner="x"
    )
    assert check_policy(policy, [Offer(price=None), Offer(price=Decimal(1))]).refused == 1


def test_a_check_can_be_left_out_with_a_reason() -> None:
    report = check_policy(table(owner=None), CLAIMS, except_for={"it says who answers for it": "a prototype"})
    assert report.skipped["it says who answers for it"] == "a prototype"


def test_cases_may_be_a_strategy() -> None:
    made = cases(Claim, amount=st.just(Decimal(7)), country="DE")
    assert check_policy(Limit(), made, examples=5).cases <= 5


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"policy": "limit"}, "give a policy"),
        ({"cases": []}, "no cases were given"),
        ({"cases": "C-1"}, "give a list of cases, or a strategy"),
        ({"cases": 7}, "give a list of cases, or a strategy"),
        ({"except_for": {"it says who answer for it": "x"}}, "did you mean 'it says who answers for it'"),
        ({"except_for": {"it says who answers for it": " "}}, "say why it is left out"),
    ],
)
def test_what_makes_no_sense_is_refused(arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(DefinitionError, match=message):
        check_policy(**{"policy": Limit(), "cases": CLAIMS, **arguments})


def test_a_policy_without_a_case_type_needs_cases() -> None:
    policy = Limit()
    policy.case_type = None
    with pytest.raises(DefinitionError, match="policy 'limit' has no case_type; give cases"):
        check_policy(policy)


# policies with one defect each


class Nameless(Limit):
    def __init__(self) -> None:
        super().__init__()
        self.name = " "


class Versionless(Limit):
    def __init__(self) -> None:
        super().__init__()
        self.version = None


class OutcomesInAList(Limit):
    def __init__(self) -> None:
        super().__init__()
        self.outcomes = ["pay", "refer"]


class OutcomesTwice(Limit):
    def __init__(self) -> None:
        super().__init__()
        self.outcomes = ("pay", "refer", "pay")


class Ownerless(Limit):
    def __init__(self) -> None:
        super().__init__()
        self.owner = None


class Unstorable(BaseModel):
    model_config = {"arbitrary_types_allowed": True}
    number: str
    stream: random.Random


class CasesThatCannotBeStored(Limit):
    def __init__(self) -> None:
        super().__init__()
        self.case_type = TypedDict("Marked", {"iban": Annotated[str, Personal("iban", subject_field="iban")]})


class RefusesAll(Limit):
    def outcome(self, case: Any) -> str:
        raise MissingInput("the weather is missing")


class Crashes(Limit):
    def outcome(self, case: Any) -> str:
        return {"DE": "pay"}[case.country]


class GivesAText(Limit):
    def decide(self, case: Any) -> Any:
        return self.outcome(case)


class Changed(Limit):
    """Changes the decision."""

    changes: Any = None

    def decide(self, case: Any) -> Decision:
        return replace(super().decide(case), **self.changes)


def changed(**changes: Any) -> Policy:
    policy = Changed()
    policy.changes = changes
    return policy


def reason(**changes: Any) -> Policy:
    return changed(reasons=(replace(Reason(1, "code", "a text"), **changes),))


class ChangesItsCase(Limit):
    def outcome(self, case: Any) -> str:
        outcome = super().outcome(case)
        case.amount += 1
        return outcome


class Wavers(Limit):
    def __init__(self) -> None:
        super().__init__()
        self.turn = itertools.count()

    def outcome(self, case: Any) -> str:
        return "pay" if next(self.turn) % 3 else "refer"


class RemembersTheLastCase(Limit):
    last = Decimal(0)

    def outcome(self, case: Any) -> str:
        outcome = "pay" if self.last <= case.amount else "refer"
        self.last = case.amount
        return outcome


class GivesMappingsBack(Limit):
    def __call__(self, case: Any) -> Decision:
        return replace(super().__call__(case), case=case)


class GivesAnotherCaseBack(Limit):
    def decide(self, case: Any) -> Decision:
        return replace(super().decide(case), case=case.model_copy(update={"country": "XX"}))


class DecidesOtherwiseAboutMappings(Limit):
    def __call__(self, case: Any) -> Decision:
        made = super().__call__(case)
        return replace(made, outcome="refer", proposed="refer") if isinstance(case, dict) else made


class TakesMissingForZero(Limit):
    def __call__(self, case: Any) -> Decision:
        return super().__call__({"amount": 0, **case} if isinstance(case, dict) else case)


class TakesMissingForZeroWithoutAType(Limit):
    def __init__(self) -> None:
        super().__init__()
        self.case_type = None

    def decide(self, case: Any) -> Decision:
        return replace(super().decide(Claim(number="x", amount=case.get("amount", 0))), case=case)


class FailsWhereSomethingIsMissing(TakesMissingForZeroWithoutAType):
    def decide(self, case: Any) -> Decision:
        return replace(Limit.decide(self, Claim(number="x", amount=case["amount"])), case=case)


class TakesMistypedForTheDefault(Limit):
    def __call__(self, case: Any) -> Decision:
        try:
            return super().__call__(case)
        except MissingInput:
            raise
        except MistypedInput:
            return super().__call__({"number": "x", "amount": 501})


class Ratio(BaseModel):
    value: float


class TakesNaN(Limit):
    def __init__(self) -> None:
        super().__init__()
        self.case_type = Ratio

    def decide(self, case: Any) -> Decision:
        return replace(
            super().decide(Claim(number="x", amount=Decimal(str(case.value)).min(5))), case=case, inputs=("value",)
        )


class ReadsInSecret(Limit):
    def outcome(self, case: Any) -> str:
        return "refer" if case.country == "PL" else super().outcome(case)


class KnowsWhetherItIsInARun(Limit):
    def outcome(self, case: Any) -> str:
        from abpo_sdk.ledger.recorder import UNRECORDED, recorder

        return super().outcome(case) if recorder() is UNRECORDED else "refer"


class CountsInARun(KnowsWhetherItIsInARun):
    def __call__(self, case: Any) -> Decision:
        from abpo_sdk.ledger.recorder import UNRECORDED, recorder

        made = super(Limit, self).__call__(case)
        if recorder() is not UNRECORDED:
            self.calls = getattr(self, "calls", 0) + 1
            if self.calls > len(CLAIMS):
                return replace(made, confidence=0.5)
        return made

    outcome = Limit.outcome


class FailsInARun(Limit):
    def outcome(self, case: Any) -> str:
        from abpo_sdk.ledger.recorder import UNRECORDED, recorder

        if recorder() is not UNRECORDED:
            raise KeyError("no connection")
        return super().outcome(case)


class Loose(BaseModel):
    amount: Any


class CasesThatComeBackOtherwise(Limit):
    def __init__(self) -> None:
        super().__init__()
        self.case_type = Loose

    def decide(self, case: Any) -> Decision:
        return replace(super().decide(Claim(number="x", amount=case.amount)), case=case)


BROKEN: dict[str, tuple[Policy, str, str]] = {
    "no name": (Nameless(), "it has a name a version and outcomes", "name: expected a text, and saw ' '"),
    "no version": (Versionless(), "it has a name a version and outcomes", "version: expected a text, and saw None"),
    "a list": (OutcomesInAList(), "it has a name a version and outcomes", "expected a tuple of texts"),
    "twice": (OutcomesTwice(), "it has a name a version and outcomes", "expected each once"),
    "no owner": (Ownerless(), "it says who answers for it", "owner: expected a text, and saw None"),
    "not storable": (CasesThatCannotBeStored(), "its cases can be stored", "has personal fields"),
    "refuses all": (RefusesAll(), "it decides at least one", "all were refused, as was Claim .*the weather is missing"),
    "crashes": (Crashes(), "it decides at least one", "about Claim .*'C-2'.*it raised KeyError: 'FR'"),
    "a text": (GivesAText(), "it decides at least one", "expected a Decision, and it gave a str"),
    "other policy": (changed(policy="other"), "a decision says which policy made it", "policy: expected 'limit'"),
    "other version": (changed(version="v0"), "a decision says which policy made it", "version: expected 'v1'"),
    "other owner": (changed(owner=None), "a decision says which policy made it", "owner: expected 'head of claims'"),
    "other outcomes": (changed(outcomes=("pay",)), "a decision says which policy made it", "outcomes: expected"),
    "a person": (changed(decided_by="maria"), "a decision says which policy made it", "decided_by"),
    "undeclared": (changed(outcome="yes", proposed="yes"), "the outcome is one that it declares", "and saw 'yes'"),
    "proposes": (changed(proposed="refer"), "the outcome is one that it declares", "proposed: expected 'pay'"),
    "over 1": (changed(confidence=1.01), "the confidence lies between 0 and 1", "expected 0 to 1, and saw 1.01"),
    "NaN": (changed(confidence=float("nan")), "the confidence lies between 0 and 1", "and saw nan"),
    "numpy": (changed(confidence=np.float64(0.5)), "the confidence lies between 0 and 1", "give float"),
    "true": (changed(confidence=True), "the confidence lies between 0 and 1", "saw a bool"),
    "calibrated": (changed(calibrated=None), "the confidence lies between 0 and 1", "calibrated: expected True or"),
    "no reasons": (changed(reasons=()), "it gives reasons in their order", "at least one"),
    "texts": (changed(reasons=("small",)), "it gives reasons in their order", "expected Reason objects, and saw a str"),
    "blank": (reason(text=" "), "it gives reasons in their order", "a reason's text: expected a text, and saw ' '"),
    "no code": (reason(code=""), "it gives reasons in their order", "a reason's code"),
    "value": (reason(value=7), "it gives reasons in their order", "a reason's value: expected a text or None"),
    "amount": (reason(amount=float("inf")), "it gives reasons in their order", "expected a finite float or None"),
    "rank": (reason(rank=2), "it gives reasons in their order", r"expected \[1\], and saw \[2\]"),
    "no field": (changed(inputs=("amuont",)), "the fields that it read are fields of the case", "and saw 'amuont'"),
    "not dotted": (changed(inputs=("amount.cents",)), "the fields that it read are fields of the case", "cents"),
    "inputs": (changed(inputs=["amount"]), "the fields that it read are fields of the case", "expected a tuple"),
    "input twice": (changed(inputs=("amount",) * 2), "the fields that it read are fields of the case", "each once"),
    "changes": (ChangesItsCase(), "it leaves its case as it was", "and the policy changed it"),
    "wavers": (Wavers(), "it decides the same case the same", "again: outcome: expected"),
    "remembers": (RemembersTheLastCase(), "it decides the same case the same", "again: outcome: expected"),
    "mappings": (GivesMappingsBack(), "a mapping is decided as the object is", "expected a Claim, and saw a dict"),
    "other case": (GivesAnotherCaseBack(), "a mapping is decided as the object is", "and saw another one"),
    "unlike": (DecidesOtherwiseAboutMappings(), "a mapping is decided as the object is", "given as a mapping"),
    "missing": (TakesMissingForZero(), "a missing input is an error", "without 'amount': expected .* it decided 'pay'"),
    "mistyped": (TakesMistypedForTheDefault(), "a mistyped input is an error", "with number = .* it decided 'refer'"),
    "in secret": (
        ReadsInSecret(),
        "what it did not record reading makes no difference",
        r"expected \['amount'\] to be",
    ),
    "in a run": (KnowsWhetherItIsInARun(), "it decides alike inside a run", "in a run: outcome: expected 'pay'"),
    "resumed": (CountsInARun(), "it decides alike inside a run", "in a run that is resumed: confidence: expected"),
    "fails in a run": (
        FailsInARun(),
        "it decides alike inside a run",
        "about Claim .*'C-1'.* became an incident: .*KeyError",
    ),
}


@pytest.mark.parametrize("name", BROKEN)
def test_a_defect_is_found_and_the_error_names_the_check_and_what_was_seen(name: str) -> None:
    policy, check, message = BROKEN[name]
    with pytest.raises(PolicyCheckFailed, match=f"(?s){check}.*{message}") as failed:
        check_policy(policy, CLAIMS)
    assert isinstance(failed.value, AssertionError)
    assert "Mustermann" not in str(failed.value)


ELSEWHERE = {
    "its reasons hold nothing personal",
    "what the ledger has is what it decided",
    "a frame is decided as its rows are",
    "made again it has the same version",
    "another process gives it the same version",
}
"""The checks whose defects are below."""


def test_there_is_a_defect_for_each_check() -> None:
    names = {check.__name__.replace("_", " ") for check in suite.CHECKS}
    found = {name for name in names for _, check, _ in BROKEN.values() if name.startswith(check)}
    assert found | ELSEWHERE == names
    assert len(found) + len(ELSEWHERE) == len(names)


def test_a_reason_that_holds_what_is_personal_is_found() -> None:
    class Tells(Limit):
        def decide(self, case: Any) -> Decision:
            made = super().decide(case)
            return replace(made, reasons=(replace(made.reasons[0], text=f"{case.holder} claims little"),))

    with pytest.raises(
        PolicyCheckFailed, match=r"its reasons hold nothing personal: .* name of the holder of the case"
    ):
        check_policy(Tells(), CLAIMS)


@pytest.mark.parametrize(
    ("policy", "check"),
    [
        (TakesMissingForZeroWithoutAType(), "a missing input is an error"),
        (FailsWhereSomethingIsMissing(), "a missing input is an error: .* it raised KeyError"),
    ],
)
def test_what_is_missing_from_a_plain_mapping_is_an_error_too(policy: Policy, check: str) -> None:
    with pytest.raises(PolicyCheckFailed, match=check):
        check_policy(policy, [{"amount": 700}, {"amount": 1}])


def test_a_value_that_is_no_number_is_a_mistyped_input() -> None:
    with pytest.raises(
        PolicyCheckFailed, match=r"a mistyped input is an error: .*with value = nan: expected .* decided"
    ):
        check_policy(TakesNaN(), [Ratio(value=1.5), Ratio(value=700)])


def test_a_case_that_comes_back_from_the_ledger_as_another_is_found() -> None:
    policy = CasesThatComeBackOtherwise()
    with pytest.raises(
        PolicyCheckFailed, match=r"what the ledger has is what it decided: about Loose .* saw another one"
    ):
        check_policy(policy, [Loose(amount=Decimal("1.5"))])


def test_a_frame_that_is_decided_otherwise_than_its_rows_is_found() -> None:
    with pytest.raises(
        PolicyCheckFailed, match=r"a frame is decided as its rows are: about Claim .*: expected 'refer'"
    ):
        check_policy(Limit(), CLAIMS, frame=lambda frame: frame["amount"].map(lambda _: "pay"))
    with pytest.raises(PolicyCheckFailed, match="expected 4 outcomes of as many rows, and saw 3"):
        check_policy(Limit(), CLAIMS, frame=lambda frame: ["pay"] * 3)


class OfFrames(Limit):
    def decide_frame(self, frame: Any) -> Any:
        return frame.assign(outcome=["pay" if amount <= 500 else "refer" for amount in frame["amount"]])


def test_a_method_for_frames_is_checked_without_being_named() -> None:
    assert "a frame is decided as its rows are" in check_policy(OfFrames(), CLAIMS).checked


class VersionByTheClock(Limit):
    numbers = itertools.count()

    def __init__(self) -> None:
        super().__init__()
        self.version = f"v{next(self.numbers)}"


class VersionByHash(Limit):
    def __init__(self) -> None:
        super().__init__()
        self.version = str(hash(self.name))


BY_HASH = VersionByHash()


def test_a_version_that_differs_from_one_construction_to_the_next_is_found() -> None:
    with pytest.raises(
        PolicyCheckFailed, match="made again it has the same version: version: expected 'v0', and saw 'v1'"
    ):
        check_policy(VersionByTheClock(), CLAIMS, again=VersionByTheClock)
    policy = Limit()
    with pytest.raises(PolicyCheckFailed, match="made again it has the same version: again= gave the same object"):
        check_policy(policy, CLAIMS, again=lambda: policy)


def test_a_version_that_differs_from_process_to_process_is_found() -> None:
    with pytest.raises(PolicyCheckFailed, match=r"another process gives it the same version: .*PYTHONHASHSEED"):
        check_policy(BY_HASH, CLAIMS)


def test_a_case_type_that_is_a_root_model_is_said_to_be_skipped() -> None:
    class Amount(RootModel[Annotated[int, Field(ge=0)]]):
        pass

    class OfAmounts(Limit):
        def decide(self, case: Any) -> Decision:
            return replace(super().decide(Claim(number="x", amount=Decimal(case.root))), case=case, inputs=("root",))

    policy = OfAmounts()
    policy.case_type = Amount
    assert "a root model" in check_policy(policy, cases(Amount)).skipped["a missing input is an error"]


def test_the_example_has_cases_of_its_own_type() -> None:
    assert payment.case_type is PaymentCase
