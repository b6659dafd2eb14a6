"""Everything that the example needs, in one directory: ledger, orders, ERP, and the runtime that binds them."""

from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from abpo_sdk import Ledger, Runtime
from abpo_sdk.ledger import FileAnchor
from examples.invoices.pay import pay_invoice
from examples.invoices.systems import Erp, Orders

HERE = Path(__file__).parent


@dataclass(frozen=True)
class Office:
    """The accounts payable office."""

    runtime: Runtime
    erp: Erp
    orders: Orders
    directory: Path


@contextmanager
def open_office(directory: Path, *, people: Mapping[str, Collection[str]]) -> Iterator[Office]:
    """The office in a directory, which is made where it is new."""
    directory.mkdir(parents=True, exist_ok=True)
    erp = Erp(directory / "erp.db")
    orders = Orders(directory / "orders.db", seed=HERE / "orders.csv")
    # here beside the ledger; at work, where whoever runs the office cannot write
    ledger = Ledger(f"sqlite:///{directory / 'ledger.db'}", anchor=FileAnchor(directory / "checkpoints.txt"))
    with Runtime(ledger, [pay_invoice.bind(orders=orders, erp=erp)], people=people) as runtime:
        yield Office(runtime, erp, orders, directory)
    erp.close()
    orders.close()
