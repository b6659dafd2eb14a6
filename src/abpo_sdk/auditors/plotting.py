"""Selection rates as a picture."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from abpo_sdk.auditors.judging import GroupResult, Rules, Verdict
from abpo_sdk.auditors.names import column_name
from abpo_sdk.auditors.wording import level

if TYPE_CHECKING:
    from collections.abc import Sequence

    from matplotlib.axes import Axes

__all__ = ["plot_rates"]

# Told apart by shape as well as by colour; the colours are told apart by colour-blind people too (Okabe, Ito 2008).
_LOOKS = {Verdict.FAIL: ("#d55e00", "X"), Verdict.INCONCLUSIVE: ("#777777", "s"), Verdict.PASS: ("#0072b2", "o")}


def plot_rates(results: Sequence[GroupResult], rules: Rules, ax: Axes | None) -> Axes:
    """Draw the groups below each other, with intervals, sizes and each column's line."""
    if ax is None:
        try:
            import matplotlib.pyplot as plt
        except ImportError as missing:
            raise ImportError("plots need matplotlib: pip install 'abpo_sdk[plots]'") from missing

        _, ax = plt.subplots(figsize=(8, 1.6 + 0.34 * len(results)), layout="constrained")
    several = len({result.column for result in results}) > 1
    for verdict, (colour, marker) in _LOOKS.items():
        places = [p for p, r in enumerate(results) if r.verdict == verdict and not math.isnan(r.rate)]
        if places:
            rates = [results[p].rate for p in places]
            spans = [
                [max(0.0, results[p].rate - results[p].rate_low) for p in places],
                [max(0.0, results[p].rate_high - results[p].rate) for p in places],
            ]
            ax.errorbar(rates, places, xerr=spans, fmt=marker, color=colour, capsize=3, label=str(verdict))
    drawn = False
    for base in (result for result in results if result.is_reference and result.selected):
        own = [place for place, result in enumerate(results) if result.column == base.column]
        label = None if drawn else f"{rules.line} of the reference"
        mark = float(rules.line) * base.rate
        ax.plot([mark, mark], [own[0] - 0.5, own[-1] + 0.5], linestyle="--", color="black", linewidth=1, label=label)
        drawn = True
    names = [
        f"{f'{column_name(r.column)}: ' if several else ''}{r.name}"
        f"{' (reference)' if r.is_reference else ''}\nn = {r.n:,}"
        for r in results
    ]
    ax.set_yticks(range(len(results)), names, fontsize=8, parse_math=False)
    ax.set_ylim(len(results) - 0.5, -0.5)
    ax.set_xlim(0, 1)
    ax.xaxis.set_major_formatter(lambda share, _: f"{100 * share:.0f} %")
    ax.set_xlabel(f"selection rate, {level(rules.alpha)} interval")
    ax.set_title(f"{', '.join(dict.fromkeys(column_name(r.column) for r in results))}", parse_math=False)
    ax.grid(axis="x", alpha=0.3)
    if ax.get_legend_handles_labels()[0]:
        ax.legend(loc="upper left", bbox_to_anchor=(1.01, 1), fontsize=8, frameon=False)
    return ax
