"""Guarding the human decision: how reviewers decide, whether they agree, and the pace that a gate asks of them."""
