"""What every policy must do, checked one by one on cases that it decides."""
