"""Private training's room; nothing is in it yet."""
