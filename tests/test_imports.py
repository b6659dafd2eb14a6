"""What is loaded, and when: a fresh interpreter tells."""

import json
import subprocess
import sys

HEAVY = ["numpy", "pandas", "sklearn", "scipy", "statsmodels", "fairlearn", "shap", "matplotlib"]

NORTH_STAR = """
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Protocol

from pydantic import BaseModel

from abpo_sdk import Decision, DecisionTable, Gate, Personal, Runtime, fields, idempotency_key, process, rule, step
"""

RULES_ONLY = (
    NORTH_STAR
    + """
class Invoice(BaseModel):
    number: str
    supplier: str
    total: Decimal
    iban: Annotated[str, Personal("bank account", subject_field="supplier")]

i, d = fields(Invoice), fields(Decision)
payment = DecisionTable("payment", rule(i.total <= 0, then="reject", because="not positive"), otherwise="refer")
approval = Gate("approval", when=(i.total > 10_000) | (d.outcome == "refer"), to="controller", due=timedelta(hours=8), escalate_to="cfo")

@step(reads="invoices:{number}")
def read(number: str) -> Invoice:
    return Invoice(number=number, supplier="S", total=12400, iban="DE02120300000000202051")

@step
def book(invoice: Invoice) -> str:
    return idempotency_key()

@process
def pay_invoice(number: str) -> str:
    invoice = read(number)
    approval(payment(invoice))
    return book(invoice)

people = {"maria@acme": {"controller"}, "ines@acme": {"cfo"}}
with Runtime(f"sqlite:///{sys.argv[1]}", [pay_invoice], people=people) as runtime:
    run = runtime.start(pay_invoice, "INV-7", id="INV-7")
    run.review.answer("refer", by="maria@acme", because="x")
    assert run.result() == "INV-7/book/0", run
    assert "step read" in str(runtime.lineage("INV-7"))
    runtime.tick()
    runtime.ledger.verify()
"""
)


def modules_after(code, *arguments):
    """The modules that a fresh interpreter has after some code, without those that it began with."""
    script = f"import sys\nbefore = set(sys.modules)\n{code}\nimport json\nprint(json.dumps(sorted(set(sys.modules) - before)))"
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", script, *arguments],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def heavy(modules):
    return sorted({name.partition(".")[0] for name in modules} & set(HEAVY))


def test_the_import_line_loads_few_modules_and_nothing_heavy():
    modules = modules_after(NORTH_STAR)
    assert heavy(modules) == []
    assert len(modules) <= 350


def test_a_run_of_rules_alone_loads_nothing_heavy_to_its_end(tmp_path):
    modules = modules_after(RULES_ONLY, str(tmp_path / "abpo.db"))
    assert heavy(modules) == []
    assert "abpo_sdk.runtime.segment" in modules


def test_the_package_alone_loads_none_of_its_rooms():
    modules = modules_after("import abpo_sdk")
    assert [name for name in modules if name.startswith("abpo_sdk")] == ["abpo_sdk", "abpo_sdk.lazy_words"]


def test_every_core_word_is_there_and_a_wrong_one_is_named():
    modules_after(
        """
import abpo_sdk
for name in abpo_sdk.__all__:
    assert getattr(abpo_sdk, name) is not None, name
assert set(abpo_sdk.__all__) <= set(dir(abpo_sdk))
try:
    abpo_sdk.Runtme
except AttributeError as error:
    assert "Runtme" in str(error)
else:
    raise AssertionError("a name that is not there was found")
"""
    )


def test_the_pytest_plugin_loads_no_room_since_pytest_loads_it_in_every_project():
    modules = modules_after("import abpo_sdk.testing.plugin")
    ours = [name for name in modules if name.startswith("abpo_sdk")]
    assert ours == ["abpo_sdk", "abpo_sdk.lazy_words", "abpo_sdk.testing", "abpo_sdk.testing.plugin"]
    assert not {"hypothesis", "pydantic"} & set(modules)


def test_every_word_for_tests_is_there_without_hypothesis_and_a_wrong_one_is_named():
    modules = modules_after(
        """
from abpo_sdk import testing
for name in testing.__all__:
    assert getattr(testing, name).__name__ == name, name
assert set(testing.__all__) <= set(dir(testing))
try:
    testing.TestRuntme
except AttributeError as error:
    assert "TestRuntme" in str(error)
else:
    raise AssertionError("a name that is not there was found")
"""
    )
    assert "hypothesis" not in modules
