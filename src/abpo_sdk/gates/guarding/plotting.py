"""How people decide, as a picture."""

from __future__ import annotations

from typing import TYPE_CHECKING

from abpo_sdk.gates.guarding.share import percent
from abpo_sdk.gates.guarding.stamp import Verdict
from abpo_sdk.gates.guarding.wording import line

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from abpo_sdk.gates.guarding.report import Conduct
    from abpo_sdk.gates.guarding.share import Share

__all__ = ["plot_conduct"]

# Told apart by shape as well as by colour; the colours are told apart by colour-blind people too (Okabe, Ito 2008).
_LOOKS = {Verdict.SIGNAL: ("#d55e00", "X"), Verdict.TOO_LITTLE: ("#777777", "s"), Verdict.NO_SIGNAL: ("#0072b2", "o")}
_CAUGHT = "#000000"
_NAME = 28  # characters of a group's name


def plot_conduct(found: Conduct, ax: Axes | None) -> Axes:
    """Draw the groups below each other: what they confirm, and below that what they catch."""
    if ax is None:
        try:
            import matplotlib.pyplot as plt
        except ImportError as missing:
            raise ImportError("plots need matplotlib: pip install 'abpo_sdk[plots]'") from missing

        _, ax = plt.subplots(figsize=(8.5, 1.8 + 0.5 * max(1, len(found.groups))), layout="constrained")
    for verdict, (colour, marker) in _LOOKS.items():
        drawn = [(p - 0.12, g.confirms) for p, g in enumerate(found.groups) if g.verdict is verdict and g.confirms]
        _points(ax, drawn, colour, marker, f"confirmed: {verdict}")
    caught = [(place + 0.18, group.vigilance) for place, group in enumerate(found.groups) if group.vigilance]
    _points(ax, caught, _CAUGHT, "d", "known cases caught")
    rule = found.rule
    ax.axvline(
        rule.confirms, linestyle="--", color="black", linewidth=1, label=f"nearly all ({percent(rule.confirms)})"
    )
    if caught:
        few = f"too few caught (below {percent(rule.catches)})"
        ax.axvline(rule.catches, linestyle=":", color="black", linewidth=1, label=few)
    for place, group in enumerate(found.groups):
        if group.confirms is None and group.vigilance is None:
            ax.text(0.02, place, "not measured", va="center", fontsize=8, color="#555555")
    names = [f"{line(g.name, _NAME)}\nn = {g.n:,}" for g in found.groups]
    ax.set_yticks(range(len(names)), names, fontsize=8, parse_math=False)
    ax.set_ylim(max(1, len(names)) - 0.5, -0.5)
    ax.set_xlim(0, 1.02)
    ax.xaxis.set_major_formatter(lambda share, _: f"{100 * share:.0f} %")
    ax.set_xlabel("share of answers, 95 % interval")
    ax.set_title(f"How people decide, by {found.by}")
    ax.grid(axis="x", alpha=0.3)
    ax.spines[["top", "right"]].set_visible(False)
    ax.legend(loc="upper left", bbox_to_anchor=(1.01, 1), fontsize=8, frameon=False)
    return ax


def _points(ax: Axes, drawn: list[tuple[float, Share]], colour: str, marker: str, label: str) -> None:
    if not drawn:
        return
    spans = [[s.value - s.low for _, s in drawn], [s.high - s.value for _, s in drawn]]
    values = [share.value for _, share in drawn]
    # Rounding may put a bound a hair on the wrong side of its value.
    spans = [[max(0.0, length) for length in side] for side in spans]
    ax.errorbar(values, [p for p, _ in drawn], xerr=spans, fmt=marker, color=colour, capsize=3, label=label)
