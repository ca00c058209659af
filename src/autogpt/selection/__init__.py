"""Which rows to learn from: policies over an environment of data. One file each; the file's name is the policy's name.

A policy is an agent. Its environment (`_environment.py`) is a pool of rows with features that were made without looking
at the rows that reward it; its action is a weight per row; its reward is the held-out log-likelihood of a quick learner
that was fitted with these weights. What comes out is a `Choice`. Nothing here knows tasks, encoders or training: rows
are vectors with numbered labels.
"""
