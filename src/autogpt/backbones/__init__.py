"""Backbone families, one file each. A fitted backbone is a `core.Scorer`; it saves and loads itself without pickle."""
