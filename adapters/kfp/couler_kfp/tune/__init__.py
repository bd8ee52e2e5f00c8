"""Steps of KFP's pipelines that get better hyperparameters."""
