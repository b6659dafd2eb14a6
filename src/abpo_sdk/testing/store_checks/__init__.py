"""What every store must do, checked one by one on new storage."""
