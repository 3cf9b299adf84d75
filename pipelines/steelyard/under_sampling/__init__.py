"""Samplers that remove rows."""

from steelyard.under_sampling._random_under_sampler import RandomUnderSampler

__all__ = ["RandomUnderSampler"]
