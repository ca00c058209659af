"""Contract suites for plug-in authors: call one with your plug-in's name from a test; it raises AssertionError."""
