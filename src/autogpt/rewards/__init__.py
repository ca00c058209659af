"""Checks of what a model wrote, one file each: a program says how good a text is as an answer to a row, from 0 to 1.

A reward is what a model is trained by where nothing but a program knows what is right (`regimes.alignment`), and a
second one may watch that the first is not cheated.
"""
