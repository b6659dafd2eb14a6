"""A backtest as a picture."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

from abpo_sdk.auditors.names import group_name
from abpo_sdk.evaluation.shares import percent

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from abpo_sdk.evaluation.report import Backtest

__all__ = ["plot_backtest"]

# Told apart by hatching as well as by colour; the colours are told apart by colour-blind people too (Okabe, Ito 2008).
# The number that disagrees stands beside the bar.
_LOOKS = {
    True: ("agrees", "#0072b2", ""),
    False: ("disagrees", "#d55e00", "///"),
    None: ("truth not known", "#bbbbbb", ""),
}
_LEVEL = 32  # characters of all outcomes together that fit below the table without slanting them
_LONGEST = 28  # characters of a name


def plot_backtest(found: Backtest) -> Figure:
    """Draw the confusion on the left, and who would be asked on the right."""
    try:
        import matplotlib.pyplot as plt
    except ImportError as missing:
        raise ImportError("plots need matplotlib: pip install 'abpo_sdk[plots]'") from missing

    outcomes = len(found.outcomes)
    table = 2.6 + 0.6 * max(3, outcomes)
    size = (table + 6, max(3.4, 1.8 + 0.45 * outcomes))
    figure, (left, right) = plt.subplots(1, 2, figsize=size, layout="constrained", width_ratios=(table, 6))
    _confusion(found, left)
    _asked(found, right)
    figure.suptitle(
        f"{_name(found.policy.name)}: {found.usable:,} of {found.total:,} past cases usable", parse_math=False
    )
    return figure


def _confusion(found: Backtest, ax: Axes) -> None:
    table, agreement = found.confusion, found.agreement
    if table is None or agreement is None:
        _say(ax, "agreement", "not measured:\nno truth is known")
        return
    counts = table.to_numpy()
    ax.imshow(counts, cmap="Blues", vmin=0, vmax=max(1, counts.max()), aspect="auto")
    for row in range(counts.shape[0]):
        for column in range(counts.shape[1]):
            n = int(counts[row, column])
            dark = n > 0.6 * counts.max()
            weight = "bold" if table.index[row] == table.columns[column] else "normal"
            ax.text(column, row, f"{n:,}", ha="center", va="center", color="white" if dark else "black", weight=weight)
    names = [_name(name) for name in table.columns]
    slanted: dict[str, Any] = (
        {"rotation": 40, "ha": "right", "rotation_mode": "anchor"} if sum(map(len, names)) > _LEVEL else {}
    )
    ax.set_xticks(range(counts.shape[1]), names, parse_math=False, **slanted)
    ax.set_yticks(range(counts.shape[0]), [_name(name) for name in table.index], parse_math=False)
    ax.set_xlabel("what the policy decides")
    ax.set_ylabel("what people gave")
    ax.set_title(f"agreement {percent(agreement.value)} of {agreement.n:,}", fontsize=10)


def _asked(found: Backtest, ax: Axes) -> None:
    share = found.asked
    if share is None or found.gate is None:
        _say(ax, "who would be asked", "not measured:\nno gate was given" if found.gate is None else "not measured")
        return
    from matplotlib.ticker import MaxNLocator

    counts = Counter((result.asked, result.agrees) for result in found.results if result.error is None)
    start = {False: 0, True: 0}
    for agrees, (label, colour, hatch) in _LOOKS.items():
        widths = [counts[asked, agrees] for asked in start]
        if not any(widths):
            continue
        label = "cases" if found.truth is None else label
        bars = ax.barh(
            [0, 1], widths, left=list(start.values()), color=colour, hatch=hatch, edgecolor="white", label=label
        )
        texts = [f"{n:,}" if n > 0.06 * share.n and agrees is not False else "" for n in widths]
        ax.bar_label(bars, texts, label_type="center", color="black" if agrees is None else "white", weight="bold")
        start = {asked: at + counts[asked, agrees] for asked, at in start.items()}
    names = []
    for asked, name in ((False, "passes alone"), (True, f"goes to {_name(found.gate.to)}")):
        wrong = "" if found.agreement is None else f"\n{counts[asked, False]:,} disagree"
        names.append(f"{name}\n{start[asked]:,}{wrong}")
    ax.set_yticks([0, 1], names, parse_math=False)
    ax.set_ylim(1.6, -0.6)
    ax.xaxis.set_major_formatter(lambda n, _: f"{n:,.0f}")
    ax.xaxis.set_major_locator(MaxNLocator(6, integer=True))
    ax.set_xlabel("past cases")
    ax.set_title(
        f"asked {percent(share.value)}, 95 % interval {percent(share.low)} to {percent(share.high)}", fontsize=10
    )
    ax.spines[["top", "right"]].set_visible(False)
    ax.legend(loc="upper center", bbox_to_anchor=(0.5, -0.2), ncols=3, fontsize=8, frameon=False)


def _name(text: object) -> str:
    """A name as one short line."""
    line = group_name(str(text))
    return line if len(line) <= _LONGEST else f"{line[: _LONGEST - 1]}…"


def _say(ax: Axes, title: str, text: str) -> None:
    """An empty picture that says why it is empty."""
    ax.set_title(title, fontsize=10)
    ax.text(0.5, 0.5, text, ha="center", va="center", transform=ax.transAxes, color="#555555")
    ax.set_xticks([])
    ax.set_yticks([])
    ax.spines[:].set_color("#cccccc")
