"""Training functions such as `xgboost.train`, over the catalogue of ready-made steps."""

from couler_plugins.authoring.zoo import katib, lightgbm, mpi, pytorch, tensorflow, xgboost
from couler_plugins.authoring.zoo.datasets import Dataset

__all__ = ["Dataset", "katib", "lightgbm", "mpi", "pytorch", "tensorflow", "xgboost"]
