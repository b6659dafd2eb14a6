"""Sentences and tables: what a backtest found, for people."""

from __future__ import annotations

import textwrap
from html import escape
from typing import TYPE_CHECKING, NamedTuple

from abpo_sdk.auditors.names import group_name
from abpo_sdk.evaluation.shares import Share, percent

if TYPE_CHECKING:
    from abpo_sdk.evaluation.report import Backtest

__all__ = ["as_html", "as_text"]

_WIDTH = 100
_ROWS = 40  # rows that a printed table shows; the frame has them all
_ERRORS = 5  # unusable cases that are shown
_COLUMNS = 8  # columns that a printed table shows


class Table(NamedTuple):
    """A table: its title, heading and rows; `left` columns hold texts, the others numbers."""

    title: str
    heading: tuple[str, ...]
    rows: list[tuple[str, ...]]
    left: frozenset[int]
    whole: str  # where all of it is
    left_off: str = ""


def as_text(found: Backtest) -> str:
    """Everything as plain text, at most 100 columns wide."""
    lines = [*textwrap.wrap(_title(found), _WIDTH), ""]
    facts = _facts(found)
    side = max(len(name) for name, _ in facts) + 2
    for name, told in facts:
        lines += textwrap.wrap(told, _WIDTH, initial_indent=name.ljust(side), subsequent_indent=" " * side)
    for table in _tables(found):
        lines += ["", *_drawn(table)]
    unusable = _unusable(found)
    lines += ["", "Unusable:"] if unusable else []
    for told in unusable:
        lines += textwrap.wrap(told, _WIDTH, initial_indent="- ", subsequent_indent="  ")
    notes = [_line(note) for note in found.notes]
    lines += [""] if notes else []
    for note in notes:
        lines += textwrap.wrap(note, _WIDTH)
    return "\n".join(lines)


def as_html(found: Backtest) -> str:
    """The same as HTML, every text escaped."""
    parts = [f"<p><strong>{escape(_title(found))}</strong></p>"]
    rows = "".join(f"<tr><th>{escape(name)}</th><td>{escape(told)}</td></tr>" for name, told in _facts(found))
    parts.append(f"<table><tbody>{rows}</tbody></table>")
    for table in _tables(found):
        head = "".join(f"<th>{escape(text)}</th>" for text in table.heading)
        body = "".join("<tr>" + "".join(f"<td>{escape(t)}</td>" for t in row) + "</tr>" for row in table.rows)
        more = f"<p>{escape(table.left_off)}</p>" if table.left_off else ""
        title = f"<p>{escape(table.title)}</p>"
        parts.append(f"{title}<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>{more}")
    unusable = "".join(f"<li>{escape(told)}</li>" for told in _unusable(found))
    parts.append(f"<p>Unusable:</p><ul>{unusable}</ul>" if unusable else "")
    notes = "".join(f"<li>{escape(_line(note))}</li>" for note in found.notes)
    parts.append(f"<ul>{notes}</ul>" if notes else "")
    return f"<div>{''.join(parts)}</div>"


def _title(found: Backtest) -> str:
    version = f" (version {found.policy.version})" if found.policy.version else ""
    return _line(f"Backtest of {found.policy.name}{version} on {found.total:,} past cases")


def _facts(found: Backtest) -> list[tuple[str, str]]:
    """What was measured, and what was not, by name."""
    bad = len(found.unusable)
    told = f"{found.usable:,} of {found.total:,} cases" + (f"; {bad:,} could not be decided, see below" if bad else "")
    facts = [("Usable", told), ("Agreement", _agreement(found))]
    if found.baseline is not None and found.agreement is not None:
        outcome, share = found.baseline
        always = f"{percent(share.value)} would agree if the answer were always {_line(repr(outcome))}"
        facts.append(("", always))
    if found.gate is None:
        return [*facts, ("Would be asked", "not measured: no gate was given")]
    if found.asked is None:
        return [*facts, ("Would be asked", "not measured: no case could be decided")]
    facts.append(("Would be asked", _line(f"{found.asked}; gate {found.gate.name}")))
    if found.agreement is not None:
        facts.append(("Agrees if not asked", _or_none(found.agreement_alone)))
        facts.append(("Agrees if asked", _or_none(found.agreement_asked)))
    return facts


def _agreement(found: Backtest) -> str:
    if found.truth is None:
        return "not measured: no truth was given"
    if found.agreement is None:
        why = "no case could be decided" if not found.usable else f"no usable case has a known {found.truth!r}"
        return _line(f"not measured: {why}")
    unknown = found.truth_unknown
    return _line(f"{found.agreement}" + (f"; {unknown:,} more without {found.truth!r}" if unknown else ""))


def _or_none(share: Share | None) -> str:
    return "not measured: there are none with known truth" if share is None else str(share)


def _tables(found: Backtest) -> list[Table]:
    tables = []
    confusion = found.confusion
    if confusion is not None and found.agreement is not None:
        names = [str(name) for name in confusion.columns]
        shown = names[:_COLUMNS]
        cells = [
            (str(t), *(f"{n:,}" for n in row[: len(shown)]))
            for t, row in zip(confusion.index, confusion.to_numpy().tolist(), strict=True)
        ]
        title = "What people gave (rows) and what the policy decides (columns):"
        more = f"and {len(names) - len(shown):,} more columns" if len(names) > len(shown) else ""
        tables.append(_table(title, ("", *shown), cells, {0}, ".confusion", more))
    rules = found.rules
    measured = found.agreement is not None
    rows = [
        (
            code,
            outcome,
            f"{n:,}",
            *((f"{agree:,} of {known:,}" if known else "",) if measured else ()),
            because or "",
        )
        for code, outcome, because, n, known, agree in rules.reset_index().to_numpy().tolist()
    ]
    heading = ("rule", "outcome", "cases", *(("agree",) if measured else ()), "because")
    tables.append(_table("Which rule decides:", heading, rows, {0, 1, len(heading) - 1}, ".rules"))
    asks = found.asked_because
    if asks is not None and found.asked is not None:
        rows = [(text, role, f"{n:,}", f"{alone:,}") for text, role, n, alone in asks.reset_index().to_numpy().tolist()]
        tables.append(
            _table("Why a person is asked:", ("condition", "role", "cases", "alone"), rows, {0, 1}, ".asked_because")
        )
    return tables


def _table(
    title: str, heading: tuple[str, ...], rows: list[tuple[str, ...]], left: set[int], whole: str, more: str = ""
) -> Table:
    """A table of at most so many rows, each cell one line."""
    shown = [tuple(_line(cell) for cell in row) for row in rows[:_ROWS]]
    over = [f"and {len(rows) - _ROWS:,} more rows" if len(rows) > _ROWS else "", more]
    told = " ".join(part for part in over if part)
    return Table(
        title, tuple(map(_line, heading)), shown, frozenset(left), whole, f"{told}, all in {whole}" if told else ""
    )


def _drawn(table: Table) -> list[str]:
    """The lines of a table; the widest columns of text give way until it fits."""
    rows = [table.heading, *table.rows]
    widths = [max(len(row[place]) for row in rows) for place in range(len(table.heading))]
    room = _WIDTH - 2 * (len(widths) - 1)
    while sum(widths) > room:
        widest = max(range(len(widths)), key=lambda place: (widths[place], place in table.left))
        widths[widest] -= 1
    lines = [table.title]
    for row in rows:
        cells = [_fit(text, width) for text, width in zip(row, widths, strict=True)]
        aligned = [
            cell.ljust(width) if place in table.left else cell.rjust(width)
            for place, (cell, width) in enumerate(zip(cells, widths, strict=True))
        ]
        lines.append("  ".join(aligned).rstrip())
    return [*lines, *([table.left_off] if table.left_off else [])]


def _fit(text: str, width: int) -> str:
    return text if len(text) <= width else f"{text[: width - 1]}…"


def _unusable(found: Backtest) -> list[str]:
    unusable = found.unusable
    told = [_line(f"row {label!r}: {_fit(error, 400)}") for label, error in unusable[:_ERRORS]]
    if len(unusable) > _ERRORS:
        told.append(f"and {len(unusable) - _ERRORS:,} more, all in .unusable")
    return told


def _line(text: str) -> str:
    """A text as one line that can be printed."""
    return group_name(text)
