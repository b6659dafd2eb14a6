"""DMN: decision models read from XML, and tables and models written as XML (Decision Model and Notation 1.3 to 1.5)."""
