"""How far people agree who decide the same cases, beyond what chance alone would give."""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from typing import Literal

from abpo_sdk.errors import DefinitionError
from abpo_sdk.gates.guarding.disagreement import Patterns, positions_of
from abpo_sdk.gates.guarding.jackknife import interval_of, jackknife
from abpo_sdk.gates.guarding.ratings import codes_of, row_of, rows_of

__all__ = ["Agreement", "Level", "cohen_kappa", "fleiss_kappa", "krippendorff_alpha"]

Level = Literal["nominal", "ordinal", "interval"]

_LEVELS = ("nominal", "ordinal", "interval")
_ALIKE = "all answers are alike, so that chance alone would give the same agreement"
_PERFECT = "no interval: every unit agrees, which gives no measure of the spread"


@dataclass(frozen=True, slots=True)
class Agreement:
    """How far people agree: 1 is always, 0 is as often as by chance, below 0 is less often than that.

    Args:
        statistic: its name.
        value: the statistic; None where it is not defined.
        observed: the observed share of agreeing pairs; of Krippendorff's alpha the observed *disagreement*, in the units
            of its level (the share of unlike pairs; squared differences of ranks or numbers).
        expected: the same as chance would give it.
        units: how many units (reviews) it rests on.
        raters: how many ratings a unit has, at most.
        interval: the bounds of the 95 % interval; None where there is none.
        why: why there is no value, or else why there is no interval.

    >>> cohen_kappa(["pay", "pay"], ["pay", "pay"]).why
    'all answers are alike, so that chance alone would give the same agreement'
    """

    statistic: str
    value: float | None
    observed: float | None
    expected: float | None
    units: int
    raters: int
    interval: tuple[float, float] | None = None
    why: str | None = None

    def __str__(self) -> str:
        """One line in words."""
        if self.value is None:
            return f"{self.statistic} is not measured: {self.why}"
        between = ""
        if self.interval is not None:
            between = f", 95 % interval {self.interval[0]:.2f} to {self.interval[1]:.2f}"
        return (
            f"{self.statistic} {self.value:.2f} over {self.units:,} {'unit' if self.units == 1 else 'units'}{between}"
        )


def cohen_kappa(a: Sequence[Hashable], b: Sequence[Hashable]) -> Agreement:
    """Cohen's kappa of two raters who rated the same units.

    J. Cohen, A coefficient of agreement for nominal scales, Educational and Psychological Measurement 20 (1960), by
    statsmodels. The interval is the value plus and minus 1.96 standard errors of J. L. Fleiss, J. Cohen, B. S. Everitt,
    Large sample standard errors of kappa and weighted kappa, Psychological Bulletin 72 (1969); it is for many units, and
    is left out for fewer than 10.

    Args:
        a: the first rater's labels, one a unit.
        b: the second rater's, of the same units in the same order.

    Raises:
        DefinitionError: another number of labels, a missing label, or what is none.

    >>> print(cohen_kappa(["pay"] * 40 + ["refer"] * 20, ["pay"] * 35 + ["refer"] * 25))
    Cohen's kappa 0.82 over 60 units, 95 % interval 0.68 to 0.97
    """
    first, second = row_of(a, "a"), row_of(b, "b")
    if len(first) != len(second):
        raise DefinitionError(f"a has {len(first)} labels and b has {len(second)}; both must rate the same units")
    _refuse_missing([first, second], "rater")
    name, n = "Cohen's kappa", len(first)
    if not n:
        return Agreement(name, None, None, None, 0, 2, why="no unit was rated by both")
    codes = codes_of([*first, *second])
    pairs = Counter((codes[x], codes[y]) for x, y in zip(first, second, strict=True))
    rows, columns = Counter(codes[x] for x in first), Counter(codes[y] for y in second)
    agree = sum(times for (row, column), times in pairs.items() if row == column)
    chance = sum(times * columns[code] for code, times in rows.items())
    observed, expected = agree / n, chance / n**2
    if chance == n**2:
        return Agreement(name, None, observed, expected, n, 2, why=_ALIKE)

    import numpy as np
    from statsmodels.stats.inter_rater import cohens_kappa

    table = np.zeros((len(codes), len(codes)))
    for place, times in pairs.items():
        table[place] = times
    # Where one rater always gives the same label, a test that is not used here divides by 0.
    with np.errstate(invalid="ignore", divide="ignore"):
        result = cohens_kappa(table)
    value = float(result.kappa)
    interval, why = interval_of(value, max(0.0, float(result.var_kappa)) ** 0.5, n)
    why = _PERFECT if agree == n else why
    return Agreement(name, value, observed, expected, n, 2, None if agree == n else interval, why)


def fleiss_kappa(
    ratings: Sequence[Sequence[Hashable]] | None = None, *, counts: Sequence[Sequence[int]] | None = None
) -> Agreement:
    """Fleiss' kappa of units that each have the same number of ratings, by whomever.

    J. L. Fleiss, Measuring nominal scale agreement among many raters, Psychological Bulletin 76 (1971), by statsmodels.
    The interval is by the jackknife over units (J. L. Fleiss, M. Davies, Jackknifing functions of multinomial
    frequencies, with an application to a measure of concordance, American Journal of Epidemiology 115, 1982); it is left
    out for fewer than 10 units.

    Args:
        ratings: one row a unit, the labels that it was given.
        counts: instead of `ratings`, one row a unit: how many raters gave each label, in the same order of labels.

    Raises:
        DefinitionError: neither or both; unlike numbers of ratings; fewer than 2 raters; a missing label, or what is none.

    >>> fleiss_kappa([["pay", "pay", "pay"], ["refer", "refer", "refer"], ["pay", "refer", "refer"]]).value
    0.55
    """
    if (ratings is None) == (counts is None):
        raise DefinitionError("fleiss_kappa takes either ratings or counts=, one row a unit")
    table = _counted(rows_of(ratings, "ratings")) if ratings is not None else _checked(rows_of(counts, "counts"))
    name, units = "Fleiss' kappa", len(table)
    if not units:
        return Agreement(name, None, None, None, 0, 0, why="no unit was rated")
    raters = sum(table[0])
    if any(sum(row) != raters for row in table):
        unlike = next(place for place, row in enumerate(table) if sum(row) != raters)
        raise DefinitionError(
            f"unit 0 has {raters} ratings and unit {unlike} has {sum(table[unlike])}; Fleiss' kappa needs as many of each: "
            "use krippendorff_alpha"
        )
    if raters < 2:
        raise DefinitionError(f"each unit has {raters} ratings; agreement needs at least 2")

    import numpy as np
    from statsmodels.stats import inter_rater

    array = np.asarray(table, dtype=float)
    totals = array.sum(axis=0)
    agreeing = (np.square(array).sum(axis=1) - raters) / (raters * (raters - 1))
    observed = float(agreeing.mean())
    expected = float(np.square(totals / totals.sum()).sum())
    if np.count_nonzero(totals) == 1:
        return Agreement(name, None, observed, expected, units, raters, why=_ALIKE)
    value = float(inter_rater.fleiss_kappa(array))
    if all(max(row) == raters for row in table):
        return Agreement(name, value, observed, expected, units, raters, why=_PERFECT)
    left = totals - array
    # Without a unit all others may be alike, which leaves kappa undefined there, and the jackknife too.
    with np.errstate(invalid="ignore", divide="ignore"):
        by_chance = np.square(left / left.sum(axis=1, keepdims=True)).sum(axis=1)
        others = (agreeing.sum() - agreeing) / (units - 1)
        undefined = np.count_nonzero(left, axis=1) < 2
        without = np.where(undefined, np.nan, (others - by_chance) / (1 - by_chance))
    interval, why = jackknife(value, without, np.ones(units))
    return Agreement(name, value, observed, expected, units, raters, interval, why)


def krippendorff_alpha(
    ratings: Sequence[Sequence[Hashable | None]], *, level: Level = "nominal", order: Sequence[Hashable] | None = None
) -> Agreement:
    """Krippendorff's alpha: any number of raters, who need not have rated every unit.

    K. Krippendorff, Computing Krippendorff's alpha-reliability (2011), with its differences of nominal, ordinal and
    interval data. A unit with fewer than two ratings is left out, as there. The interval is by the jackknife over units,
    as that of `fleiss_kappa`.

    Args:
        ratings: one row a unit, the labels that it was given; None where a rater gave none.
        level: "nominal" (labels are alike or not), "ordinal" (their order counts) or "interval" (their difference does).
        order: the labels from lowest to highest, for ordinal labels that are not numbers.

    Raises:
        DefinitionError: an unknown level; labels that the level cannot order or subtract; NaN, or what is no label.

    >>> answers = [["pay", "pay", None], ["refer", "pay", "refer"], ["refer", "refer", "refer"], ["pay", None, "pay"]]
    >>> round(krippendorff_alpha(answers).value, 3)
    0.64
    """
    if level not in _LEVELS:
        raise DefinitionError(f"level={level!r} is not known; use one of {', '.join(map(repr, _LEVELS))}")
    if order is not None and level != "ordinal":
        raise DefinitionError(f"order= says how ordinal labels are ordered, and the level is {level!r}")
    rows = [[label for label in row if label is not None] for row in rows_of(ratings, "ratings")]
    name = f"Krippendorff's alpha ({level})"
    raters = max((len(row) for row in rows), default=0)
    given = codes_of(label for row in rows for label in row)
    positions = positions_of(list(given), level, order)  # every label is checked, though a lone one does not count
    paired = [row for row in rows if len(row) > 1]
    if not paired:
        return Agreement(name, None, None, None, 0, raters, why="no unit has two ratings")
    patterns = Patterns.of(paired, given, positions, level)
    observed, expected = patterns.disagreements(patterns.times)
    if not patterns.varies(patterns.times):
        return Agreement(name, None, observed, expected, len(paired), raters, why=_ALIKE)
    value = 1 - observed / expected
    if observed == 0:
        return Agreement(name, value, observed, expected, len(paired), raters, why=_PERFECT)
    interval, why = patterns.interval(value)
    return Agreement(name, value, observed, expected, len(paired), raters, interval, why)


def _counted(rows: list[list[Hashable]]) -> list[list[int]]:
    """How many raters gave each label, for each unit."""
    _refuse_missing(rows, "unit")
    codes = codes_of(label for row in rows for label in row)
    tallies = [Counter(codes[label] for label in row) for row in rows]
    return [[tally[code] for code in range(len(codes))] for tally in tallies]


def _checked(rows: list[list[Hashable]]) -> list[list[int]]:
    """Counts that are counts, and as many for each unit."""
    checked: list[list[int]] = []
    for place, row in enumerate(rows):
        if len(row) != len(rows[0]):
            raise DefinitionError(
                f"counts, unit {place} has {len(row)} labels and unit 0 has {len(rows[0])}; write 0 where nobody gave one"
            )
        checked.append([])
        for count in row:
            if isinstance(count, bool) or not isinstance(count, int) or count < 0:
                raise DefinitionError(f"counts, unit {place}: {count!r} is no number of raters")
            checked[-1].append(count)
    return checked


def _refuse_missing(rows: list[list[Hashable]], what: str) -> None:
    for place, row in enumerate(rows):
        if None in row:
            raise DefinitionError(
                f"{what} {place} has a missing rating (None); use krippendorff_alpha, which allows it"
            )
