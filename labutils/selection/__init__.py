"""Which examples to keep: chapters 04, 06 and 07."""
