"""Labelling by a person, with a model that says which rows to look at next: pool, records, head, session, exchange."""
