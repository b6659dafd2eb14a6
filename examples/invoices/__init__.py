"""Electronic invoices, from the file in the inbox to the booking in the ledger of the company."""
