"""Who may answer, and what the demonstration answers in their place, from a process of its own."""

import sys
from pathlib import Path

from abpo_sdk import Review, Runtime
from examples.invoices.office import open_office

PEOPLE = {"maria@acme": {"controller"}, "ines@acme": {"cfo"}}


def answer_of(review: Review) -> tuple[str, str]:
    """An outcome and a reason, as a controller might give them."""
    why = " ".join(review.why)
    if "changed" in why:
        return "reject", "the supplier was called and knows of no new account"
    if "refer" in why:
        reason = review.decision.reasons[0]
        if reason.code == "payment.no order":
            return "reject", "the supplier was asked to name the order"
        return "pay", "the delivery note shows the larger quantity"
    return "pay", "checked against the delivery note"


def answer_all(runtime: Runtime) -> int:
    """Answer every open review of the controller; give how many."""
    reviews = runtime.reviews(to="controller")
    for review in reviews:
        outcome, because = answer_of(review)
        review.answer(outcome, by="maria@acme", because=because)
    return len(reviews)


if __name__ == "__main__":
    with open_office(Path(sys.argv[1]), people=PEOPLE) as office:
        print(answer_all(office.runtime))
