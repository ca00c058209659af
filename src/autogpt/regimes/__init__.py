"""Ways of training that take more than one data set or more than one round: a file each, made of trials' own pieces."""
