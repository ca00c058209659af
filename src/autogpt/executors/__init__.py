"""Where trials are worked on, one file each: who takes an order and does it in another process (`autogpt.orders`)."""
