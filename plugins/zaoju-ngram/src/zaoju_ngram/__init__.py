"""A smoothed n-gram language model as a trainer and a runner of zaoju."""
