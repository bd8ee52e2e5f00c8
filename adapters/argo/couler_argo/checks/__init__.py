"""The lint's checks, one subject a file; `couler_argo.lint` runs them."""
