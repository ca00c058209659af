"""Formats that written texts keep to: JSON, HTML, Python (see `written.Format`)."""
