"""One language for every condition: typed references to fields, compared and combined with Python's own operators.

`fields(Model)` gives references that fail when they are written wrongly; a condition is evaluated on a case, and
read as a text that shows the values of a case.
"""

from abpo_sdk.conditions.always import always, never
from abpo_sdk.conditions.condition import Condition
from abpo_sdk.conditions.expressions import Expression, Field, Item
from abpo_sdk.conditions.fields import Fields, fields
from abpo_sdk.conditions.reading import Reading

__all__ = ["Condition", "Expression", "Field", "Fields", "Item", "Reading", "always", "fields", "never"]
