"""The space of cases, cut where conditions change."""
