"""imbalanced-learn's own code as the engine of a sampler. Empty, so that executors import the task alone."""
