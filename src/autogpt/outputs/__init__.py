"""Output kinds, one file each: label space, target encoding, per-example loss, probabilities, decoding."""
