"""Every exception of the library, below one `AbpoError`.

AbpoError
├── DefinitionError          something is declared wrongly, or an argument is none that fits; raised at once
├── ConditionError
│   ├── UnknownField         a field that the model does not have
│   ├── UnlikeTypes          a comparison or sum of things that do not compare or add up
│   ├── NoTruthValue         `and`, `or`, `not` or a chained comparison on a condition
│   └── InputError           what a condition needs of this case is not fit to be compared
│       ├── MissingInput     the value is absent
│       ├── MistypedInput    the value has another type, is NaN or infinite, or is a time without a zone
│       └── NotInForce       no version of a policy was in force at the time
├── UnknownOutcome           an outcome that the policy does not know
├── TableError
│   ├── TableInvalid         rows that are wrong, in a table that is checked strictly
│   ├── NoRuleApplies        a case that no row of a table covers, and there is no default
│   └── HitPolicyViolated    rows match a case together that the hit policy does not allow together
├── DmnError                 a decision model's file that cannot be read, or a policy that cannot be written as one
│   └── FeelError            an expression in FEEL that cannot be read, or means what is not supported
├── LedgerError
│   ├── NotCanonical         a value that has no canonical JSON form
│   ├── LossyRoundTrip       a value that does not come back from the ledger as it went in
│   ├── EncryptionError      a personal field that cannot be encrypted or opened
│   │   └── Erased           the subject's key is gone, and with it the content
│   ├── OnHold               a legal hold forbids erasing
│   ├── LedgerBroken         the stored evidence contradicts itself
│   ├── LedgerFrozen         the ledger is shorter than its anchor, and a person must reconcile it first
│   ├── ProofInvalid         an inclusion or consistency proof that does not hold
│   ├── NoteInvalid          a signed note that is malformed, or that no known key signed
│   ├── UnknownExport        a file that the ledger did not export, or that was changed since
│   ├── SchemaUnknown        a file that a later release wrote, or that is no ledger
│   └── StoreUnavailable     locked, read-only, full or damaged storage
├── RunError
│   ├── UnknownProcess       the runtime does not have the process
│   ├── UnknownRun           no run has this id
│   ├── DuplicateRun         the id is taken by a run with another input
│   ├── RunNotDone           the result is not there yet
│   ├── RunFailed            the run is an incident, or was abandoned
│   ├── IncidentError        an incident cannot be resolved that way
│   ├── ReplayDiverged       the code does other things than the ledger says it did
│   ├── RunStale             the code changed since the run started
│   ├── RuntimeStopped       the runtime was told to stop, and begins nothing more
│   ├── RunBusy              another worker holds the run
│   ├── Stopped              a person has stopped the process
│   ├── LeaseLost            this worker no longer holds the run
│   ├── StepTimedOut         an attempt of a step took too long
│   ├── OutcomeUnknown       nobody can tell whether an effect was done
│   ├── NotAwaited           a process ended before it awaited what it had called
│   ├── OutOfScope           a primitive was called where the run does not know of it
│   ├── ParkingSwallowed     the process caught what ends the segment at a gate, or interrupts a step
│   └── NoRun                a key or a scope was asked for outside a run
├── ReviewError
│   ├── ReviewRequired       a person must decide, and there is no run that could wait; carries the review
│   ├── UnknownReview        no review has this id
│   ├── ReviewClosed         the review has been answered
│   │   └── ReviewExpired    nobody answered it in time
│   ├── ReviewChanged        what was shown is not what stands there now
│   ├── ClockWrong           the clock tells a time that cannot be
│   ├── Disagreement         those who had to decide together did not agree
│   ├── EditInvalid          a correction that does not fit what the decision gives
│   ├── NotPermitted         this person may not do this
│   │   └── SeparationOfDuties  they have to do with the case
│   ├── NobodyHolds          no person holds the role
│   ├── RationaleMissing     an answer without a reason
│   ├── RationaleTooLong     a reason that nobody would read
│   ├── ReadTooFast          an answer sooner than what was shown can be read
│   ├── TooManyInARow        a confirmation after too many without a pause
│   ├── OverLimit            an approval of more than the role may approve, alone or in sum
│   └── AmountInvalid        an amount that cannot be held against a limit
├── LineageError             a source that cannot be named
├── AuditError               an auditor was given what it cannot count
├── EvaluationError          past cases that cannot be evaluated
├── CrashTestFailed          a process lost or doubled something when it crashed
├── ReplayCheckFailed        a process does other things when it is replayed
├── StoreCheckFailed         a store does not do what a ledger needs of it
├── PolicyCheckFailed        a policy does not do what every policy must
├── ProcessCheckFailed       a process does what a replay would not repeat
└── CasesRejected            nearly all made cases are refused by their model, or by the ledger
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from abpo_sdk.gates.authority.consultation import Consultation
    from abpo_sdk.values.review import Review

__all__ = [
    "AbpoError",
    "AmountInvalid",
    "AuditError",
    "CasesRejected",
    "ClockWrong",
    "ConditionError",
    "CrashTestFailed",
    "DefinitionError",
    "Disagreement",
    "DmnError",
    "DuplicateRun",
    "EditInvalid",
    "EncryptionError",
    "Erased",
    "EvaluationError",
    "FeelError",
    "HitPolicyViolated",
    "IncidentError",
    "InputError",
    "LeaseLost",
    "LedgerBroken",
    "LedgerError",
    "LedgerFrozen",
    "LineageError",
    "LossyRoundTrip",
    "MissingInput",
    "MistypedInput",
    "NoRuleApplies",
    "NoRun",
    "NoTruthValue",
    "NobodyHolds",
    "NotAwaited",
    "NotCanonical",
    "NotInForce",
    "NotPermitted",
    "NoteInvalid",
    "OnHold",
    "OutOfScope",
    "OutcomeUnknown",
    "OverLimit",
    "ParkingSwallowed",
    "PolicyCheckFailed",
    "ProcessCheckFailed",
    "ProofInvalid",
    "RationaleMissing",
    "RationaleTooLong",
    "ReadTooFast",
    "ReplayCheckFailed",
    "ReplayDiverged",
    "ReviewChanged",
    "ReviewClosed",
    "ReviewError",
    "ReviewExpired",
    "ReviewRequired",
    "RunBusy",
    "RunError",
    "RunFailed",
    "RunNotDone",
    "RunStale",
    "RuntimeStopped",
    "SchemaUnknown",
    "SeparationOfDuties",
    "StepTimedOut",
    "Stopped",
    "StoreCheckFailed",
    "StoreUnavailable",
    "TableError",
    "TableInvalid",
    "TooManyInARow",
    "UnknownExport",
    "UnknownField",
    "UnknownOutcome",
    "UnknownProcess",
    "UnknownReview",
    "UnknownRun",
    "UnlikeTypes",
]


class AbpoError(Exception):
    """The base of every exception that this library raises on purpose."""


class DefinitionError(AbpoError):
    """Something is declared wrongly, or an argument is none that fits; raised at once."""


class ConditionError(AbpoError):
    """A condition is written wrongly, or cannot be evaluated."""


class UnknownField(ConditionError):
    """A field that the model does not have."""


class UnlikeTypes(ConditionError):
    """A comparison or sum of things that do not compare or add up."""


class NoTruthValue(ConditionError):
    """`and`, `or`, `not` or a chained comparison was used on a condition."""


class InputError(ConditionError):
    """What a condition needs of this case is not fit to be compared."""


class MissingInput(InputError):
    """The value is absent."""


class MistypedInput(InputError):
    """The value has another type than declared, is NaN or infinite, or is a time without a zone."""


class NotInForce(InputError):
    """No version of a policy was in force at the time that counts for the case; the message names the time, and the first version's."""


class UnknownOutcome(AbpoError):
    """An outcome that the policy does not know."""


class TableError(AbpoError):
    """A decision table that cannot decide what it was asked to."""


class NoRuleApplies(TableError):
    """No row of a table covers the case, and it has no default."""


class TableInvalid(TableError):
    """The rows of a table that is checked strictly contradict one another, can never decide, overlap, or leave gaps."""


class HitPolicyViolated(TableError):
    """Rows match a case together that the table's hit policy does not allow together."""


class DmnError(AbpoError):
    """A decision model's file that cannot be read, or a policy that cannot be written as one; names the file, the place and the text."""


class FeelError(DmnError):
    """An expression in FEEL that cannot be read, or means what is not supported."""


class LedgerError(AbpoError):
    """The ledger cannot take or give what was asked."""


class NotCanonical(LedgerError):
    """A value that has no canonical JSON form (RFC 8785)."""


class LossyRoundTrip(LedgerError):
    """A value that does not come back from the ledger as it went in."""


class EncryptionError(LedgerError):
    """A personal field that cannot be encrypted or opened."""


class Erased(EncryptionError):
    """The subject's key is gone, and with it the content."""


class LedgerBroken(LedgerError):
    """The stored evidence contradicts itself.

    `chain` and `entry` name the first bad entry: the run (or key) that it belongs to, and its position
    there, counted from 0 (None where no single entry is to blame). `leaf` is a position in the tree over all entries,
    where that is what is known.
    """

    def __init__(
        self, message: str, *, chain: str | None = None, entry: int | None = None, leaf: int | None = None
    ) -> None:
        super().__init__(message)
        self.chain = chain
        self.entry = entry
        self.leaf = leaf


class OnHold(LedgerError):
    """A legal hold forbids erasing."""


class LedgerFrozen(LedgerError):
    """The ledger is shorter than its anchor (a restored backup?), and takes no writes until a person has reconciled it."""


class ProofInvalid(LedgerError):
    """An inclusion or consistency proof that does not hold, or that is none."""


class NoteInvalid(LedgerError):
    """A signed note that is malformed, that no known key signed, or that another log signed."""


class UnknownExport(LedgerError):
    """A file that the ledger did not export, or that was changed since."""


class SchemaUnknown(LedgerError):
    """A file that a later release wrote, or that is no ledger."""


class StoreUnavailable(LedgerError):
    """Locked, read-only, full or damaged storage; nothing of the attempted write was kept.

    Of a ledger on Postgres whose connection is lost during the commit, the message says that nobody knows whether it was (kept).
    """


class RunError(AbpoError):
    """Something about a run."""


class UnknownProcess(RunError):
    """The runtime does not have the process."""


class UnknownRun(RunError):
    """No run has this id."""


class DuplicateRun(RunError):
    """The id is taken by a run with another input."""


class RunNotDone(RunError):
    """The result is not there yet."""


class RunFailed(RunError):
    """The run is an incident that waits for a person, or was abandoned."""


class IncidentError(RunError):
    """An incident cannot be resolved that way."""


class ReplayDiverged(RunError):
    """The code does other things than the ledger says it did.

    The message names the place, the recorded and the present value.
    """


class RunStale(RunError):
    """The code of the process changed since the run started."""


class RuntimeStopped(RunError):
    """The runtime was told to stop, and begins nothing more; another one goes on."""


class Stopped(RunError):
    """A person has stopped the process, and it does nothing until a person who holds the named role lets it go on."""


class RunBusy(RunError):
    """Another worker holds the run."""


class LeaseLost(RunError):
    """This worker no longer holds the run; nothing that it tried to write was kept."""


class StepTimedOut(RunError, TimeoutError):
    """An attempt of a step took longer than its `timeout`; what it was doing may still happen."""


class OutcomeUnknown(RunError):
    """Nobody can tell whether an effect was done, so that doing it again could double it; a person must find out."""


class NotAwaited(RunError):
    """A process ended before it awaited something that it had called, which so was not done."""


class OutOfScope(RunError):
    """A primitive was called where the run does not know of it (another thread or task)."""


class ParkingSwallowed(RunError):
    """The process caught what ends the segment at a gate (a bare `except:` or `except BaseException:`), or interrupted a step."""


class NoRun(RunError):
    """A key or a scope was asked for outside a run."""


class ReviewError(AbpoError):
    """Something about a review or its answer."""


class ReviewRequired(ReviewError):
    """A person must decide, and there is no run that could wait.

    `review` is the review to open with `Reviews.open`; `reviews` are all of them, where gates that are asked together need several.
    """

    def __init__(self, message: str, *, review: Review, others: tuple[Review, ...] = ()) -> None:
        super().__init__(message)
        self.review = review
        self.reviews = (review, *others)


class UnknownReview(ReviewError):
    """No review has this id."""


class ReviewClosed(ReviewError):
    """The review has been answered, or its run has ended."""


class ReviewExpired(ReviewClosed):
    """Nobody answered the review in time; what waited for it must be decided anew."""


class ReviewChanged(ReviewError):
    """What was shown is not what stands there now."""


class ClockWrong(ReviewError):
    """The clock tells a time without a zone, or one before the review was opened."""


class Disagreement(ReviewError):
    """Those who had to decide together gave different outcomes, and nobody was named to break the tie."""


class EditInvalid(ReviewError):
    """A correction that names what the decision does not give, or is of another type."""


class NotPermitted(ReviewError):
    """This person may not do this."""


class SeparationOfDuties(NotPermitted):
    """This person, who acts for them, or for whom they act, has to do with the case, and so does not decide it."""


class NobodyHolds(ReviewError):
    """No person holds the role."""


class RationaleMissing(ReviewError):
    """An answer or a resolution without a reason."""


class RationaleTooLong(ReviewError):
    """A reason that nobody would read."""


class ReadTooFast(ReviewError):
    """An answer sooner than what was shown can be read, or to what was never shown; it may be given again later."""


class TooManyInARow(ReviewError):
    """A confirmation after too many without a pause; it may be given after the pause."""


class OverLimit(ReviewError):
    """An approval of more than the role may approve: alone, in sum over a time, or together with the cases that it was split from.

    `consultation` holds what every limit said.
    """

    def __init__(self, message: str, *, consultation: Consultation | None = None) -> None:
        super().__init__(message)
        self.consultation = consultation


class AmountInvalid(ReviewError):
    """An amount that cannot be held against a limit: NaN, negative, a part of a cent, or in a mixed or unknown currency.

    `consultation` holds what every limit said, where any was asked.
    """

    def __init__(self, message: str, *, consultation: Consultation | None = None) -> None:
        super().__init__(message)
        self.consultation = consultation


class LineageError(AbpoError):
    """A source that cannot be named."""


class AuditError(AbpoError):
    """An auditor was given what it cannot count."""


class EvaluationError(AbpoError):
    """Past cases that cannot be evaluated."""


class CrashTestFailed(AbpoError, AssertionError):
    """A process lost or doubled something when it crashed."""


class ReplayCheckFailed(AbpoError, AssertionError):
    """A process does other things when it is replayed; the message names the first place, and what to use instead."""


class StoreCheckFailed(AbpoError, AssertionError):
    """A store does not do what a ledger needs of it; the message names the check, what was expected and what was seen."""


class PolicyCheckFailed(AbpoError, AssertionError):
    """A policy does not do what every policy must; the message names the check, the case and what was seen."""


class ProcessCheckFailed(AbpoError, AssertionError):
    """A process does what a replay would not repeat; the message lists every place, why it matters and what to do instead."""


class CasesRejected(AbpoError):
    """Nearly all made cases are refused by their model, or by the ledger; the message says why the last one was."""
