"""FEEL, the expression language of DMN, as far as decision tables need it: read into conditions and values, and written back."""

from abpo_sdk.policies.feel.cells import expression_text, unary_tests_of
from abpo_sdk.policies.feel.conditions import condition_of, expression_of
from abpo_sdk.policies.feel.parsing import parse_expression, parse_unary_tests
from abpo_sdk.policies.feel.syntax import Expr, UnaryTests
from abpo_sdk.policies.feel.values import evaluate
from abpo_sdk.policies.feel.writing import feel_text, text_of

__all__ = [
    "Expr",
    "UnaryTests",
    "condition_of",
    "evaluate",
    "expression_of",
    "expression_text",
    "feel_text",
    "parse_expression",
    "parse_unary_tests",
    "text_of",
    "unary_tests_of",
]
