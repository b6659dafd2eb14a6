"""Run the benchmarks: all of them, or those whose module is named."""

import sys

from benchmarks import (
    decision_table,
    durable_process,
    gate_check,
    import_line,
    ledger_append,
    ledger_growth,
    ledger_verify,
    people_waited_for,
    proofs,
    review_answer,
)
from benchmarks.runner import run

BENCHMARKS = {
    "import_line": lambda: import_line.BENCHMARK,
    "durable_process": durable_process.benchmark,
    "many_at_once": durable_process.many_at_once,
    "answer_to_resume": people_waited_for.answer_to_resume,
    "parked": people_waited_for.parked,
    "review_answer": review_answer.plain,
    "review_answer_demanding": review_answer.demanding,
    "gate_check": gate_check.benchmark,
    "decision_table": decision_table.decisions,
    "decision_table_outcomes": decision_table.outcomes,
    "decision_table_frame": decision_table.frame,
    "decision_table_checks": decision_table.checks,
    "ledger_append": ledger_append.benchmark,
    "ledger_verify_headers": ledger_verify.headers,
    "ledger_verify": ledger_verify.everything,
    "inclusion_proofs": proofs.inclusion,
    "ledger_proofs": proofs.stored,
    "proof_verification": proofs.verification,
    "tree_append": proofs.appending,
    "stores": ledger_growth.stores,
}

if __name__ == "__main__":
    names = sys.argv[1:] or list(BENCHMARKS)
    run(BENCHMARKS[name]() for name in names)
