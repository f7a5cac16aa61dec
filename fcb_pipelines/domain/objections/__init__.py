"""What can stand against taking a cohort live: one file for each kind of objection, found by being there (gate)."""
