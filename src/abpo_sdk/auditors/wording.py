"""Sentences and tables: what an audit found, for people."""

from __future__ import annotations

import math
import textwrap
from fractions import Fraction
from html import escape
from typing import TYPE_CHECKING

from abpo_sdk.auditors.judging import METRICS, GroupResult, Rules, Verdict, overall
from abpo_sdk.auditors.names import Column, column_name, group_name
from abpo_sdk.auditors.statistics import decisions_needed

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["as_html", "as_text", "findings", "level"]

_WIDTH = 100
_ROWS = 40  # groups that a printed table shows; the frame has them all
_NAMED = 12  # groups that a sentence lists


def findings(results: Sequence[GroupResult], rules: Rules, metrics: Sequence[str]) -> list[str]:
    """One sentence on the whole, one on each group, and one on everything that could mislead."""
    columns: list[Column] = list(dict.fromkeys(result.column for result in results))
    several = len(columns) > 1
    found = [_on_all(results, several=several)]
    bases = {result.column: result for result in results if result.is_reference}
    found += [_on_group(result, bases.get(result.column), rules, several=several) for result in results]
    for column in columns:
        found += _on_column([result for result in results if result.column == column], column, metrics)
    return found


def level(alpha: float) -> str:
    """The confidence of intervals, as text."""
    return f"{100 * (1 - alpha):.4g} %"


def _on_all(results: Sequence[GroupResult], *, several: bool) -> str:
    verdict = overall(results)
    told = []
    for kind in (Verdict.FAIL, Verdict.INCONCLUSIVE):
        names = [_title(result, several=several) for result in results if result.verdict == kind]
        if names:
            told.append(f"{len(names):,} of {len(results):,} groups {kind} ({_listed(names)})")
    return f"Overall: {verdict}; {'; '.join(told) or f'all {len(results):,} groups pass'}."


def _on_group(result: GroupResult, base: GroupResult | None, rules: Rules, *, several: bool) -> str:
    told = f"{_title(result, several=several)}: "
    if not result.n:
        return f"{told}{result.reason}; inconclusive."
    told += f"selected {result.selected:,} of {result.n:,} ({_percent(result.rate)}, {level(rules.alpha)} interval "
    told += f"{_percent(result.rate_low)} to {_percent(result.rate_high)})"
    if not result.is_reference and not math.isnan(result.ratio):
        told += f"; impact ratio {_ratio(result, rules.line)} ({result.ratio_low:.2f} to {result.ratio_high:.2f}) "
        told += f"against {group_name(result.reference)}"
    told += "; the reference" if result.is_reference and result.reason != "the reference" else ""
    told += f"; {result.reason}"
    if base and base.n >= rules.minimum and result.verdict == Verdict.INCONCLUSIVE and not math.isnan(result.p_holm):
        needed = decisions_needed(base.rate, line=float(rules.line), times=base.n / result.n, alpha=rules.alpha)
        if needed and needed > result.n:
            told += f"; a ratio of {rules.line} would show with about {needed:,} decisions in like proportions"
    return f"{told}; {result.verdict}."


def _on_column(results: Sequence[GroupResult], column: Column, metrics: Sequence[str]) -> list[str]:
    name, found = column_name(column), []
    n = sum(result.n for result in results)
    undecided = sum(result.undecided for result in results)
    missing = sum(result.n + result.undecided for result in results if result.missing)
    if undecided:
        found.append(f"{name}: {undecided:,} of {n + undecided:,} cases are undecided, and belong to no rate.")
    if missing:
        found.append(
            f"{name}: {missing:,} of {n + undecided:,} cases have no value; they are judged as a group of their own, "
            "which is not taken for the reference or into the rest of the pool."
        )
    known = sum(sum(result.cells.values()) for result in results)
    if known and known < n:
        found.append(f"{name}: the truth is known of {known:,} of {n:,} decisions; the rates that need it count those.")
    for metric in metrics if known else ():
        undefined = [result.name for result in results if math.isnan(result.metrics[metric])]
        if undefined:
            found.append(f"{name}: {metric} is undefined for {_listed(undefined)}, which has no {METRICS[metric][2]}.")
    return found


def _title(result: GroupResult, *, several: bool) -> str:
    return f"{column_name(result.column)} {result.name}" if several else result.name


def _listed(names: Sequence[str]) -> str:
    more = f" and {len(names) - _NAMED:,} more" if len(names) > _NAMED else ""
    return ", ".join(names[:_NAMED]) + more


def _percent(share: float) -> str:
    return f"{100 * share:.0f} %" if share in (0, 1) or 0.095 <= share < 0.995 else f"{100 * share:.2g} %"


def _ratio(result: GroupResult, line: Fraction) -> str:
    """The ratio with two digits, or more where two would put it on the wrong side of the line."""
    for digits in range(2, 9):
        text = f"{result.ratio:.{digits}f}"
        if (Fraction(text) < line) == result.below:
            return text
    return text


def _cells(results: Sequence[GroupResult], alpha: float, line: Fraction) -> list[list[str]]:
    """The rows of the printed table, heading first."""
    between = f"{level(alpha)} interval"
    several = len({result.column for result in results}) > 1
    heading = "group" if several else column_name(results[0].column)
    rows = [[heading, "n", "selected", "rate", between, "ratio", between, "p (Holm)", "verdict"]]
    for result in results:
        undefined = math.isnan(result.ratio)
        rows.append(
            [
                _title(result, several=several),
                _count(result.n),
                _count(result.selected),
                f"{100 * result.rate:.1f} %" if result.n else "",
                f"{100 * result.rate_low:.1f} to {100 * result.rate_high:.1f}" if result.n else "",
                "" if undefined else _ratio(result, line)[:6],
                "reference"
                if result.is_reference
                else ""
                if undefined
                else f"{result.ratio_low:.2f} to {_upper(result.ratio_high)}",
                "" if math.isnan(result.p_holm) else f"{result.p_holm:.2g}",
                str(result.verdict),
            ]
        )
    return rows


def _count(n: int) -> str:
    return f"{n:,}" if n < 10**9 else f"{n:.4g}"


def _upper(bound: float) -> str:
    return f"{bound:.2f}" if bound < 1000 else "inf" if math.isinf(bound) else f"{bound:.1g}"


def _shown_first(results: Sequence[GroupResult]) -> list[GroupResult]:
    """All in their order, or the worst where they are too many to print."""
    if len(results) <= _ROWS:
        return list(results)
    order = (Verdict.FAIL, Verdict.INCONCLUSIVE, Verdict.PASS)
    worst = sorted(range(len(results)), key=lambda place: order.index(results[place].verdict))[:_ROWS]
    return [results[place] for place in sorted(worst)]


def as_text(results: Sequence[GroupResult], told: Sequence[str], rules: Rules) -> str:
    """A table and the findings, at most 100 columns wide."""
    kept = _shown_first(results)
    rows = _cells(kept, rules.alpha, rules.line)
    rows[0][4] = rows[0][6] = level(rules.alpha)
    widths = [max(len(row[place]) for row in rows) for place in range(len(rows[0]))]
    widths[0] = max(8, min(widths[0], _WIDTH - sum(widths[1:]) - 2 * (len(widths) - 1)))
    lines = [f"Bias audit: {overall(results)}", ""]
    for row in rows:
        first = row[0] if len(row[0]) <= widths[0] else f"{row[0][: widths[0] - 1]}…"
        rest = [text.rjust(width) for text, width in zip(row[1:-1], widths[1:-1], strict=True)]
        lines.append("  ".join([first.ljust(widths[0]), *rest, row[-1]]).rstrip())
    if len(kept) < len(results):
        lines.append(f"and {len(results) - len(kept):,} more groups, all in .groups")
    lines.append("")
    shown = [told[0], *(text for text in told[1:] if len(results) <= _ROWS or not text.endswith("; pass."))]
    for text in shown[: 2 * _ROWS]:
        lines += textwrap.wrap(text, _WIDTH, initial_indent="- ", subsequent_indent="  ")
    if len(shown) > 2 * _ROWS:
        lines.append(f"- and {len(shown) - 2 * _ROWS:,} more, all in .findings")
    return "\n".join(lines)


def as_html(results: Sequence[GroupResult], told: Sequence[str], rules: Rules) -> str:
    """The same as HTML, every text escaped."""
    heading, *rows = _cells(_shown_first(results), rules.alpha, rules.line)
    head = "".join(f"<th>{escape(text)}</th>" for text in heading)
    body = "".join("<tr>" + "".join(f"<td>{escape(text)}</td>" for text in row) + "</tr>" for row in rows)
    more = len(results) - len(rows)
    note = f"<p>and {more:,} more groups, all in <code>.groups</code></p>" if more else ""
    items = "".join(f"<li>{escape(text)}</li>" for text in told[: 2 * _ROWS])
    return (
        f"<div><p><strong>Bias audit: {escape(overall(results))}</strong></p>"
        f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>{note}<ul>{items}</ul></div>"
    )
