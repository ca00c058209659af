"""Objectives of training on texts without any answer, one file each: what is hidden of a text and has to be told.

An objective makes a batch of blocks of token ids; the model, the loop and the clock are others' affair
(`regimes.pretraining`).
"""
