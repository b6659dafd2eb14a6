"""Sentences and tables: how people decide, for people."""

from __future__ import annotations

import textwrap
from collections.abc import Callable
from datetime import timedelta
from html import escape
from typing import TYPE_CHECKING

from abpo_sdk.gates.guarding.share import Share, percent
from abpo_sdk.gates.guarding.stamp import Verdict

if TYPE_CHECKING:
    from abpo_sdk.gates.guarding.report import Conduct, GroupConduct
    from abpo_sdk.gates.guarding.trend import Trend

__all__ = ["as_html", "as_text", "duration", "findings", "line"]

_WIDTH = 100
_ROWS = 40  # groups that a printed table shows; the frame has them all
_HEADING = ("answers", "confirms", "95 %", "reads", "fast", "run", "caught", "rubber stamp")


def findings(group: GroupConduct) -> list[str]:
    """The verdict on a group, then what else there is to say of it, each as one sentence."""
    name = line(group.name)
    told = [f"{name}: {group.verdict}; {group.because}."]
    if group.vigilance:
        told.append(f"{name}: caught {_share(group.vigilance)} of the known cases whose proposal was wrong or hidden.")
    if group.false_alarms:
        told.append(f"{name}: overruled {_share(group.false_alarms)} of the known cases whose proposal was right.")
    if group.reading and group.reading.lower_decile is not None:
        told.append(f"{name}: a tenth of the answers came within {duration(group.reading.lower_decile)}.")
    if group.confirms or group.reading:
        confirming = _along("the share confirmed", group.confirming_trend, percent)
        reading = _along("the reading time", group.reading_trend, lambda s: duration(timedelta(seconds=s)))
        told.append(f"{name}, along a sitting: {confirming}; {reading}.")
    if group.agreement.units:
        told.append(f"{name}, double reviews: {group.agreement}.")
    return told


def as_text(found: Conduct) -> str:
    """A table and the findings, at most 100 columns wide."""
    groups = _shown_first(found)
    lines = [_title(found)]
    if not groups:
        return lines[0]
    rows = [(found.by, *_HEADING), *(_cells(group) for group in groups)]
    widths = [max(len(row[place]) for row in rows) for place in range(len(rows[0]))]
    widths[0] = max(8, min(widths[0], _WIDTH - sum(widths[1:]) - 2 * (len(widths) - 1)))
    lines.append("")
    for row in rows:
        numbers = [cell.rjust(width) for cell, width in zip(row[1:-1], widths[1:-1], strict=True)]
        lines.append("  ".join([line(row[0], widths[0]).ljust(widths[0]), *numbers, row[-1]]).rstrip())
    if len(groups) < len(found.groups):
        lines.append(f"and {len(found.groups) - len(groups):,} more, all in .to_frame()")
    lines.append("")
    for told in [*(text for group in groups for text in findings(group)), *found.notes, *_basis(found)]:
        lines += textwrap.wrap(told, _WIDTH, initial_indent="- ", subsequent_indent="  ")
    return "\n".join(lines)


def as_html(found: Conduct) -> str:
    """The same as HTML, every text escaped."""
    groups = _shown_first(found)
    head = "".join(f"<th>{escape(text)}</th>" for text in (found.by, *_HEADING))
    body = "".join("<tr>" + "".join(f"<td>{escape(t)}</td>" for t in _cells(group)) + "</tr>" for group in groups)
    more = len(found.groups) - len(groups)
    note = f"<p>and {more:,} more, all in <code>.to_frame()</code></p>" if more else ""
    told = [*(text for group in groups for text in findings(group)), *found.notes, *_basis(found)]
    items = "".join(f"<li>{escape(text)}</li>" for text in told)
    return (
        f"<div><p><strong>{escape(_title(found))}</strong></p>"
        f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>{note}<ul>{items}</ul></div>"
    )


def duration(time: timedelta) -> str:
    """A length of time as people say it.

    >>> duration(timedelta(seconds=3.24)), duration(timedelta(seconds=80)), duration(timedelta(hours=30))
    ('3.2 s', '1 min 20 s', '30 h')
    """
    seconds = time.total_seconds()
    if seconds < 59.95:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 60:
        return f"{minutes} min {rest} s" if rest else f"{minutes} min"
    hours, left = divmod(round(seconds / 60), 60)
    return f"{hours:,} h {left} min" if left else f"{hours:,} h"


def line(text: str, most: int | None = None) -> str:
    """A text as one line that can be printed, cut to so many characters."""
    plain = "".join(c if c.isprintable() else repr(c)[1:-1] for c in text)
    return plain if most is None or len(plain) <= most else f"{plain[: most - 1]}…"


def _title(found: Conduct) -> str:
    n, signals = len(found.groups), len(found.signals)
    kinds = {"role": ("role", "roles"), "person": ("person", "persons")}[found.by]
    title = f"How people decide, by {found.by}: "
    if not n:
        return f"{title}not measured, there are no answers"
    return (
        f"{title}{signals:,} of {n:,} {kinds[n > 1]} {'shows' if signals == 1 else 'show'} the sign of a rubber stamp"
    )


def _cells(group: GroupConduct) -> tuple[str, ...]:
    """A row of the printed table; what is not measured is a dash."""
    confirms, reading, caught = group.confirms, group.reading, group.vigilance
    return (
        line(group.name),
        f"{group.n:,}",
        percent(confirms.value) if confirms else "-",
        f"{100 * confirms.low:.0f} to {100 * confirms.high:.0f}" if confirms else "-",
        duration(reading.median) if reading else "-",
        percent(group.fast.value) if group.fast else "-",
        "-" if group.longest is None else f"{group.longest:,}",
        f"{caught.k:,} of {caught.n:,}" if caught else "-",
        str(group.verdict),
    )


def _basis(found: Conduct) -> list[str]:
    """What the table rests on, and what was not measured."""
    told = []
    if found.groups:
        told.append(
            "confirms: the share of seen proposals, with its 95 % interval; reads: the median time; fast: the share answered "
            "faster than it can be read; run: the most confirmations of one person in a row; caught: of the known cases."
        )
    if any(group.confirms is None or group.reading is None or group.vigilance is None for group in found.groups):
        told.append("A dash is what is not measured: no seeded known case, no time of showing, or no proposal seen.")
    if found.groups and not any(group.agreement.units for group in found.groups):
        told.append("Agreement is not measured: there is no double review.")
    if found.groups and not found.timed:
        told.append("Reading is not judged: no least reading time was given.")
    if found.declared is not None:
        told.append(f"Measures of persons are allowed by: {line(found.declared)}.")
    return told


def _shown_first(found: Conduct) -> list[GroupConduct]:
    """All in their order, or those with a signal first where they are too many to print."""
    if len(found.groups) <= _ROWS:
        return list(found.groups)
    order = (Verdict.SIGNAL, Verdict.TOO_LITTLE, Verdict.NO_SIGNAL)
    return sorted(found.groups, key=lambda group: order.index(group.verdict))[:_ROWS]


def _share(share: Share) -> str:
    low, high = share.interval
    return f"{share.k:,} of {share.n:,} ({percent(share.value)}, 95 % interval {percent(low)} to {percent(high)})"


def _along(what: str, trend: Trend, said: Callable[[float], str]) -> str:
    """What changes along sittings."""
    if trend.first is None or trend.last is None or trend.p is None:
        return f"of {what}, too little to say"
    if trend.word == "no change shown":
        return f"of {what}, no change shown"
    p = "p < 0.0001" if trend.p < 0.0001 else f"p = {trend.p:.2g}"
    return f"{what} {trend.word} from {said(trend.first)} in the first third to {said(trend.last)} in the last ({p})"
