"""cli."""
def main() -> None:
    raise SystemExit("not yet")
