"""Pure NumPy kernels: no Spark here, so that each can be tested, and run in a worker, by itself."""
