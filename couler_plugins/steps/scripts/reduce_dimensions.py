"""Puts few columns in place of many, by principal component analysis."""

import pandas as pd
from sklearn.decomposition import PCA

from couler_plugins.steps.scripts.running import run
from couler_plugins.steps.scripts.tables import kept_table, numbers, table


def main(data: str, components: int, keep: list[str], fit: str, store: str) -> dict[str, object]:
    """The table with the components in place of its numbers, and the share of their variance that is still there."""
    frame = table(data)
    base = table(fit) if fit else frame
    names = numbers(base, [], keep)
    numbers(frame, names, [])
    analysis = PCA(n_components=min(components, len(names), len(base)), svd_solver="full").fit(base[names])
    reduced = pd.DataFrame(analysis.transform(frame[names]), index=frame.index).add_prefix("component-")
    rest = frame.drop(columns=names)
    explained = float(analysis.explained_variance_ratio_.sum())
    return {"data": kept_table(pd.concat([reduced, rest], axis=1), store), "explained": explained}


if __name__ == "__main__":
    run(main)
